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
import tensorflow as tf

from tff_methods import update_spaces

_SHAPES = ([3, 3, 1, 40], [40], [40, 50], [50], [50, 60], [60, 30], [30])


def _num_parameters(space):
  specs = [tf.TensorSpec(shape) for shape in _SHAPES]
  model_space = update_spaces.ModelSpace(space, specs)
  return [s.num_parameters for s in model_space.tensor_spaces]


class InnerLayersTest(absltest.TestCase):
  def test_first_and_last_layer_are_whole(self):
    mask = update_spaces.RandomMask(0.1, min_elements=10)
    expected = [360, 40, 200, 5, 300, 1800, 30]
    self.assertEqual(_num_parameters(update_spaces.InnerLayers(mask)), expected)
    self.assertEqual(
      _num_parameters(
        update_spaces.Scaled(update_spaces.InnerLayers(mask), 2.0)
      ),
      expected,
    )

  def test_model_of_two_layers_or_fewer_is_whole(self):
    space = update_spaces.InnerLayers(update_spaces.LowRank(rank=1))
    specs = [tf.TensorSpec(s) for s in ([30, 40], [40], [40, 50], [50])]
    for num_tensors in (0, 1, 2, 4):
      for found in space.for_tensors(specs[:num_tensors]):
        self.assertIsInstance(found, update_spaces.WholeTensor)


if __name__ == '__main__':
  absltest.main()
