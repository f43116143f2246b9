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
"""Tests of the files of runs in results/."""

import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import runner
from programs.pages import descriptions
from programs.pages import stored_runs
from tests.programs.pages import small_repository

_PLAIN = descriptions.Run('page', 'plain')


class StoredRunsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    self._results = self._root / 'results'
    small_repository.write_page(self._root, '', '')

  def test_missing_seeds(self):
    directory = self._results / 'page' / 'plain'
    for seed in (0, 1, 2):
      small_repository.write_run(directory / f'seed_{seed}', 0.5, 8)
    (directory / 'seed_1' / 'metrics.csv').unlink()
    self.assertEqual(
      stored_runs.missing_seeds(self._results, _PLAIN, (0, 1, 2, 3)), [1, 3]
    )

  def test_adds_the_small_files_alone(self):
    trained = self._root / 'output'
    source = trained / 'page' / 'plain' / 'seed_3'
    small_repository.write_run(source, 0.5, 8)
    (source / 'model_weights.npz').write_text('large')
    stored_runs.add(self._results, _PLAIN, 3, trained)
    target = self._results / 'page' / 'plain' / 'seed_3'
    self.assertCountEqual(
      [path.name for path in target.iterdir()],
      ['configuration.json', 'metrics.csv', 'summary.json'],
    )
    for path in target.iterdir():
      self.assertEqual(path.read_bytes(), (source / path.name).read_bytes())

  def test_reads(self):
    directory = stored_runs.directory(self._results, _PLAIN, 2)
    small_repository.write_run(directory, 0.75, 8)
    run = stored_runs.read(self._results, _PLAIN, 2)
    self.assertEqual((run.name, run.seed), ('plain', 2))
    self.assertEqual(run.last.metrics['accuracy'], 0.75)

  @parameterized.parameters(
    ({'bits': '4'}, "--bits=2.*plain.flags.*found '4'.*PAGE=page"),
    ({'rate': 0.3}, '--rate=0.10.*found 0.3'),
    ({'seed': 1}, '--seed=2.*found 1'),
  )
  def test_refuses_results_of_other_flags(self, configuration, message):
    directory = stored_runs.directory(self._results, _PLAIN, 2)
    small_repository.write_run(directory, 0.75, 8, **configuration)
    with self.assertRaisesRegex(runner.UsageError, message):
      stored_runs.read(self._results, _PLAIN, 2)

  def test_refuses_other_rounds(self):
    directory = stored_runs.directory(self._results, _PLAIN, 0)
    small_repository.write_run(directory, 0.75, 8)
    path = self._root / 'programs/flagfiles/plain.flags'
    path.write_text('--rounds=3')
    with self.assertRaisesRegex(runner.UsageError, '--rounds=3.*found 2'):
      stored_runs.read(self._results, _PLAIN, 0)

  def test_additional_flags_override_the_flag_file(self):
    run = descriptions.Run('page', 'plain-bits=4')
    directory = stored_runs.directory(self._results, run, 0)
    small_repository.write_run(directory, 0.75, 8, bits='4')
    stored_runs.read(self._results, run, 0)
    small_repository.write_run(directory, 0.75, 8)
    with self.assertRaisesRegex(runner.UsageError, '--bits=4'):
      stored_runs.read(self._results, run, 0)

  def test_refuses_a_run_without_flag_file(self):
    run = descriptions.Run('page', 'unknown')
    directory = stored_runs.directory(self._results, run, 0)
    small_repository.write_run(directory, 0.75, 8)
    with self.assertRaisesRegex(runner.UsageError, 'unknown.flags.*No such'):
      stored_runs.read(self._results, run, 0)


if __name__ == '__main__':
  absltest.main()
