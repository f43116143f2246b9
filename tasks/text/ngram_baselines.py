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
"""Accuracies that need no training: of the most frequent next tokens."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from tff_methods import models

# Sequences of tokens, and the tokens that follow each of them.
Batch = tuple[np.ndarray, np.ndarray]


def accuracies(
  train: Iterable[Batch],
  test: Iterable[Batch],
  num_classes: int,
  roles: models.LabelRoles,
) -> dict[str, float]:
  """Returns the accuracies of two predictions by counts of training tokens.

  `unigram_accuracy` is that of always predicting the most frequent token,
  `bigram_accuracy` that of the most frequent one after the token before, or the
  former where that token is new. Only labels that can be correct are predicted.

  Args:
    train: Batches of the training clients.
    test: Batches of test data.
    num_classes: Number of classes of the model.
    roles: Roles of the labels in the accuracy.
  """
  pairs = np.concatenate(
    [np.ravel(x).astype(np.int64) * num_classes + np.ravel(y) for x, y in train]
  )
  pairs, counts = np.unique(pairs, return_counts=True)
  before, label = np.divmod(pairs, num_classes)
  is_predictable = _mask(roles, num_classes, may_be_correct=True)[label]
  before, label = before[is_predictable], label[is_predictable]
  counts = counts[is_predictable]
  unigram = np.argmax(np.bincount(label, counts, num_classes))
  after = np.full(num_classes, unigram)
  # The last of equal indices remains: that of the largest count, and of these
  # that of the most frequent label.
  order = np.lexsort((-label, counts))
  after[before[order]] = label[order]
  is_scored = _mask(roles, num_classes, may_be_correct=False)
  num_scored, hits = 0, np.zeros(2, np.int64)
  for x, y in test:
    scored = is_scored[y]
    num_scored += scored.sum()
    hits += [(scored & (y == found)).sum() for found in (unigram, after[x])]
  unigram_accuracy, bigram_accuracy = hits / max(num_scored, 1)
  return {
    'unigram_accuracy': float(unigram_accuracy),
    'bigram_accuracy': float(bigram_accuracy),
  }


def _mask(
  roles: models.LabelRoles, num_classes: int, *, may_be_correct: bool
) -> np.ndarray:
  """Returns the mask of labels in the accuracy, or of those correct in it."""
  labels = tf.range(num_classes)
  mask = roles.is_example(labels) & roles.is_scored(labels)
  if may_be_correct:
    mask &= roles.may_be_correct(labels)
  return mask.numpy()
