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
"""Tests for lookup."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods.common import lookup


class TakeTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.product(
    row_shape=[(), (2,), (3, 2)],
    positions=[[], [4, 0, 4], [[1, 2], [3, 0]]],
    dtype=[np.float32, np.uint64],
  )
  def test_rows_are_those_of_numpy(self, row_shape, positions, dtype):
    rows = np.arange(5 * int(np.prod(row_shape))).reshape((5, *row_shape))
    positions = np.asarray(positions, np.int32)
    found = lookup.take(tf.constant(rows, dtype), tf.constant(positions))
    expected = rows.astype(dtype)[positions]
    self.assertAllEqual(found, expected)
    self.assertEqual(found.shape, expected.shape)

  def test_static_shapes_are_kept(self):
    taken = tf.function(lookup.take).get_concrete_function(
      tf.TensorSpec([7, 2]), tf.TensorSpec([5], tf.int32)
    )
    self.assertEqual(taken.structured_outputs.shape, (5, 2))


if __name__ == '__main__':
  tf.test.main()
