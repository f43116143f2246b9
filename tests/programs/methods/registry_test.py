# Copyright 2026, The tff-methods Authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Tests of the builders of all methods."""

import functools
import re
from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized
import numpy as np
import tensorflow_federated as tff

from programs.methods import method_flags
from programs.methods import registry
from programs.training import optimizers
from tests.programs.methods import tiny_task
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import label_hashing
from tff_methods import templates


@functools.cache
def _build_with_all_flags(name: str):
  """Builds a process with all flags of optimizers, and a quantized downlink.

  Args:
    name: Name of the method.

  Returns:
    The process, the options of its downlink, and the function that sets the
    learning rates of a round.
  """
  with flagsaver.flagsaver(
    client_momentum=0.5,
    client_clip_norm=1.0,
    proximal_strength=0.1,
    client_weighting='uniform',
    server_optimizer='yogi',
    client_learning_rate_schedule='2:0.5',
    server_learning_rate_schedule='2:0.25',
    downlink_bits='4',
    **tiny_task.REQUIRED_FLAGS,
  ):
    downlink = method_flags.downlink_options(seed=3)
    process = registry.METHODS[name].build(
      tiny_task.TASK,
      optimizers.build_client_optimizer(),
      optimizers.build_server_optimizer(),
      method_flags.make_options(name, 0),
      downlink,
      **optimizers.client_weighting(),
    )
    return process, downlink, optimizers.build_schedule_fn()


class RegistryTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  @parameterized.parameters(*registry.METHODS)
  def test_builds_a_process_with_all_flags_of_optimizers(self, name):
    process, _, set_rates = _build_with_all_flags(name)
    self.assertIsInstance(
      process,
      templates.ClientStateProcess
      if name in ('dhqc', 'dgc', 'ef_sign')
      else tff.learning.templates.LearningProcess,
    )
    state = process.initialize()
    if name in method_flags.WITHOUT_CLIENT_SCHEDULE:
      self.assertEmpty(state.client_work)
      state = state._replace(client_work={'learning_rate': 0.1})
    found = str(set_rates(state, 2))
    expected = str(state)
    for old, new in ((0.1, 0.05), (1.0, 0.25)):
      expected = re.sub(
        rf"('learning_rate'(, |: )){old}\b", rf'\g<1>{new}', expected
      )
    self.assertEqual(found, expected)
    self.assertNotEqual(found, str(state))

  @parameterized.parameters(
    ('sketched_update', {'secure_clip': 1.0}, True),
    (
      'sketched_update',
      {'secure_clip': 1.0, 'dp_noise_multiplier': 0.5},
      True,
    ),
    ('sketched_update', {'dp_noise_multiplier': 1.0}, False),
    ('fed_avg', {'dp_noise_multiplier': 1.0}, False),
    ('random_mask', {'dp_noise_multiplier': 1.0, 'fraction': 0.5}, False),
    ('low_rank', {'dp_noise_multiplier': 1.0, 'rank': 1}, False),
    ('fed_avg', {'tff_aggregator': 'robust'}, False),
    ('fed_avg', {'tff_aggregator': 'compression'}, False),
    ('fed_avg', {'tff_aggregator': 'secure'}, True),
    (
      'fed_avg',
      {'tff_aggregator': 'ddp_secure', 'dp_noise_multiplier': 0.5},
      True,
    ),
  )
  def test_other_aggregators(self, name, given, is_secure):
    sgd = tff.learning.optimizers.build_sgdm(0.1)
    with flagsaver.flagsaver(**given):
      options = method_flags.make_options(name, 0)
    with self.assertNoLogs('tensorflow', 'ERROR'):
      process = registry.METHODS[name].build(
        tiny_task.TASK, sgd, sgd, options, None
      )
    self.assertIsInstance(process, tff.learning.templates.LearningProcess)
    if is_secure:
      tff.test.assert_not_contains_unsecure_aggregation(process.next)
    else:
      tff.test.assert_contains_unsecure_aggregation(process.next)

  @parameterized.parameters('sketched_update', 'terngrad', 'qsgd')
  def test_options_reach_the_process(self, name):
    # With min_elements, fewer values are compressed, so clients send more.
    sgd = tff.learning.optimizers.build_sgdm(0.1)
    sent = []
    for min_elements in (0, 100):
      with flagsaver.flagsaver(min_elements=min_elements):
        options = method_flags.make_options(name, 0)
      process = registry.METHODS[name].build(
        tiny_task.TASK, sgd, sgd, options, None
      )
      sent.append(communication.traced_bytes(process.next).uplink)
    self.assertLess(sent[0], sent[1])

  @parameterized.parameters(*registry.METHODS)
  def test_downlink_is_quantized(self, name):
    process, downlink, _ = _build_with_all_flags(name)
    self.assertEqual(downlink.base_seed, 3)
    self.assertIn(
      'payload_bytes_per_client', str(process.next.type_signature.result)
    )

  @parameterized.parameters('fed_avg', 'sketched_update', 'terngrad', 'qsgd')
  def test_deltas(self, name):
    sgd = tff.learning.optimizers.build_sgdm(0.1)
    with flagsaver.flagsaver(downlink_bits='4', downlink_deltas=True):
      options = method_flags.make_options(name, 0)
      downlink = method_flags.downlink_options(seed=3)
    process = registry.METHODS[name].build(
      tiny_task.TASK, sgd, sgd, options, downlink
    )
    self.assertIsInstance(process, templates.DeltaDownlinkProcess)
    self.assertEqual(
      'payload_bytes=' in str(process.next.type_signature.result),
      name != 'fed_avg',
    )

  def test_fed_mlh_draws_the_hash_functions_of_the_seed(self):
    with (
      flagsaver.flagsaver(num_tables=2, num_buckets=5),
      mock.patch.object(algorithms, 'build_fed_mlh') as build,
    ):
      options = method_flags.make_options('fed_mlh', 5)
      registry.METHODS['fed_mlh'].build(
        tiny_task.TASK, None, None, options, None
      )
    ((model, *_), _) = build.call_args
    self.assertEqual(model.seed, 5)
    label_hash = model.label_hash
    self.assertEqual((label_hash.num_tables, label_hash.num_buckets), (2, 5))
    other = label_hashing.LabelHash.draw(9, 2, 5, seed=6)
    self.assertNotEqual(label_hash.coefficients, other.coefficients)

  def test_fed_avg_ensemble_has_models_of_all_labels(self):
    with flagsaver.flagsaver(num_models=3):
      options = method_flags.make_options('fed_avg_ensemble', 5)
    sgd = tff.learning.optimizers.build_sgdm(0.1)
    process = registry.METHODS['fed_avg_ensemble'].build(
      tiny_task.TASK, sgd, sgd, options, None
    )
    weights = process.get_model_weights(process.initialize()).trainable
    self.assertEqual(weights[-1].shape, (3, tiny_task.TASK.num_labels))
    # Models begin with different weights.
    self.assertFalse(np.allclose(weights[0][0], weights[0][1]))


if __name__ == '__main__':
  absltest.main()
