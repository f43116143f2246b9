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
"""Tests for label_frequencies."""

import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest
import numpy as np

from programs.reports import figures
from programs.reports import label_frequencies


class FitPowerLawTest(absltest.TestCase):
  def test_finds_the_exponent(self):
    rng = np.random.default_rng(0)
    for exponent in (1.8, 2.5):
      counts = rng.zipf(exponent, size=200_000).astype(np.float64)
      fit = label_frequencies.fit_power_law(counts)
      self.assertAlmostEqual(fit.exponent, exponent, delta=0.1)
      self.assertLess(fit.distance, 0.02)
      self.assertEqual(fit.num_fitted, np.count_nonzero(counts >= 10))

  def test_other_distributions_are_far(self):
    counts = np.random.default_rng(0).poisson(200, size=10_000)
    self.assertGreater(label_frequencies.fit_power_law(counts).distance, 0.2)

  def test_small_counts(self):
    fit = label_frequencies.fit_power_law(np.array([2, 3, 3]))
    self.assertEqual(fit.num_fitted, 2)


class ReportTest(absltest.TestCase):
  def test_shares_of_labels_and_positives(self):
    directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    with mock.patch.object(figures, 'save_curves') as save_curves:
      label_frequencies.report(
        np.array([4, 0, 1, 3, 1, 1]),
        20,
        frequencies_path=str(directory / 'a.png'),
        ranks_path=str(directory / 'b.png'),
      )
    (of_frequencies, of_ranks) = (c.args[1] for c in save_curves.call_args_list)
    labels, positives = of_frequencies.values()
    found = dict(zip(labels.x, labels.y, strict=True))
    self.assertEqual(found, {0.05: 0.6, 0.15: 0.8, 0.2: 1})
    found = dict(zip(positives.x, positives.y, strict=True))
    self.assertEqual(found, {0.05: 0.3, 0.15: 0.6, 0.2: 1})
    (ranks,) = of_ranks.values()
    self.assertEqual(list(ranks.x), [1, 2, 3, 4, 5])
    self.assertEqual(list(ranks.y), [4, 3, 1, 1, 1])


if __name__ == '__main__':
  absltest.main()
