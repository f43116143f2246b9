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
"""Tests for bench_vectorized_step, against Keras."""

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from programs.benchmarks import bench_vectorized_step
from tasks.images import image_models


class LogitsTest(parameterized.TestCase):
  @parameterized.named_parameters(
    (
      'dense',
      bench_vectorized_step.dense_logits,
      bench_vectorized_step.dense_model,
    ),
    (
      'cnn',
      bench_vectorized_step.cnn_logits,
      lambda: image_models.mnist_cnn(0),
    ),
  )
  def test_equals_keras(self, network, build):
    model = build()
    x = np.random.default_rng(0).normal(size=[2, 28, 28, 1]).astype(np.float32)
    np.testing.assert_allclose(
      network(model.trainable_variables, tf.constant(x)),
      model(x),
      rtol=1e-5,
      atol=1e-6,
    )


class BuildStepsTest(absltest.TestCase):
  def test_steps_are_those_of_keras_and_equal(self):
    layer = tf.keras.layers.Dense(10, kernel_initializer='zeros')
    model = tf.keras.Sequential(
      [tf.keras.layers.InputLayer((2, 3, 1)), tf.keras.layers.Flatten(), layer]
    )
    steps = bench_vectorized_step.build_steps(
      bench_vectorized_step.dense_logits, layer.get_weights(), (2, 3, 1)
    )
    one_by_one = steps[bench_vectorized_step.ONE_BY_ONE]()
    together = steps[bench_vectorized_step.TOGETHER]()
    self.assertEqual([w.shape for w in together], [(10, 6, 10), (10, 10)])
    for x, y in zip(one_by_one, together, strict=True):
      np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-7)
    # The draws of build_steps.
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10, 20, 2, 3, 1)).astype(np.float32)
    y = rng.integers(10, size=(10, 20))
    model.compile(
      tf.keras.optimizers.SGD(0.1),
      tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.train_on_batch(x[3], y[3])
    for found, expected in zip(together, layer.get_weights(), strict=True):
      np.testing.assert_allclose(found[3], expected, rtol=1e-4, atol=1e-6)


if __name__ == '__main__':
  absltest.main()
