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
"""Tests for bucket_likelihood."""

from absl.testing import parameterized
import numpy as np
import scipy.special
import tensorflow as tf

from tff_methods import label_hashing

_NUM_BUCKETS = 9
_LABELS = np.array(
  [
    [[3, 0, -1], [8, -1, -1], [-1, -1, -1], [7, 4, 2]],
    [[-1, 5, -1], [2, -1, 1], [-1, -1, -1], [0, -1, -1]],
  ],
  np.int32,
)
_LOGITS = np.random.default_rng(0).normal(scale=3, size=[2, 4, _NUM_BUCKETS])


def _multi_hot(labels):
  targets = np.zeros([*labels.shape[:-1], _NUM_BUCKETS])
  for position in np.ndindex(*labels.shape):
    if labels[position] >= 0:
      targets[(*position[:-1], labels[position])] = 1
  return targets


def _loss_and_gradient(likelihood, logits, labels=_LABELS):
  logits = tf.constant(logits, tf.float32)
  with tf.GradientTape() as tape:
    tape.watch(logits)
    losses = likelihood.cross_entropy(logits, tf.constant(labels))
  return losses.numpy(), tape.gradient(losses, logits).numpy()


class BernoulliBucketsTest(parameterized.TestCase, tf.test.TestCase):
  def test_cross_entropy_equals_that_of_keras_on_dense_targets(self):
    losses, _ = _loss_and_gradient(label_hashing.BernoulliBuckets(), _LOGITS)
    expected = tf.keras.losses.BinaryCrossentropy(
      from_logits=True, reduction='none'
    )(_multi_hot(_LABELS), _LOGITS)
    self.assertAllClose(losses, expected * _NUM_BUCKETS, rtol=1e-5)

  def test_gradient_is_probability_minus_target(self):
    _, gradient = _loss_and_gradient(label_hashing.BernoulliBuckets(), _LOGITS)
    self.assertAllClose(
      gradient, scipy.special.expit(_LOGITS) - _multi_hot(_LABELS)
    )

  def test_cross_entropy_follows_from_log_probabilities(self):
    likelihood = label_hashing.BernoulliBuckets()
    log_p = likelihood.log_probabilities(tf.constant(_LOGITS)).numpy()
    self.assertAllClose(log_p, scipy.special.log_expit(_LOGITS))
    targets = _multi_hot(_LABELS)
    total = np.where(targets > 0, log_p, np.log1p(-np.exp(log_p))).sum(-1)
    losses, _ = _loss_and_gradient(likelihood, _LOGITS)
    self.assertAllClose(losses, -total, rtol=1e-5)

  def test_confident_correct_logits_have_no_loss(self):
    targets = _multi_hot(_LABELS)
    logits = np.where(targets > 0, 1e4, -1e4)
    losses, gradient = _loss_and_gradient(
      label_hashing.BernoulliBuckets(), logits
    )
    self.assertAllEqual(losses, np.zeros([2, 4]))
    self.assertAllEqual(gradient, np.zeros_like(logits))

  def test_rounding_of_small_losses_is_absolute(self):
    targets = _multi_hot(_LABELS)
    size = np.random.default_rng(1).uniform(12, 25, size=targets.shape)
    logits = np.where(targets > 0, size, -size).astype(np.float32)
    losses, _ = _loss_and_gradient(label_hashing.BernoulliBuckets(), logits)
    exact = -scipy.special.log_expit(
      np.where(targets > 0, logits, -logits).astype(np.float64)
    ).sum(-1)
    # Of the sum of the positive logits, of which it is a difference.
    self.assertAllClose(losses, exact, rtol=0, atol=4 * 2**-23 * 75)

  def test_confident_wrong_logits_have_a_finite_loss(self):
    targets = _multi_hot(_LABELS)
    losses, gradient = _loss_and_gradient(
      label_hashing.BernoulliBuckets(), np.where(targets > 0, -1e4, 1e4)
    )
    self.assertAllClose(losses, np.full([2, 4], 1e4 * _NUM_BUCKETS))
    self.assertAllClose(gradient, np.where(targets > 0, -1.0, 1.0))


class CategoricalBucketsTest(parameterized.TestCase, tf.test.TestCase):
  def test_cross_entropy_equals_that_of_keras_on_equal_shares(self):
    losses, _ = _loss_and_gradient(label_hashing.CategoricalBuckets(), _LOGITS)
    targets = _multi_hot(_LABELS)
    targets /= np.maximum(targets.sum(-1, keepdims=True), 1)
    expected = tf.keras.losses.CategoricalCrossentropy(
      from_logits=True, reduction='none'
    )(targets, _LOGITS)
    self.assertAllClose(losses, expected, rtol=1e-5)
    # Keras gives examples without labels a loss of 0, too.
    self.assertAllEqual(losses[:, 2], [0.0, 0.0])

  def test_gradient_is_probability_minus_target(self):
    _, gradient = _loss_and_gradient(
      label_hashing.CategoricalBuckets(), _LOGITS
    )
    targets = _multi_hot(_LABELS)
    num_labels = targets.sum(-1, keepdims=True)
    expected = scipy.special.softmax(_LOGITS, -1) - targets / np.maximum(
      num_labels, 1
    )
    self.assertAllClose(gradient, np.where(num_labels > 0, expected, 0.0))

  def test_log_probabilities(self):
    likelihood = label_hashing.CategoricalBuckets()
    self.assertAllClose(
      likelihood.log_probabilities(tf.constant(_LOGITS)),
      scipy.special.log_softmax(_LOGITS, -1),
    )

  def test_large_logits_do_not_overflow(self):
    targets = _multi_hot(_LABELS)
    losses, gradient = _loss_and_gradient(
      label_hashing.CategoricalBuckets(), np.where(targets > 0, -1e4, 1e4)
    )
    has_labels = targets.any(-1)
    self.assertAllClose(losses[has_labels], np.full(6, 2e4), rtol=1e-3)
    self.assertAllInRange(gradient, -1.0, 1.0)


class BothTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.product(
    likelihood=(
      label_hashing.BernoulliBuckets(),
      label_hashing.CategoricalBuckets(),
    )
  )
  def test_tables_are_independent(self, likelihood):
    losses, _ = _loss_and_gradient(likelihood, _LOGITS)
    for r in range(2):
      alone, _ = _loss_and_gradient(likelihood, _LOGITS[r], _LABELS[r])
      self.assertAllClose(alone, losses[r])

  @parameterized.product(
    likelihood=(
      label_hashing.BernoulliBuckets(),
      label_hashing.CategoricalBuckets(),
    )
  )
  def test_unknown_batch_size(self, likelihood):
    traced = tf.function(
      likelihood.cross_entropy,
      input_signature=[
        tf.TensorSpec([2, None, _NUM_BUCKETS]),
        tf.TensorSpec([2, None, None], tf.int32),
      ],
    )
    losses, _ = _loss_and_gradient(likelihood, _LOGITS)
    logits = _LOGITS.astype(np.float32)
    self.assertAllClose(traced(logits, _LABELS), losses)
    self.assertEqual(traced(logits[:, :0], _LABELS[:, :0]).shape, [2, 0])


if __name__ == '__main__':
  tf.test.main()
