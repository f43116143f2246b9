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
"""Tests for ngram_baselines."""

from absl.testing import absltest
import numpy as np

from tasks.text import ngram_baselines
from tff_methods import models

# 0 is padding, 5 a word without an id, 6 the end.
_TRAIN = [
  (np.int32([[1, 2, 1, 3]]), np.int32([[2, 1, 3, 6]])),
  (
    np.int32([[1, 2, 5, 0], [4, 1, 2, 0]]),
    np.int32([[2, 5, 1, 0], [1, 2, 6, 0]]),
  ),
]
_TEST = [
  (np.int32([[1, 2, 3, 4]]), np.int32([[2, 1, 5, 6]])),
  (np.int32([[6, 1, 0, 0]]), np.int32([[1, 3, 0, 0]])),
]


class NgramBaselinesTest(absltest.TestCase):
  def test_unscored_labels(self):
    # Labels: 1 and 2 three times each; after 1 comes 2, after 2 comes 1.
    found = ngram_baselines.accuracies(
      _TRAIN, _TEST, 7, models.LabelRoles(padding=0, unscored=(5, 6))
    )
    # Scored: 2, 1, 1 and 3, of which 1 is right twice. A bigram is right about
    # 2 and 1, and about the 1 after 6, which is new: the unigram.
    self.assertEqual(
      found, {'unigram_accuracy': 2 / 4, 'bigram_accuracy': 3 / 4}
    )

  def test_labels_that_are_never_correct_count(self):
    found = ngram_baselines.accuracies(
      _TRAIN, _TEST, 7, models.LabelRoles(padding=0, never_correct=(5,))
    )
    # The end after 4 was not seen: after 4 comes 1.
    self.assertEqual(
      found, {'unigram_accuracy': 2 / 6, 'bigram_accuracy': 3 / 6}
    )


if __name__ == '__main__':
  absltest.main()
