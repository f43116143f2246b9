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
"""Tests for comparison."""

import math
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from programs.reports import comparison
from programs.runs import finished_run
from tests.programs.runs import example_runs


class ComparisonTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

  def _run(self, name: str, seed: int, **kwargs) -> finished_run.FinishedRun:
    path = self._path / name / f'seed_{seed}'
    return finished_run.read(str(example_runs.write(path, seed=seed, **kwargs)))

  def _groups(self) -> comparison.Groups:
    small = {'uplink_bytes': 4_000_000, 'method': 'dgc'}
    return comparison.group(
      [
        self._run('plain', 0, accuracies=(0.1, 0.5, 0.7)),
        self._run('small', 0, accuracies=(0.1, 0.7, 0.5), **small),
        self._run('plain', 1, accuracies=(0.1, 0.5, 0.9)),
        self._run('small', 1, accuracies=(0.1, 0.2, 0.3), **small),
      ]
    )

  @parameterized.parameters(
    ([math.nan, 1.0], math.nan),
    ([math.inf, 1.0], math.inf),
    ([math.inf, -math.inf], math.nan),
    ([1e308, 1e308], math.inf),
  )
  def test_diverged_runs_have_no_deviation(self, values, mean):
    found = comparison.Statistic.of(values)
    self.assertIsNone(found.deviation)
    self.assertEqual(str(found.mean), str(mean))

  def test_means_deviations_and_factors(self):
    plain, small = comparison.compare(self._groups())
    self.assertEqual((plain.name, plain.method), ('plain', 'fed_avg'))
    self.assertEqual((small.name, small.method), ('small', 'dgc'))
    self.assertEqual((small.num_runs, small.num_found), (2, 2))
    # Of 0.7 and 0.9, and of 0.5 and 0.3.
    self.assertAlmostEqual(plain.metrics['accuracy'].mean, 0.8)
    self.assertAlmostEqual(small.metrics['accuracy'].mean, 0.4)
    self.assertAlmostEqual(small.metrics['accuracy'].deviation, 0.02**0.5)
    self.assertEqual(small.rounds.mean, 4)
    self.assertEqual(small.uplink.num_bytes.mean, 4_000_000)
    self.assertEqual(small.total.num_bytes.mean, 44_000_000)
    self.assertEqual((small.uplink.factor, small.downlink.factor), (10, 1))
    self.assertAlmostEqual(small.total.factor, 80 / 44)
    self.assertEqual(plain.total.factor, 1)
    self.assertEqual(small.model_bytes.mean, 600_000)
    self.assertEqual(small.seconds.mean, 12.5)
    self.assertIsNone(small.target)

  def test_differences_to_the_baseline_of_the_same_seed(self):
    plain, small = comparison.compare(self._groups())
    self.assertEqual(plain.differences['accuracy'].mean, 0)
    # 0.5 - 0.7 and 0.3 - 0.9.
    self.assertAlmostEqual(small.differences['accuracy'].mean, -0.4)
    self.assertAlmostEqual(small.differences['accuracy'].deviation, 0.08**0.5)

  def test_best_evaluations(self):
    plain, small = comparison.compare(self._groups(), 'best')
    self.assertEqual((plain.rounds.mean, small.rounds.mean), (4, 3))
    # 80 MB of the baseline; 22 and 44 MB.
    self.assertAlmostEqual(small.total.factor, 80 / 33)

  def test_matches_the_baseline_of_the_same_seed(self):
    _, small = comparison.compare(self._groups(), 'matching')
    self.assertEqual((small.num_runs, small.num_found), (2, 1))
    self.assertEqual(small.rounds.mean, 2)
    self.assertIsNone(small.metrics['accuracy'].deviation)

  def test_bytes_are_compared_with_runs_of_the_same_seeds(self):
    # The baseline is best after 4 rounds with seed 0, and after 2 with seed 1.
    groups = comparison.group(
      [
        self._run('plain', 0, accuracies=(0.1, 0.5, 0.7)),
        self._run('plain', 1, accuracies=(0.5, 0.7, 0.6)),
        self._run(
          'small', 0, accuracies=(0.1, 0.7, 0.5), uplink_bytes=4_000_000
        ),
        self._run(
          'small', 1, accuracies=(0.1, 0.2, 0.3), uplink_bytes=4_000_000
        ),
      ]
    )
    _, small = comparison.compare(groups, 'matching')
    self.assertEqual(small.num_found, 1)  # After 2 of 4 rounds, seed 0.
    self.assertEqual(small.uplink.factor, 20)

  def test_target(self):
    plain, small = comparison.compare(
      self._groups(),
      target=comparison.Target('accuracy', 0.7),
      clock=lambda run: [r * (10 + run.seed) for r in range(5)],
    )
    self.assertEqual((plain.target.num_runs, small.target.num_runs), (2, 1))
    self.assertEqual(plain.target.rounds.mean, 4)
    self.assertEqual(small.target.rounds.mean, 2)
    self.assertEqual(small.target.total_bytes.mean, 22_000_000)
    # Of 4 · 10 s and 4 · 11 s.
    self.assertEqual(plain.target.seconds.mean, 42)
    self.assertEqual(small.target.seconds.mean, 20)

  def test_target_that_is_never_reached(self):
    for row in comparison.compare(
      self._groups(), target=comparison.Target('accuracy', 0.95)
    ):
      self.assertEqual(row.target.num_runs, 0)
      self.assertTrue(math.isnan(row.target.rounds.mean))
      self.assertIsNone(row.target.seconds)

  def test_no_bytes_before_the_first_round(self):
    groups = comparison.group(
      [self._run('plain', 0), self._run('worse', 0, accuracies=(0.5, 0.4, 0.3))]
    )
    _, worse = comparison.compare(groups, 'best')
    self.assertEqual(worse.rounds.mean, 0)
    self.assertTrue(math.isnan(worse.total.factor))

  def test_baseline_of_another_seed(self):
    groups = comparison.group([self._run('plain', 3), self._run('small', 4)])
    (run,) = groups['small']
    self.assertEqual(comparison.baseline_of(groups, run).seed, 3)
    _, small = comparison.compare(groups)
    self.assertEqual(small.differences['accuracy'].mean, 0)
    self.assertEqual(small.uplink.factor, 1)


if __name__ == '__main__':
  absltest.main()
