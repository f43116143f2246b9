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
"""Tests for cross_entropy."""

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods.models import cross_entropy


def _loss_and_gradient(loss_fn, logits, labels, weights):
  with tf.GradientTape() as tape:
    tape.watch(logits)
    loss = loss_fn(labels, logits)
    total = tf.reduce_sum(weights * loss)
  return loss, tape.gradient(total, logits)


class SoftmaxCrossEntropyTest(tf.test.TestCase, parameterized.TestCase):
  @parameterized.product(
    shape=[[1], [40, 7], [6, 5, 30]],
    scale=[1.0, 1e3],
    dtype=[tf.int32, tf.int64],
    in_graph=[False, True],
  )
  def test_equals_the_loss_and_gradient_of_tensorflow(
    self, shape, scale, dtype, in_graph
  ):
    rng = np.random.default_rng(0)
    logits = tf.constant(rng.normal(scale=scale, size=shape), tf.float32)
    labels = tf.constant(rng.integers(shape[-1], size=shape[:-1]), dtype)
    weights = tf.constant(rng.normal(size=shape[:-1]), tf.float32)
    found, expected = (
      (tf.function(_loss_and_gradient) if in_graph else _loss_and_gradient)(
        loss_fn, logits, labels, weights
      )
      for loss_fn in (
        cross_entropy.softmax_cross_entropy,
        tf.nn.sparse_softmax_cross_entropy_with_logits,
      )
    )
    self.assertAllClose(found, expected, rtol=1e-6, atol=1e-6 * scale)

  def test_finite_for_large_logits(self):
    logits = tf.constant([[1e30, -1e30, 0.0], [-1e30, -1e30, 0.0]])
    loss, gradient = _loss_and_gradient(
      cross_entropy.softmax_cross_entropy,
      logits,
      tf.constant([0, 2]),
      tf.ones([2]),
    )
    self.assertAllEqual(loss, [0.0, 0.0])
    self.assertAllEqual(gradient, tf.zeros([2, 3]))

  def test_unknown_shapes(self):
    @tf.function(
      input_signature=[
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None, None]),
      ]
    )
    def gradient(labels, logits):
      return _loss_and_gradient(
        cross_entropy.softmax_cross_entropy, logits, labels, 1.0
      )[1]

    self.assertAllClose(
      gradient(tf.constant([1]), tf.zeros([1, 4])), [[0.25, -0.75, 0.25, 0.25]]
    )


if __name__ == '__main__':
  absltest.main()
