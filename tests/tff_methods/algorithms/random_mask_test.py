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

from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tests.tff_methods.runtime import two_workers
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import runtime

_SGD = tff.learning.optimizers.build_sgdm(0.1)


@caching.cache
def _build(model_fn=linear_model.model_fn, bits=None, **kwargs):
  return algorithms.build_random_mask_fed_avg(
    model_fn,
    _SGD,
    options=options_lib.RandomMaskOptions(bits=bits, min_elements=10, **kwargs),
  )


class RandomMaskFedAvgComputationTest(parameterized.TestCase, tf.test.TestCase):
  def test_types_are_those_of_federated_averaging(self):
    ours = _build(fraction=0.25)
    theirs = local_updates.fed_avg()
    self.assertIsInstance(ours, tff.learning.templates.LearningProcess)
    self.assertEqual(
      ours.get_model_weights.type_signature.result,
      theirs.get_model_weights.type_signature.result,
    )
    self.assertEqual(
      ours.next.type_signature.parameter[1],
      theirs.next.type_signature.parameter[1],
    )

  def test_options_are_required(self):
    with self.assertRaisesRegex(TypeError, 'options'):
      algorithms.build_random_mask_fed_avg(linear_model.model_fn, _SGD)

  def test_bad_model_raises(self):
    with self.assertRaisesRegex(TypeError, 'found int'):
      _build(model_fn=3, fraction=0.5)


class RandomMaskFedAvgExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('variables', linear_model.model_fn),
    ('functional', linear_model.functional_model()),
  )
  def test_with_all_coordinates_it_is_federated_averaging(self, model_fn):
    ours = _build(model_fn, fraction=1.0)
    theirs = tff.learning.algorithms.build_weighted_fed_avg(model_fn, _SGD)
    states = ours.initialize(), theirs.initialize()
    for _ in range(3):
      outputs = [
        process.next(state, linear_model.datasets())
        for process, state in zip((ours, theirs), states, strict=True)
      ]
      states = [output.state for output in outputs]
      self.assertAllClose(
        states[0].global_model_weights.trainable,
        states[1].global_model_weights.trainable,
        atol=1e-6,
      )
      train = [output.metrics['client_work']['train'] for output in outputs]
      self.assertAllClose(train[0], train[1], atol=1e-5)

  @parameterized.named_parameters(('float', None), ('quantized', 2))
  def test_learns(self, bits):
    _, metrics = linear_model.train(_build(fraction=0.5, bits=bits), 15)
    self.assertGreater(metrics['client_work']['train']['accuracy'], 0.6)

  @parameterized.named_parameters(
    # 20 of 80 weights and 4 biases; a key.
    ('float', None, 20 * 4 + 16 + 8),
    ('quantized', 3, 8 + 4 + 16 + 8),
  )
  def test_counts_of_bytes_agree(self, bits, payload):
    process = _build(fraction=0.25, bits=bits)
    _, metrics = linear_model.train(process, 1)
    self.assertEqual(metrics['aggregator']['payload_bytes'], 3 * payload)
    # A weight; loss, accuracy (two floats each) and the counts of examples and
    # batches. The model, the learning rate and the round's key.
    self.assertEqual(
      communication.traced_bytes(process.next),
      communication.ClientBytes(
        uplink=payload + 4 + 4 * 4 + 2 * 8, downlink=84 * 4 + 4 + 8
      ),
    )

  def test_one_client_changes_as_much_as_it_sends(self):
    clients = linear_model.datasets(num_clients=1)
    state, _ = linear_model.train(_build(fraction=0.25), 1, clients)
    kernel, _ = state.global_model_weights.trainable
    self.assertEqual(np.count_nonzero(kernel), 20)

  @pytest.mark.slow
  def test_same_seed_gives_the_same_bits_in_every_runtime(self):
    clients = linear_model.datasets(num_clients=7)
    contexts = [
      runtime.create_local_context(),
      runtime.create_local_context(),
      two_workers.create_context(),
    ]
    kernels = []
    for context in contexts:
      with tff.framework.get_context_stack().install(context):
        process = _build.__wrapped__(fraction=0.25, base_seed=3)
        state, _ = linear_model.train(process, 3, clients)
      kernels.append(state.global_model_weights.trainable[0])
    for kernel in kernels[1:]:
      self.assertEqual(kernel.tobytes(), kernels[0].tobytes())
    other, _ = linear_model.train(
      _build(fraction=0.25, base_seed=4), 3, clients
    )
    self.assertNotAllClose(other.global_model_weights.trainable[0], kernels[0])


if __name__ == '__main__':
  tf.test.main()
