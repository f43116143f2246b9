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
"""Tests for sampled_softmax."""

import math

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import retrieval
from tff_methods.models import candidates as candidates_lib
from tff_methods.models import sampled_softmax

_NUM_CLASSES = 11
_POSITIVES = (1, 4, 9)
_LABELS = np.array([4, 1, 9, 9, 1])
_SCORES = np.random.default_rng(0).normal(scale=2.0, size=[5, _NUM_CLASSES])


def _sample(num_candidates=7, **kwargs):
  return retrieval.sample_candidates(
    tf.constant([1, 2]),
    tf.constant(_POSITIVES),
    _NUM_CLASSES,
    num_candidates,
    **kwargs,
  )


def _losses(scores, candidates, labels=_LABELS, without_positives=False):
  """Returns the loss of each example, given scores of all classes."""
  scores = tf.constant(scores, tf.float32)
  # Padding receives the row of class 0.
  scores = tf.gather(scores, tf.maximum(candidates.keys, 0), axis=-1)
  positions, is_candidate = candidates.positions(labels)
  logits = sampled_softmax.adjust(scores, candidates)
  if without_positives:
    logits = sampled_softmax.without_other_positives(
      logits, candidates, positions
    )
  return sampled_softmax.candidate_cross_entropy(
    logits, positions, is_candidate
  ).numpy()


def _paper_loss(scores, label, positives, negatives):
  """Returns `log(1 + sum of exp(o'_j - o'_t))` over the classes `j != t`.

  Equation 6, 7 or 8, depending on the classes given.

  Args:
    scores: Scores of all classes, `o`.
    label: The class of the example, `t`.
    positives: Other classes of the client.
    negatives: Sampled classes.
  """
  total = 1.0
  for j in set(positives) - {label}:
    total += math.exp(scores[j] - scores[label])
  for j in negatives:
    # Equation 3, with m negatives of probability q_j = 1 / (n - |P|).
    expected_count = len(negatives) / (_NUM_CLASSES - len(_POSITIVES))
    adjusted = scores[j] - math.log(expected_count)
    total += math.exp(adjusted - scores[label])
  return math.log(total)


class SampledSoftmaxTest(parameterized.TestCase, tf.test.TestCase):
  def assert_equation(self, losses, positives, negatives):
    expected = [
      _paper_loss(scores, label, positives, negatives)
      for scores, label in zip(_SCORES, _LABELS, strict=True)
    ]
    self.assertAllClose(losses, expected, rtol=1e-5)

  def test_positives_and_negatives_equation_6(self):
    candidates = _sample()
    negatives = set(candidates.keys.numpy()) - set(_POSITIVES)
    self.assertLen(negatives, 4)
    losses = _losses(_SCORES, candidates)
    self.assert_equation(losses, _POSITIVES, negatives)

  def test_negatives_only_equation_7(self):
    candidates = _sample()
    negatives = set(candidates.keys.numpy()) - set(_POSITIVES)
    losses = _losses(_SCORES, candidates, without_positives=True)
    self.assert_equation(losses, (), negatives)

  @parameterized.parameters(3, 7)
  def test_positives_only_equation_8(self, num_candidates):
    candidates = _sample(num_candidates, with_negatives=False)
    losses = _losses(_SCORES, candidates)
    self.assert_equation(losses, _POSITIVES, ())

  def test_all_classes_give_the_full_softmax(self):
    losses = _losses(_SCORES, _sample(_NUM_CLASSES))
    full = tf.keras.losses.SparseCategoricalCrossentropy(
      from_logits=True, reduction='none'
    )
    self.assertAllClose(losses, full(_LABELS, _SCORES), rtol=1e-5)

  def test_examples_with_many_labels_each(self):
    scores = np.stack([_SCORES, _SCORES[::-1]])
    labels = np.stack([_LABELS, _LABELS[::-1]])
    losses = _losses(scores, _sample(), labels, without_positives=True)
    expected = _losses(_SCORES, _sample(), without_positives=True)
    self.assertAllClose(losses, [expected, expected[::-1]])

  @parameterized.product(
    without_positives=(False, True), with_negatives=(False, True)
  )
  def test_large_scores_do_not_overflow(
    self, without_positives, with_negatives
  ):
    candidates = _sample(with_negatives=with_negatives)
    scores = 1e4 * np.sign(_SCORES)
    losses = _losses(scores, candidates, without_positives=without_positives)
    rivals = candidates.keys.numpy()[candidates.keys.numpy() >= 0]
    if without_positives:
      rivals = np.setdiff1d(rivals, _POSITIVES)
    for loss, row, label in zip(losses, scores, _LABELS, strict=True):
      # The logarithm of a few terms is negligible.
      gap = max([*row[rivals], row[label]]) - row[label]
      self.assertNear(loss, gap, 4.0)

  def test_gradient_at_large_scores_is_finite(self):
    candidates = _sample(9, with_negatives=False)
    scores = tf.constant(1e4 * np.sign(_SCORES[:, :9]), tf.float32)
    positions, is_candidate = candidates.positions(_LABELS)
    with tf.GradientTape() as tape:
      tape.watch(scores)
      logits = sampled_softmax.without_other_positives(
        sampled_softmax.adjust(scores, candidates), candidates, positions
      )
      loss = sampled_softmax.candidate_cross_entropy(
        logits, positions, is_candidate
      )
    self.assertAllInRange(tape.gradient(loss, scores), -1.0, 1.0)

  @parameterized.parameters(False, True)
  def test_excluded_label_has_no_loss_and_no_gradient(self, without_positives):
    candidates = candidates_lib.Candidates(
      tf.constant([-1, 2, 5]),
      tf.constant([0.0, 0.0, -1.0]),
      tf.constant([False, True, False]),
    )
    labels = tf.constant([2, 0, 3, 10])
    scores = tf.constant(_SCORES[:4, :3], tf.float32)
    positions, is_candidate = candidates.positions(labels)
    with tf.GradientTape() as tape:
      tape.watch(scores)
      logits = sampled_softmax.adjust(scores, candidates)
      if without_positives:
        logits = sampled_softmax.without_other_positives(
          logits, candidates, positions
        )
      loss = sampled_softmax.candidate_cross_entropy(
        logits, positions, is_candidate
      )
    gradient = tape.gradient(loss, scores)
    self.assertGreater(loss[0], 0)
    self.assertAllEqual(loss[1:], np.zeros(3))
    self.assertAllEqual(gradient[1:], np.zeros([3, 3]))
    # Padding has no gradient either.
    self.assertAllEqual(gradient[:, 0], np.zeros(4))
    self.assertNotAllEqual(gradient[0], np.zeros(3))


if __name__ == '__main__':
  tf.test.main()
