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
"""Tests for fed_ss_confusion."""

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from programs.command_line import runner
from programs.reports import fed_ss_confusion
from tests.programs.reports import tiny_row_task
from tests.tff_methods import row_models


class ConfusionTest(parameterized.TestCase):
  # Some batches have no class of the second case.
  @parameterized.parameters(([1, 2, 7, 11],), ([9, 11],))
  def test_counts_predictions_among_the_classes(self, classes):
    classes = np.array(classes)
    confusion = fed_ss_confusion.build_confusion_fn(
      tiny_row_task.build_task(), classes
    )
    matrix = confusion(tiny_row_task.initial_weights())
    x, y = tiny_row_task.test_arrays()
    scores = row_models.embed(x) @ row_models.rows().T
    for i, actual in enumerate(classes):
      predictions = classes[scores[y == actual][:, classes].argmax(axis=1)]
      if actual == 1:
        self.assertEmpty(predictions)
        self.assertTrue(np.isnan(matrix[i]).all())
        continue
      for j, predicted in enumerate(classes):
        self.assertAlmostEqual(
          matrix[i, j], np.mean(predictions == predicted), msg=f'{i}, {j}'
        )

  def test_refuses_classes_without_images(self):
    with self.assertRaisesRegex(
      runner.UsageError, 'Expected test images .* found none; choose another'
    ):
      fed_ss_confusion.build_confusion_fn(
        tiny_row_task.build_task(), np.array([1, 4])
      )

  def test_mean_cosine(self):
    rows = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    self.assertAlmostEqual(
      fed_ss_confusion.mean_cosine(rows), (0 + 2 * np.cos(np.pi / 4)) / 3
    )


if __name__ == '__main__':
  absltest.main()
