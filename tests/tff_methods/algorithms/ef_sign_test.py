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
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import templates

_SGD = tff.learning.optimizers.build_sgdm(0.1)


@functools.cache
def _build(levels='one'):
  return algorithms.build_ef_sign_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.EfSignOptions(levels=levels, min_elements=10),
  )


class EfSignFedAvgComputationTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(('one', 4), ('two', 8))
  def test_keeps_client_states_and_has_its_bytes(self, levels, scale_bytes):
    process = _build(levels)
    self.assertIsInstance(process, templates.ClientStateProcess)
    # 80 signs, scales, 4 biases; a weight; loss, accuracy (two floats each) and
    # the counts of examples and batches.
    self.assertEqual(
      communication.traced_bytes(process.next).uplink,
      10 + scale_bytes + 4 * 4 + 4 + 4 * 4 + 2 * 8,
    )


class EfSignFedAvgExecutionTest(tf.test.TestCase):
  def test_rounds_are_those_of_the_algorithm(self):
    """Algorithm 1 of EF-SignSGD, with local updates as gradients."""
    (client,) = linear_model.datasets(num_clients=1)
    process = _build()
    state = process.initialize()
    client_states = [process.initial_client_state()]
    residual = np.zeros([20, 4])
    for _ in range(4):
      before = state.global_model_weights
      update, _ = local_updates.local_update(before, client)
      output = process.next(state, [client], client_states)
      state, client_states = output.state, output.client_states
      corrected = residual + update
      sent = np.where(corrected >= 0, 1, -1) * np.abs(corrected).mean()
      residual = corrected - sent
      self.assertAllClose(
        state.global_model_weights.trainable[0],
        before.trainable[0] - sent,
        atol=1e-5,
      )
      kernel_state, bias_state = client_states[0]
      self.assertAllClose(kernel_state['residual'], residual, atol=1e-5)
      self.assertAllEqual(bias_state['residual'], np.zeros([4]))
      self.assertEqual(
        output.metrics['aggregator']['payload_bytes'], 10 + 4 + 4 * 4
      )

  def test_learns(self):
    process = _build('two')
    clients = linear_model.datasets()
    state = process.initialize()
    client_states = [process.initial_client_state()] * 3
    for _ in range(20):
      output = process.next(state, clients, client_states)
      state, client_states = output.state, output.client_states
    accuracy = output.metrics['client_work']['train']['accuracy']
    self.assertGreater(accuracy, 0.6)


if __name__ == '__main__':
  tf.test.main()
