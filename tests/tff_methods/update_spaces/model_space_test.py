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

from tff_methods import update_spaces

_SPECS = collections.OrderedDict(
  kernel=tf.TensorSpec([20, 30], tf.float32),
  other_kernel=tf.TensorSpec([20, 30], tf.float32),
  bias=tf.TensorSpec([30], tf.float32),
)


class ModelSpaceTest(tf.test.TestCase):
  def test_counts_parameters_and_bytes(self):
    space = update_spaces.ModelSpace(update_spaces.RandomMask(0.25), _SPECS)
    self.assertEqual(space.num_parameters, 150 + 150 + 30)
    sent = [tf.zeros([2], tf.int32), *space.zeros()]
    self.assertEqual(space.payload_bytes, sum(x.numpy().nbytes for x in sent))

  def test_tensors_of_one_model_have_different_masks(self):
    space = update_spaces.ModelSpace(update_spaces.RandomMask(0.25), _SPECS)
    parameters = [tf.ones(spec.shape) for spec in space.parameter_specs]
    update = space.expand(tf.constant([1, 2]), parameters)
    self.assertEqual(list(update), list(_SPECS))
    self.assertNotAllEqual(update['kernel'], update['other_kernel'])
    self.assertAllEqual(update['bias'], np.ones(30))

  def test_pulls_back_what_it_expands(self):
    space = update_spaces.ModelSpace(update_spaces.RandomMask(0.25), _SPECS)
    parameters = [
      tf.random.stateless_normal(spec.shape, [1, i])
      for i, spec in enumerate(space.parameter_specs)
    ]
    key = tf.constant([1, 2])
    back = space.pull_back(key, space.expand(key, parameters))
    self.assertAllClose(back, parameters)

  def test_weights_of_integer_dtype_raise(self):
    with self.assertRaisesRegex(TypeError, 'floating dtype, found .*int32'):
      update_spaces.ModelSpace(
        update_spaces.RandomMask(0.5), [tf.TensorSpec([3], tf.int32)]
      )

  def test_weights_of_unknown_shape_raise(self):
    with self.assertRaisesRegex(ValueError, 'fully defined shapes, found'):
      update_spaces.ModelSpace(
        update_spaces.RandomMask(0.5), [tf.TensorSpec([None], tf.float32)]
      )


if __name__ == '__main__':
  tf.test.main()
