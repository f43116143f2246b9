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
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import communication

_CLIENT_FLOAT = tff.FederatedType(np.float32, tff.CLIENTS)
_CLIENT_VECTOR = tff.FederatedType(tff.TensorType(np.float64, [7]), tff.CLIENTS)
_SERVER_TABLE = tff.FederatedType(
  tff.TensorType(np.float32, [10, 4]), tff.SERVER
)


@tff.federated_computation(_CLIENT_FLOAT)
def _sum(x):
  return tff.federated_sum(x)


@tff.federated_computation(_CLIENT_VECTOR)
def _mean(x):
  return tff.federated_mean(x)


@tff.federated_computation(_CLIENT_VECTOR, _CLIENT_FLOAT)
def _weighted_mean(x, weight):
  return tff.federated_mean(x, weight)


@tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
def _secure_sums(x):
  return tff.federated_secure_sum(x, 7), tff.federated_secure_sum_bitwidth(x, 3)


@tff.federated_computation(
  tff.FederatedType(tff.TensorType(np.int32, [4]), tff.CLIENTS)
)
def _secure_modular_sum(x):
  return tff.backends.mapreduce.federated_secure_modular_sum(x, 76)


@tff.federated_computation(_CLIENT_FLOAT)
def _extremes(x):
  return tff.federated_min(x), tff.federated_max(x)


@tff.federated_computation(
  tff.FederatedType([np.float32, np.int64], tff.CLIENTS)
)
def _sum_of_a_structure(x):
  return tff.federated_sum(x)


@tff.federated_computation(_SERVER_TABLE)
def _broadcast(x):
  return tff.federated_broadcast(x)


@tff.federated_computation(_CLIENT_FLOAT)
def _twice(x):
  return _sum(x), _sum(x)


@tff.federated_computation(_CLIENT_VECTOR)
def _nothing(x):
  return tff.federated_map(tff.tensorflow.computation(lambda v: v + 1), x)


@tff.tensorflow.computation(tff.TensorType(np.float32, [10, 4]), np.int32)
def _row(table, key):
  return table[key]


@tff.federated_computation(
  tff.FederatedType(tff.TensorType(np.int32, [3]), tff.CLIENTS), _SERVER_TABLE
)
def _select(keys, table):
  max_key = tff.federated_value(10, tff.SERVER)
  return tff.federated_select(keys, max_key, table, _row)


class TracedBytesTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('sum', _sum, 4, 0),
    ('mean', _mean, 56, 0),
    ('weighted_mean', _weighted_mean, 60, 0),
    ('secure_sums', _secure_sums, 8, 0),
    # 4 values of ceil(log2(76)) = 7 bits; the modulus is broadcast.
    ('secure_modular_sum', _secure_modular_sum, 4, 4),
    ('extremes', _extremes, 8, 0),
    ('sum_of_a_structure', _sum_of_a_structure, 12, 0),
    ('broadcast', _broadcast, 0, 160),
    ('a_computation_called_twice', _twice, 8, 0),
    ('no_communication', _nothing, 0, 0),
    ('three_keys_up_three_rows_down', _select, 12, 48),
  )
  def test_counts(self, computation, uplink, downlink):
    self.assertEqual(
      communication.traced_bytes(computation),
      communication.ClientBytes(uplink, downlink),
    )

  @parameterized.named_parameters(
    ('strings', np.str_, []), ('unknown_dimensions', np.float32, [None])
  )
  def test_unknown_sizes_raise(self, dtype, shape):
    @tff.federated_computation(
      tff.FederatedType(tff.TensorType(dtype, shape), tff.SERVER)
    )
    def broadcast(x):
      return tff.federated_broadcast(x)

    with self.assertRaisesRegex(ValueError, 'static size, found'):
      communication.traced_bytes(broadcast)


if __name__ == '__main__':
  tf.test.main()
