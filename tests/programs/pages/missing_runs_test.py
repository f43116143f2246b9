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
"""Tests of the training of missing runs; no run is trained."""

import pathlib
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import stop_signals
from programs.pages import descriptions
from programs.pages import missing_runs
from tests.programs.pages import small_repository

_DESCRIPTION = """
[first]
columns = ['accuracy']
seeds = [0]
[first.rows]
'other/plain' = 'Plain'
[second]
columns = ['accuracy']
seeds = [0, 1, 2]
[second.rows]
'other/plain' = 'Plain'
'small-bits=4' = 'Small'
"""


class MissingRunsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    self._results = self._root / 'results'
    small_repository.write_page(self._root, _DESCRIPTION, '')
    (self._root / 'programs/flagfiles/small.flags').write_text('--task=mnist\n')
    self._commands = []

  def _train(self, fails=()):
    def run(command, stop, stdout=None):
      del stop  # Unused.
      self._commands.append(command)
      if stdout is not None:
        stdout.write(b'{"metrics": {}}')
        return 0
      flags = dict(f.removeprefix('--').split('=', 1) for f in command[3:])
      name = pathlib.Path(flags['runs']).stem
      if name in fails:
        return 2
      if 'vary' in flags:
        name += f'-{flags["vary"]}'
      for seed in flags['seeds'].split(','):
        small_repository.write_run(
          pathlib.Path(flags['output_dir']) / name / f'seed_{seed}', 0.5, 8
        )
      return 0

    (page,) = descriptions.read_all(self._results)
    with mock.patch('programs.command_line.child_process.run', run):
      return missing_runs.train(
        self._results,
        page,
        stop_signals.StopSignals(),
        data_dir='data',
        forwarded=['--cache_dir=cache'],
      )

  def test_trains_what_is_missing_with_data_where_the_task_reads_any(self):
    plain = self._results / 'other' / 'plain'
    small_repository.write_run(plain / 'seed_1', 0.7, 8)
    kept = (plain / 'seed_1' / 'summary.json').read_text()
    self.assertEqual(self._train(), 0)
    start = [sys.executable, '-m', 'programs.compare']
    self.assertEqual(
      self._commands,
      [
        [
          *start,
          f'--runs={self._root}/programs/flagfiles/plain.flags',
          '--seeds=0,2',
          f'--output_dir={self._root}/output/results/other',
          '--cache_dir=cache',
        ],
        [
          *start,
          f'--runs={self._root}/programs/flagfiles/small.flags',
          '--vary=bits=4',
          '--seeds=0,1,2',
          f'--output_dir={self._root}/output/results/page',
          '--cache_dir=cache',
          '--data_dir=data',
        ],
      ],
    )
    self.assertEqual((plain / 'seed_1' / 'summary.json').read_text(), kept)
    for seed in (0, 1, 2):
      for run in ('other/plain', 'page/small-bits=4'):
        path = self._results / run / f'seed_{seed}' / 'summary.json'
        self.assertTrue(path.exists(), path)

  def test_trains_nothing_again(self):
    self._train()
    self._commands.clear()
    self.assertEqual(self._train(), 0)
    self.assertEmpty(self._commands)

  def test_trains_the_others_if_one_fails(self):
    self.assertEqual(self._train(fails=['plain']), 2)
    self.assertFalse((self._results / 'other').exists())
    self.assertTrue((self._results / 'page' / 'small-bits=4').exists())
    self._commands.clear()
    self.assertEqual(self._train(), 0)
    self.assertLen(self._commands, 1)

  @parameterized.parameters(
    ('test', ['--weights=best', '--test_data']), ('train', ['--train_data'])
  )
  def test_evaluates_at_the_end(self, at, flags):
    small_repository.write_page(
      self._root, _DESCRIPTION.replace('[second]', f"[second]\nat = '{at}'"), ''
    )
    self.assertEqual(self._train(), 0)
    evaluations = [c for c in self._commands if c[2] == 'programs.evaluate']
    self.assertLen(evaluations, 6)
    run_dir = self._root / 'output/results/page/small-bits=4/seed_2'
    self.assertEqual(
      evaluations[-1],
      [
        *(sys.executable, '-m', 'programs.evaluate', f'--run_dir={run_dir}'),
        *(*flags, '--cache_dir=cache'),
      ],
    )
    run_dir = self._results / 'page/small-bits=4/seed_2'
    path = run_dir / f'{at}_evaluation.json'
    self.assertEqual(path.read_text(), '{"metrics": {}}')
    self._commands.clear()
    self.assertEqual(self._train(), 0)
    self.assertEmpty(self._commands)
    # One that lacks this file alone is evaluated again.
    path.unlink()
    self.assertEqual(self._train(), 0)
    self.assertLen(self._commands, 2)

  def test_evaluates_the_seeds_of_the_table_alone(self):
    small_repository.write_page(
      self._root, _DESCRIPTION.replace('[first]', "[first]\nat = 'train'"), ''
    )
    self.assertEqual(self._train(), 0)
    evaluations = [c for c in self._commands if c[2] == 'programs.evaluate']
    run_dir = self._root / 'output/results/other/plain/seed_0'
    self.assertEqual([c[3] for c in evaluations], [f'--run_dir={run_dir}'])
    for seed in (0, 1, 2):
      path = self._results / f'other/plain/seed_{seed}'
      self.assertTrue((path / 'summary.json').exists())
      self.assertEqual((path / 'train_evaluation.json').exists(), seed == 0)
    self._commands.clear()
    self.assertEqual(self._train(), 0)
    self.assertEmpty(self._commands)


if __name__ == '__main__':
  absltest.main()
