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
"""Tests for compare, but for its runs, which are in train_test."""

import json
import pathlib
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs import compare
from tests.programs import program_testing


class _TrainProcess:
  """Stands in for a process that trains: it writes what a test says."""

  def __init__(self, command, summaries, exit_codes, commands, **unused_kwargs):
    commands.append(command)
    flags = dict(f.removeprefix('--').split('=', 1) for f in command[3:])
    preset = pathlib.Path(flags['flagfile']).stem
    self._exit_code = exit_codes.get(preset, 0)
    directory = pathlib.Path(flags['output_dir'])
    directory.mkdir(parents=True)
    accuracy, uplink_bytes = summaries[preset, flags['seed']]
    summary = {
      'method': f'method_of_{preset}',
      'rounds': 10,
      'metrics': {'accuracy': accuracy},
      'uplink_bytes': uplink_bytes,
      'downlink_bytes': 2_000_000,
      'seconds': 12.34,
    }
    (directory / 'summary.json').write_text(json.dumps(summary))

  def wait(self):
    return self._exit_code


class CompareTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    temporary_dir = self.enter_context(tempfile.TemporaryDirectory())
    self._path = pathlib.Path(temporary_dir)
    for name in ('plain', 'small'):
      (self._path / f'{name}.flags').write_text('--task=digits')

  def _compare(self, *arguments, summaries=None, exit_codes=None):
    commands = []

    def start(command, **kwargs):
      return _TrainProcess(
        command, summaries, exit_codes or {}, commands, **kwargs
      )

    with mock.patch('subprocess.Popen', start):
      result = program_testing.run_here(
        'compare.py',
        compare.main,
        f'--output_dir={self._path / "out"}',
        *arguments,
      )
    return *result, commands

  def _runs(self, *names: str) -> str:
    return f'--runs={",".join(str(self._path / n) for n in names)}'

  def test_tables_means_over_seeds(self):
    exit_code, stdout, stderr, _ = self._compare(
      self._runs('plain.flags', 'small.flags'),
      '--seeds=0,1',
      summaries={
        ('plain', '0'): (0.90, 3_000_000),
        ('plain', '1'): (0.94, 3_000_000),
        ('small', '0'): (0.88, 100_000),
        ('small', '1'): (0.88, 140_000),
      },
    )
    self.assertEqual(exit_code, 0, stderr)
    self.assertRegex(
      stdout,
      r'plain +│ method_of_plain +│ 92.00 % \(± 2.83\) +│ 10 +│ 3.000 +│ '
      r'1.00 x +│ 2.000 +│ 12.3 ',
    )
    self.assertRegex(
      stdout,
      r'small +│ method_of_small +│ 88.00 % \(± 0.00\) +│ 10 +│ 0.120 +│ '
      r'25.00 x +│ 2.000 +│ 12.3 ',
    )

  def test_runs_the_flag_file_and_the_seed(self):
    *_, commands = self._compare(
      self._runs('plain.flags'), summaries={('plain', '0'): (0.9, 1)}
    )
    expected = [
      *(sys.executable, '-m', 'programs.train'),
      f'--flagfile={self._path / "plain.flags"}',
      '--seed=0',
      f'--output_dir={self._path / "out" / "plain" / "seed_0"}',
    ]
    self.assertEqual(commands, [expected])

  def test_hands_given_flags_on(self):
    *_, ((*_, data_dir, rounds),) = self._compare(
      self._runs('plain.flags'),
      '--rounds=3',
      '--data_dir=data',
      summaries={('plain', '0'): (0.9, 1)},
    )
    self.assertEqual((data_dir, rounds), ('--data_dir=data', '--rounds=3'))

  def test_ends_with_a_run_that_fails(self):
    exit_code, stdout, _, commands = self._compare(
      self._runs('plain.flags', 'small.flags'),
      summaries={('plain', '0'): (0.9, 1)},
      exit_codes={'plain': 2},
    )
    self.assertEqual(exit_code, 2)
    self.assertLen(commands, 1)
    self.assertNotIn('accuracy', stdout)

  @parameterized.named_parameters(
    ('no_runs', 'Expected --runs', []),
    ('no_seeds', 'seeds', ['--seeds=']),
    ('negative_seed', 'seeds', ['--seeds=0,-1']),
    ('zero_rounds', 'rounds', ['--rounds=0']),
    ('missing_file', 'nothing.flags', ['--runs=nothing.flags']),
    ('stray_argument', "'stray'", ['stray']),
  )
  def test_refuses(self, message, arguments):
    exit_code, _, stderr, commands = self._compare(*arguments)
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, rf'^compare: [^\n]*{message}[^\n]*\n$')
    self.assertEmpty(commands)

  def test_refuses_files_of_the_same_name(self):
    exit_code, _, stderr, _ = self._compare(
      self._runs('plain.flags', 'plain.flags')
    )
    self.assertEqual(exit_code, 2)
    self.assertIn("'plain' twice", stderr)


if __name__ == '__main__':
  absltest.main()
