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
from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods.common import sorting


class SortTest(parameterized.TestCase):
  @parameterized.parameters(0, 1, 2, 3, 4, 5, 8)
  def test_equals_numpy(self, num_values):
    values = np.random.default_rng(0).integers(4, size=[num_values, 50])
    found = sorting.sort(tf.unstack(tf.constant(values, tf.int32)))
    self.assertLen(found, num_values)
    np.testing.assert_array_equal(
      np.reshape(found, values.shape), np.sort(values, axis=0)
    )


if __name__ == '__main__':
  absltest.main()
