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
"""Tests for spreadout_finalizer."""

import functools
import math
from unittest import mock

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import templates
from tff_methods.templates import spreadout_finalizer


def _rows(num_rows=7, dimension=3):
  rng = np.random.default_rng(0)
  return (3.0 * rng.normal(size=[num_rows, dimension])).astype(np.float32)


def _dense_gradient(rows, margin):
  """Returns TensorFlow's gradient of the regularizer, of all pairs at once."""
  rows = tf.constant(rows)
  with tf.GradientTape() as tape:
    tape.watch(rows)
    total = 0.0
    unit = rows / tf.norm(rows, axis=1, keepdims=True)
    for i in range(len(rows)):
      for j in range(len(rows)):
        if i != j:
          distance = tf.norm(unit[i] - unit[j])
          total += tf.maximum(0.0, margin - distance) ** 2
  return tape.gradient(total, rows)


@functools.cache
def _apply_finalizer(learning_rate=1.0):
  model = row_models.row_model().full_model()
  return tff.learning.templates.build_apply_optimizer_finalizer(
    tff.learning.optimizers.build_sgdm(learning_rate),
    templates.describe(model).weights_type,
  )


def _weights_and_update():
  weights = tff.learning.models.ModelWeights(
    *row_models.row_model().full_model().initial_weights
  )
  rng = np.random.default_rng(1)
  update = tuple(
    rng.normal(size=x.shape).astype(np.float32) for x in weights.trainable
  )
  return weights, update


class SpreadoutGradientTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.product(chunk_size=(1, 3, 7, 1024), margin=(0.5, 1.0, 1.9))
  def test_gradient_equals_that_of_the_dense_formula(self, chunk_size, margin):
    with mock.patch.object(spreadout_finalizer, '_ROWS_PER_CHUNK', chunk_size):
      gradient = spreadout_finalizer.spreadout_gradient(
        tf.constant(_rows()), margin
      )
    expected = _dense_gradient(_rows(), margin)
    self.assertNotAllEqual(expected, np.zeros([7, 3]))
    self.assertAllClose(gradient, expected, atol=1e-5)

  def test_distant_rows_have_no_gradient(self):
    # Orthogonal rows have a distance of sqrt(2).
    gradient = spreadout_finalizer.spreadout_gradient(
      5.0 * tf.eye(4), margin=1.4
    )
    self.assertAllEqual(gradient, np.zeros([4, 4]))

  def test_single_row_has_no_gradient(self):
    gradient = spreadout_finalizer.spreadout_gradient(
      tf.ones([1, 3]), margin=2.0
    )
    self.assertAllEqual(gradient, np.zeros([1, 3]))

  def test_equal_opposite_and_zero_rows_have_a_finite_gradient(self):
    rows = tf.constant([[1.0, 2.0], [1.0, 2.0], [-1.0, -2.0], [0.0, 0.0]])
    gradient = spreadout_finalizer.spreadout_gradient(rows, margin=1.0)
    # Equal rows have no direction to be pushed in.
    self.assertAllClose(gradient, np.zeros([4, 2]), atol=1e-2)

  def test_steps_push_rows_apart(self):
    rows = tf.constant(_rows(4, 3)) * 0.1 + 1.0
    step = tf.function(
      lambda rows: (
        rows - 0.05 * spreadout_finalizer.spreadout_gradient(rows, margin=1.0)
      )
    )
    for _ in range(300):
      rows = step(rows)
    unit = rows / tf.norm(rows, axis=1, keepdims=True)
    distances = tf.norm(unit[:, tf.newaxis] - unit, axis=-1)
    self.assertAllGreater(distances[~np.eye(4, dtype=bool)], 0.95)


class SpreadoutFinalizerComputationTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_type_signature_is_that_of_the_finalizer(self):
    finalizer = _apply_finalizer()
    process = spreadout_finalizer.build_spreadout_finalizer(
      finalizer, dimension=4, rate=0.1
    )
    self.assertIsInstance(process, tff.learning.templates.FinalizerProcess)
    self.assertEqual(process.next.type_signature, finalizer.next.type_signature)
    self.assertEqual(
      process.initialize.type_signature, finalizer.initialize.type_signature
    )

  @parameterized.parameters(-0.1, math.inf, math.nan)
  def test_wrong_rate(self, rate):
    with self.assertRaisesRegex(
      ValueError, f'rate to be at least 0 and finite, found {rate}'
    ):
      spreadout_finalizer.build_spreadout_finalizer(
        _apply_finalizer(), dimension=4, rate=rate
      )

  @parameterized.parameters(0.0, -1.0, 2.1, math.nan)
  def test_wrong_margin(self, margin):
    with self.assertRaisesRegex(
      ValueError, f'margin above 0 and at most 2, found {margin}'
    ):
      spreadout_finalizer.build_spreadout_finalizer(
        _apply_finalizer(), dimension=4, rate=0.1, margin=margin
      )


class SpreadoutFinalizerExecutionTest(tf.test.TestCase):
  def test_step_against_the_regularizer_follows_that_of_the_round(self):
    weights, update = _weights_and_update()
    process = spreadout_finalizer.build_spreadout_finalizer(
      _apply_finalizer(learning_rate=0.5), dimension=4, rate=0.25, margin=1.5
    )
    output = process.next(process.initialize(), weights, update)
    *body, rows = (
      x - 0.5 * y for x, y in zip(weights.trainable, update, strict=True)
    )
    expected = rows - 0.25 * _dense_gradient(rows, 1.5)
    self.assertGreater(np.abs(expected - rows).max(), 0.01)
    *found_body, found_rows = output.result.trainable
    self.assertAllClose(found_rows, expected, atol=1e-5)
    self.assertAllClose(found_body, body)

  def test_biases_do_not_change(self):
    weights, update = _weights_and_update()
    process = spreadout_finalizer.build_spreadout_finalizer(
      _apply_finalizer(), dimension=3, rate=0.25
    )
    output = process.next(process.initialize(), weights, update)
    rows = weights.trainable[-1] - update[-1]
    expected = rows[:, :3] - 0.25 * _dense_gradient(rows[:, :3], 1.0)
    self.assertAllClose(output.result.trainable[-1][:, :3], expected, atol=1e-5)
    self.assertAllEqual(output.result.trainable[-1][:, 3], rows[:, 3])

  def test_rate_0_does_not_change_weights(self):
    weights, update = _weights_and_update()
    finalizer = _apply_finalizer()
    process = spreadout_finalizer.build_spreadout_finalizer(
      finalizer, dimension=4, rate=0.0
    )
    outputs = [
      p.next(p.initialize(), weights, update) for p in (process, finalizer)
    ]
    for x, y in zip(
      outputs[0].result.trainable, outputs[1].result.trainable, strict=True
    ):
      self.assertEqual(np.asarray(x).tobytes(), np.asarray(y).tobytes())

  def test_hyperparameters_are_those_of_the_finalizer(self):
    process = spreadout_finalizer.build_spreadout_finalizer(
      _apply_finalizer(), dimension=4, rate=0.1
    )
    state = process.set_hparams(
      process.initialize(), {'learning_rate': np.float32(0.125)}
    )
    self.assertEqual(process.get_hparams(state)['learning_rate'], 0.125)
    weights, update = _weights_and_update()
    output = process.next(state, weights, update)
    self.assertAllClose(
      output.result.trainable[0], weights.trainable[0] - 0.125 * update[0]
    )


if __name__ == '__main__':
  tf.test.main()
