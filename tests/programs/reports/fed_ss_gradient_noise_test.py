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
"""Tests for fed_ss_gradient_noise."""

import itertools

from absl.testing import absltest
import numpy as np
import pytest

from programs.reports import fed_ss_gradient_noise
from tests.programs.reports import tiny_row_task
from tests.tff_methods import row_models

_NUM_CLASSES = row_models.NUM_CLASSES


def _gradients(batch, classes, expected_counts) -> list[np.ndarray]:
  """Returns gradients of a weighted softmax loss, computed by numpy.

  Args:
    batch: The examples and their classes.
    classes: Classes in the softmax.
    expected_counts: Weight of each class in the softmax, the number of classes
      that it stands for.

  Returns:
    The gradients with respect to the kernel, the bias and the rows.
  """
  x, y = batch
  (kernel, _), rows = row_models.body().initial_weights[0], row_models.rows()
  embeddings = row_models.embed(x)
  masses = np.exp(embeddings @ rows[classes].T) * expected_counts
  by_score = np.zeros([len(y), _NUM_CLASSES])
  by_score[:, classes] = masses / masses.sum(axis=1, keepdims=True)
  by_score[np.arange(len(y)), y] -= 1
  by_score /= len(y)
  by_sum = (by_score @ rows) * (1 - embeddings**2)
  assert kernel.shape == (x.shape[1], by_sum.shape[1])
  return [x.T @ by_sum, by_sum.sum(axis=0), by_score.T @ embeddings]


class GradientNoiseTest(absltest.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.noise = fed_ss_gradient_noise.GradientNoise(
      row_models.row_model(), tiny_row_task.initial_weights(), base_seed=5
    )
    # All of one client, so that they have the same classes.
    x, y = row_models.arrays(40)[0]
    cls.batches = [(x[i : i + 8], y[i : i + 8]) for i in range(0, 40, 8)]

  def test_full_change_is_a_step_down_the_gradient(self):
    batch = self.batches[0]
    expected = _gradients(batch, np.arange(_NUM_CLASSES), 1)
    for change, gradient in zip(
      self.noise.full_change(batch), expected, strict=True
    ):
      np.testing.assert_allclose(change, -gradient, atol=1e-6)

  @pytest.mark.slow
  def test_noise_is_that_of_cohorts_with_negatives_of_their_own(self):
    rng = np.random.default_rng(0)
    others = np.setdiff1d(np.arange(_NUM_CLASSES), row_models.CLASSES[0])
    deviations = []
    for batch in self.batches:
      full = _gradients(batch, np.arange(_NUM_CLASSES), 1)
      draws = []
      for chosen in itertools.combinations(others, 3):
        classes = np.concatenate([row_models.CLASSES[0], chosen])
        draws.append(_gradients(batch, classes, [1] * 3 + [9 / 3] * 3))
      parts = {'model': [0, 1, 2], 'body': [0, 1], 'rows': [2]}
      levels = self.noise(batch, 3, self.noise.full_change(batch))
      for name, tensors in parts.items():
        exact = np.concatenate([full[i].ravel() for i in tensors])
        flat = np.array(
          [np.concatenate([d[i].ravel() for i in tensors]) for d in draws]
        )
        cohorts = rng.integers(
          len(flat), size=[2000, fed_ss_gradient_noise.COHORT_SIZE]
        )
        errors = np.linalg.norm(flat[cohorts].mean(axis=1) - exact, axis=1)
        errors /= np.linalg.norm(exact)
        low, high = np.quantile(errors, [0.001, 0.999])
        self.assertBetween(getattr(levels, name), low, high)
        deviations.append(
          (getattr(levels, name) - errors.mean()) / errors.std()
        )
    # 5 independent batches; the 3 parts of each vary together.
    self.assertLess(abs(np.mean(deviations)), 4 / 5**0.5)

  def test_repeats(self):
    batch = self.batches[0]
    full_change = self.noise.full_change(batch)
    self.assertEqual(
      self.noise(batch, 3, full_change), self.noise(batch, 3, full_change)
    )


if __name__ == '__main__':
  absltest.main()
