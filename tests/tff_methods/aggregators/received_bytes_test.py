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

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.aggregators import received_bytes

_PAYLOAD = collections.OrderedDict(
  packed=np.zeros([5], np.uint8),
  nested=(np.zeros([2, 3], np.float32), [np.float64(1.0), np.int16(2)]),
  empty=np.zeros([0, 7], np.int64),
  flag=np.bool_(True),
)
_NUM_BYTES = 5 + 24 + 8 + 2 + 0 + 1


class NumBytesComputationTest(tf.test.TestCase):
  def test_is_an_int64_scalar(self):
    # 2**30 values of 4 bytes are more than an int32 can count.
    num_bytes = tf.function(received_bytes.num_bytes).get_concrete_function(
      tf.TensorSpec([2**30], tf.float32)
    )
    self.assertEqual(num_bytes.output_dtypes, tf.int64)
    self.assertEqual(num_bytes.output_shapes, [])


class NumBytesExecutionTest(tf.test.TestCase):
  def test_counts_all_tensors_of_a_structure(self):
    self.assertEqual(
      sum(np.asarray(x).nbytes for x in tf.nest.flatten(_PAYLOAD)), _NUM_BYTES
    )
    payload = tf.nest.map_structure(tf.constant, _PAYLOAD)
    self.assertEqual(received_bytes.num_bytes(payload).numpy(), _NUM_BYTES)

  def test_payload_without_tensors_has_no_bytes(self):
    self.assertEqual(received_bytes.num_bytes(((), {})).numpy(), 0)

  def test_counts_shapes_known_on_arrival_only(self):
    @tff.tensorflow.computation(tff.TensorType(np.int32, [None]))
    def num_bytes(x):
      return received_bytes.num_bytes([x, x])

    self.assertEqual(num_bytes([1, 2, 3]), 2 * 3 * 4)


if __name__ == '__main__':
  tf.test.main()
