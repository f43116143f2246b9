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
import functools

from absl.testing import parameterized
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib

_SGD = tff.learning.optimizers.build_sgdm(0.1)


def _build(**kwargs):
  return algorithms.build_fetch_sgd_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.CountSketchOptions(**kwargs),
  )


@functools.cache
def _small():
  return _build(fraction=0.5, applied_fraction=0.2, momentum=0.5)


def _kernel(process, num_rounds):
  state, _ = linear_model.train(process, num_rounds)
  return state.global_model_weights.trainable[0]


class FetchSgdFedAvgComputationTest(parameterized.TestCase, tf.test.TestCase):
  def test_types_are_those_of_federated_averaging(self):
    ours, theirs = _small(), local_updates.fed_avg()
    self.assertIsInstance(ours, tff.learning.templates.LearningProcess)
    self.assertEqual(
      ours.get_model_weights.type_signature.result,
      theirs.get_model_weights.type_signature.result,
    )
    self.assertEqual(
      ours.next.type_signature.parameter[1],
      theirs.next.type_signature.parameter[1],
    )

  @parameterized.named_parameters(
    ('model', {'model_fn': 3}, 'int'),
    ('weighting', {'client_weighting': 1}, 'ClientWeighting'),
    ('options', {'options': options_lib.DhqcOptions()}, 'CountSketchOptions'),
  )
  def test_bad_arguments_raise(self, kwargs, message):
    arguments = {'model_fn': linear_model.model_fn, **kwargs}
    with self.assertRaisesRegex(TypeError, message):
      algorithms.build_fetch_sgd_fed_avg(client_optimizer_fn=_SGD, **arguments)


class FetchSgdFedAvgExecutionTest(parameterized.TestCase, tf.test.TestCase):
  def test_counts_of_bytes_agree(self):
    # 5 rows of ceil(84 * 0.5 / 5) buckets; a weight; loss, accuracy (two floats
    # each) and the counts of examples and batches.
    expected = 4 * 5 * 9 + 4 + 4 * 4 + 2 * 8
    process = _small()
    self.assertEqual(communication.traced_bytes(process.next).uplink, expected)
    _, metrics = linear_model.train(process, 1)
    found = communication.build_round_bytes_fn(process.next)(metrics, 3)
    self.assertEqual(found['uplink_bytes'], 3 * expected)

  def test_a_round_changes_few_weights(self):
    state, _ = linear_model.train(_small(), 1)
    changed = sum(
      tf.math.count_nonzero(x).numpy()
      for x in state.global_model_weights.trainable
    )
    self.assertEqual(changed, 17)  # round(84 * 0.2).

  def test_learns(self):
    process = _build(fraction=1.0, applied_fraction=0.2, momentum=0.5)
    _, metrics = linear_model.train(process, 20)
    self.assertGreater(metrics['client_work']['train']['accuracy'], 0.6)

  def test_bits_depend_on_the_seed_alone(self):
    first = _kernel(_small(), 2)
    other = _kernel(
      _build(fraction=0.5, applied_fraction=0.2, momentum=0.5, base_seed=1), 2
    )
    self.assertEqual(first.tobytes(), _kernel(_small(), 2).tobytes())
    self.assertNotAllClose(first, other)


if __name__ == '__main__':
  tf.test.main()
