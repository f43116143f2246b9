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
"""Tests of the results of finished runs."""

import pathlib
import tempfile

from absl.testing import absltest

from programs.runs import finished_run
from programs.runs import run_results
from tests.programs.runs import example_runs


class RunResultsTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._path = self.enter_context(tempfile.TemporaryDirectory())

  def _run(self, name: str, *accuracies: float) -> finished_run.FinishedRun:
    path = example_runs.write(
      pathlib.Path(self._path, name), accuracies=accuracies
    )
    return finished_run.read(str(path))

  def test_last_and_best(self):
    run = self._run('run', 0.1, 0.6, 0.4)
    last = run_results.evaluation_at('last', run, run)
    self.assertEqual((last.rounds, last.metrics['accuracy']), (4, 0.4))
    best = run_results.evaluation_at('best', run, run)
    self.assertEqual((best.rounds, best.metrics['accuracy']), (2, 0.6))

  def test_first_evaluation_as_good_as_the_best_of_another_run(self):
    run = self._run('run', 0.1, 0.6, 0.7)
    found = run_results.evaluation_at(
      'matching', run, self._run('other', 0.1, 0.5, 0.3)
    )
    self.assertEqual((found.rounds, found.uplink_bytes), (2, 20_000_000))

  def test_none_is_as_good(self):
    run = self._run('run', 0.1, 0.6, 0.4)
    other = self._run('other', 0.1, 0.3, 0.7)
    self.assertIsNone(run_results.evaluation_at('matching', run, other))

  def test_low_loss_and_high_accuracy_reach_a_value(self):
    run = self._run('run', 0.25, 0.5, 0.75)
    for metric, value, rounds in (
      ('accuracy', 0.5, 2),
      ('accuracy', 0.6, 4),
      ('loss', 0.6, 2),
      ('loss', 0.25, 4),
    ):
      found = run_results.first_reaching(run, metric, value)
      self.assertEqual(found.rounds, rounds, (metric, value))
    self.assertIsNone(run_results.first_reaching(run, 'accuracy', 0.8))
    self.assertIsNone(run_results.first_reaching(run, 'loss', 0.2))
    self.assertIsNone(run_results.first_reaching(run, 'map_at_9', 0.0))


if __name__ == '__main__':
  absltest.main()
