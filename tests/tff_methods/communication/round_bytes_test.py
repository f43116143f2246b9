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

import collections

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import communication

_SERVER_VECTOR = tff.FederatedType(tff.TensorType(np.float32, [5]), tff.SERVER)
_CLIENT_VECTOR = tff.FederatedType(tff.TensorType(np.float64, [3]), tff.CLIENTS)


# Down: five float32. Up: three float64 and an int32.
@tff.federated_computation(
  _SERVER_VECTOR, _CLIENT_VECTOR, tff.FederatedType(np.int32, tff.CLIENTS)
)
def _next(state, update, count):
  at_clients = tff.federated_broadcast(state)
  ignored = tff.federated_map(
    tff.tensorflow.computation(lambda x, y: y), (at_clients, update)
  )
  return state, tff.federated_sum(ignored), tff.federated_sum(count)


class BuildRoundBytesFnTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(0, 1, 10)
  def test_totals_over_clients(self, num_clients):
    round_bytes = communication.build_round_bytes_fn(_next)
    self.assertEqual(
      round_bytes({}, num_clients),
      collections.OrderedDict(
        uplink_bytes=28 * num_clients, downlink_bytes=20 * num_clients
      ),
    )

  def test_received_bytes_anywhere_in_the_metrics_are_a_part(self):
    round_bytes = communication.build_round_bytes_fn(_next)
    metrics = collections.OrderedDict(
      distributor=(),
      client_work={'train': {'loss': 1.5}},
      aggregator={
        'mean_value': {'payload_bytes': np.int64(40)},
        'mean_weight': (),
        'rows': {'payload_bytes': 16},
      },
    )
    self.assertEqual(round_bytes(metrics, 2)['uplink_bytes'], 56)
    with self.assertRaisesRegex(
      ValueError,
      'Expected at most 28 bytes from 1 clients, found 56 in the metrics: give '
      'the number of clients',
    ):
      round_bytes(metrics, 1)

  def test_tensors_of_unknown_size_raise_when_built(self):
    @tff.federated_computation(
      tff.FederatedType(tff.TensorType(np.str_), tff.SERVER)
    )
    def broadcast(x):
      return tff.federated_broadcast(x)

    with self.assertRaisesRegex(ValueError, 'tensors of a static size, found'):
      communication.build_round_bytes_fn(broadcast)


class RoundBytesOfProcessTest(tf.test.TestCase):
  def test_bytes_of_federated_averaging(self):
    def model_fn():
      keras_model = tf.keras.Sequential(
        [tf.keras.layers.Dense(2, input_shape=(3,))]
      )
      return tff.learning.models.from_keras_model(
        keras_model,
        loss=tf.keras.losses.MeanSquaredError(),
        input_spec=(
          tf.TensorSpec([None, 3], tf.float32),
          tf.TensorSpec([None, 2], tf.float32),
        ),
        metrics=[],
      )

    process = tff.learning.algorithms.build_weighted_fed_avg(
      model_fn, tff.learning.optimizers.build_sgdm(0.1)
    )
    found = communication.build_round_bytes_fn(process.next)({}, 3)
    # Eight weights, and a learning rate down; up, the weight of the update and
    # the sum and weight of the loss.
    weights = 4 * (3 * 2 + 2)
    self.assertGreaterEqual(found['uplink_bytes'], 3 * (weights + 4))
    self.assertLess(found['uplink_bytes'], 3 * (weights + 4 + 32))
    self.assertGreaterEqual(found['downlink_bytes'], 3 * weights)
    self.assertLess(found['downlink_bytes'], 3 * (weights + 32))


if __name__ == '__main__':
  tf.test.main()
