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

from tasks.images import image_models


def _num_weights(model):
  return sum(v.shape.num_elements() for v in model.trainable_variables)


class ModelsTest(tf.test.TestCase, parameterized.TestCase):
  @parameterized.named_parameters(
    ('digits', image_models.digits_cnn, {}, (8, 8, 1), 10, 151_306),
    ('mnist', image_models.mnist_cnn, {}, (28, 28, 1), 10, 843_658),
    ('small_mnist', image_models.mnist_small_cnn, {}, (28, 28, 1), 10, 26_010),
    (
      'emnist',
      image_models.mnist_cnn,
      {'num_classes': 62},
      (28, 28, 1),
      62,
      870_334,
    ),
    ('cifar10', image_models.all_cnn, {}, (32, 32, 3), 10, 1_369_738),
    # 9 * 2 * 96 weights fewer, of two channels of the first layer.
    (
      'all_cnn_of_mnist',
      image_models.all_cnn,
      {'image_shape': (28, 28, 1)},
      (28, 28, 1),
      10,
      1_369_738 - 9 * 2 * 96,
    ),
  )
  def test_shapes_and_number_of_weights(
    self, model_fn, kwargs, input_shape, num_classes, num_weights
  ):
    model = model_fn(0, **kwargs)
    self.assertEqual(model.input_shape, (None, *input_shape))
    self.assertEqual(model.output_shape, (None, num_classes))
    self.assertEqual(_num_weights(model), num_weights)
    self.assertEmpty(model.non_trainable_variables)

  def test_all_cnn_matches_the_description_in_the_paper(self):
    kernels = [
      v.shape.as_list()
      for v in image_models.all_cnn(0).trainable_variables
      if v.shape.rank > 1
    ]
    sizes = [np.prod(k) for k in kernels]
    self.assertLen(kernels, 9)
    self.assertLess(10 * max(sizes[0], sizes[-1]), min(sizes[1:-1]))

  def test_all_cnn_averages_over_6_by_6_pixels(self):
    model = image_models.all_cnn(0)
    self.assertEqual(model.layers[-1].input_shape, (None, 6, 6, 10))

  @parameterized.parameters(
    image_models.digits_cnn, image_models.mnist_cnn, image_models.all_cnn
  )
  def test_weights_follow_from_the_seed(self, model_fn):
    tf.random.set_seed(1)
    first = model_fn(3).get_weights()
    tf.random.set_seed(2)
    again = model_fn(3).get_weights()
    other = model_fn(4).get_weights()
    for a, b, c in zip(first, again, other, strict=True):
      self.assertAllEqual(a, b)
      if a.ndim > 1:
        self.assertNotAllClose(a, c)

  def test_layers_of_the_same_shape_differ(self):
    weights = image_models.all_cnn(0).get_weights()
    self.assertEqual(weights[2].shape, weights[4].shape)
    self.assertNotAllClose(weights[2], weights[4])

  @parameterized.parameters(
    image_models.digits_cnn, image_models.mnist_cnn, image_models.all_cnn
  )
  def test_weights_have_the_variance_that_suits_relu(self, model_fn):
    for w in model_fn(0).get_weights():
      if w.ndim > 1 and w.size > 2000:
        fan_in = np.prod(w.shape[:-1])
        self.assertAllClose(w.var() * fan_in / 2, 1.0, atol=0.1)


if __name__ == '__main__':
  tf.test.main()
