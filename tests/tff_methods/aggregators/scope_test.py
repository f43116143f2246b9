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

from tff_methods import options as options_lib
from tff_methods.aggregators import scope

_SPECS = collections.OrderedDict(
  b=(tf.TensorSpec([2, 3], tf.float32), tf.TensorSpec([], tf.float32)),
  a=[tf.TensorSpec([4], tf.float32), tf.TensorSpec([0, 2], tf.float32)],
)


def _model():
  return collections.OrderedDict(
    b=(np.arange(6, dtype=np.float32).reshape([2, 3]), np.float32(6)),
    a=[np.arange(7, 11, dtype=np.float32), np.zeros([0, 2], np.float32)],
  )


class LayoutTest(tf.test.TestCase):
  def test_scope_model_is_one_vector(self):
    layout = scope.Layout(_SPECS, 'model')
    self.assertEqual(layout.specs, [tf.TensorSpec([11], tf.float32)])
    (vector,) = layout.to_tensors(_model())
    # In the order of `tf.nest`, which sorts the keys.
    self.assertAllEqual(vector, [7, 8, 9, 10, 0, 1, 2, 3, 4, 5, 6])

  def test_scope_tensor_is_all_tensors(self):
    layout = scope.Layout(_SPECS, 'tensor')
    self.assertEqual(
      [spec.shape for spec in layout.specs], [[4], [0, 2], [2, 3], []]
    )
    tensors = layout.to_tensors(_model())
    self.assertAllEqual(tensors[0], _model()['a'][0])
    self.assertAllEqual(tensors[2], _model()['b'][0])

  def test_from_tensors_inverts_to_tensors(self):
    for name in options_lib.SCOPES:
      layout = scope.Layout(_SPECS, name)
      model = layout.from_tensors(layout.to_tensors(_model()))
      tf.nest.assert_same_structure(model, _SPECS)
      self.assertEqual(list(model), ['b', 'a'])
      tf.nest.map_structure(self.assertAllEqual, model, _model())

  def test_no_tensors_make_no_vector(self):
    for name in options_lib.SCOPES:
      layout = scope.Layout((), name)
      self.assertEmpty(layout.specs)
      self.assertEmpty(layout.to_tensors(()))
      self.assertEqual(layout.from_tensors([]), ())

  def test_mixed_dtypes_raise_with_scope_model(self):
    specs = [tf.TensorSpec([2], tf.float64), tf.TensorSpec([2], tf.float32)]
    with self.assertRaisesRegex(
      TypeError,
      "^Expected tensors of one dtype with scope='model', found float32, "
      "float64: cast the model, or choose scope='tensor'.$",
    ):
      scope.Layout(specs, 'model')
    self.assertEqual(scope.Layout(specs, 'tensor').specs, specs)


if __name__ == '__main__':
  tf.test.main()
