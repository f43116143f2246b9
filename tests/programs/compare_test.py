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

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs import compare
from programs.reports import comparison_report
from tests.programs import program_testing
from tests.programs.runs import example_runs

_FLAGFILE = (
  pathlib.Path(__file__)
  .parents[2]
  .joinpath('programs/flagfiles/digits_fed_avg.flags')
)
# A program that is killed after it started another one, which prints when it is
# ready for a signal, and the name of the signal.
_KILLED_PROGRAM = '''
import sys
from programs.command_line import child_process

process = child_process.start([sys.executable, '-c', """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print('ready', flush=True)
print(signal.sigwait([signal.SIGTERM]).name, flush=True)
"""])
process.wait()
'''


class _TrainProcess:
  """Stand-in for a process that trains: writes the results of the test."""

  def __init__(self, command, summaries, exit_codes, commands, **unused_kwargs):
    commands.append(command)
    flags = dict(
      f.removeprefix('--').split('=', 1) for f in command[3:] if '=' in f
    )
    preset = pathlib.Path(flags['output_dir']).parent.name
    self._exit_code = exit_codes.get(preset, 0)
    directory = pathlib.Path(flags['output_dir'])
    directory.mkdir(parents=True, exist_ok=True)
    accuracy, uplink_bytes = summaries[preset, flags['seed']]
    summary = {
      'task': 'digits',
      'method': f'method_of_{preset}',
      'stopped_early': False,
      'configuration': {},
      'rounds': 10,
      'metrics': {'accuracy': accuracy, 'loss': 0.5},
      'uplink_bytes': uplink_bytes,
      'downlink_bytes': 2_000_000,
      'model_bytes': 604_000,
      'seconds': 12.34,
      'rounds_without_update': 0,
    }
    summary['best_metric'] = 'accuracy'
    summary['best'] = {
      'rounds': 4,
      'metrics': {'accuracy': accuracy + 0.01, 'loss': 0.4},
      'uplink_bytes': uplink_bytes // 2,
      'downlink_bytes': 1_000_000,
    }
    rows = [
      'round,downlink_bytes,evaluation/accuracy,uplink_bytes,num_clients',
      '0,0,0.1,0,',
      '1,250000,,8,9',  # Not evaluated.
      f'2,500000,{accuracy - 0.01},{uplink_bytes // 4},9',
      '3,750000,,9,9',  # Not evaluated.
      f'4,1000000,{accuracy + 0.01},{uplink_bytes // 2},9',
      *(f'{r},1000000,,{uplink_bytes // 2},9' for r in range(5, 10)),
      f'10,2000000,{accuracy},{uplink_bytes},9',
    ]
    configuration = {
      'configuration': {'seed': int(flags['seed'])},
      'environment': {},
    }
    (directory / 'configuration.json').write_text(json.dumps(configuration))
    (directory / 'metrics.csv').write_text('\n'.join(rows))
    (directory / 'summary.json').write_text(json.dumps(summary))

  def wait(self):
    return self._exit_code

  def send_signal(self, signum):
    pass  # It has ended.


class _InterruptedProcess:
  """Stand-in for a process whose wait is interrupted."""

  def __init__(self, on_wait, sent):
    self._on_wait = on_wait
    self._sent = sent

  def wait(self):
    if not self._sent:
      self._on_wait()
    self._sent.append('waited')

  def send_signal(self, signum):
    self._sent.append(signum)


class CompareTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    temporary_dir = self.enter_context(tempfile.TemporaryDirectory())
    self._path = pathlib.Path(temporary_dir)
    for name in ('plain', 'small'):
      (self._path / f'{name}.flags').write_text('--task=digits')

  def _compare(
    self,
    *arguments,
    summaries=None,
    exit_codes=None,
    refused=None,
    start=None,
    report=False,
  ):
    commands = []

    def train(command, **kwargs):
      return _TrainProcess(
        command, summaries, exit_codes or {}, commands, **kwargs
      )

    def check(command, **unused_kwargs):
      self.assertEqual(command[-1], '--dry_run')
      exit_code, stderr = 0, ''
      if refused and any(refused in argument for argument in command):
        exit_code, stderr = 2, 'Some warning.\ntrain: Unknown flag.\n'
      return subprocess.CompletedProcess(command, exit_code, stderr=stderr)

    with contextlib.ExitStack() as stack:
      stack.enter_context(mock.patch('subprocess.Popen', start or train))
      stack.enter_context(mock.patch('subprocess.run', check))
      if not report:  # It takes seconds.
        stack.enter_context(
          mock.patch.object(comparison_report, 'write', return_value='page')
        )
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
      r'plain +\| method_of_plain +\| 92.00 % \(± 2.83\) +\| 10 +\| 5.000 +\| '
      r'1.00 x +\| 3.000 +\| 1.00 x +\| 2.000 +\| 1.00 x +\| 0.604 +\| 12.3 ',
    )
    self.assertRegex(
      stdout,
      r'small +\| method_of_small +\| 88.00 % \(± 0.00\) +\| 10 +\| 2.120 +\| '
      r'2.36 x +\| 0.120 +\| 25.00 x +\| 2.000 +\| 1.00 x +\| 0.604 +\| 12.3 ',
    )

  def test_tables_the_best_evaluations(self):
    _, stdout, *_ = self._compare(
      self._runs('plain.flags'),
      '--at=best',
      summaries={('plain', '0'): (0.90, 3_000_000)},
    )
    self.assertRegex(
      stdout,
      r'plain +\| method_of_plain +\| 91.00 % +\| 4 +\| 2.500 +\| 1.00 x '
      r'+\| 1.500 ',
    )

  def test_tables_the_evaluations_as_good_as_the_best_of_the_first(self):
    _, stdout, *_ = self._compare(
      self._runs('plain.flags', 'small.flags'),
      '--vary=small:bits=1,2,4',
      '--at=matching',
      '--seeds=0,1',
      summaries={
        ('plain', '0'): (0.90, 3_000_000),
        ('plain', '1'): (0.80, 5_000_000),
        ('small-bits=1', '0'): (0.93, 400_000),
        ('small-bits=1', '1'): (0.93, 400_000),
        ('small-bits=2', '0'): (0.85, 800_000),
        ('small-bits=2', '1'): (0.80, 800_000),
        ('small-bits=4', '0'): (0.70, 1),
        ('small-bits=4', '1'): (0.70, 1),
      },
    )
    self.assertRegex(
      stdout,
      r'plain +\| [^|]*\| 86.00 % [^|]*\| 4 +\| 3.000 +\| 1.00 x +\| 2.000 '
      r'+\| 1.00 x',
    )
    self.assertRegex(
      stdout,
      r'bits=1 +\| [^|]*\| 92.00 % [^|]*\| 2 +\| 0.600 +\| 5.00 x +\| 0.100 '
      r'+\| 20.00',
    )
    self.assertRegex(
      stdout,
      # 3.5 MB of the first with the same seed.
      r'bits=2 +\| [^|]*\| 81.00 % +\| 4 \(1 of 2 runs\) +\| 1.400 +\| 2.50 x',
    )
    self.assertRegex(stdout, r'bits=4 +\| +\| +\| never +\| +\|')

  def test_reads_finished_runs_until_their_flags_change(self):
    def compare(*arguments):
      _, stdout, _, commands = self._compare(
        self._runs('plain.flags'),
        *arguments,
        summaries={('plain', '0'): (0.90, 1_000_000)},
        refused='--seed=1',
      )
      self.assertIn('method_of_plain', stdout)
      return len(commands)

    self.assertEqual(compare(), 1)
    self.assertEqual(compare(), 0)
    self.assertEqual(compare('--at=best'), 0)
    self.assertEqual(compare('--rounds=20'), 1)
    self.assertEqual(compare(), 1)
    (self._path / 'plain.flags').write_text('--task=mnist')
    self.assertEqual(compare(), 1)
    (self._path / 'out/plain/seed_0/summary.json').unlink()
    self.assertEqual(compare(), 1)
    self.assertEqual(compare(), 0)

  def test_ends_with_a_report(self):
    exit_code, stdout, stderr, _ = self._compare(
      self._runs('plain.flags', 'small.flags'),
      '--target=accuracy=0.9',
      '--network=wan',
      summaries={
        ('plain', '0'): (0.90, 3_000_000),
        ('small', '0'): (0.88, 100_000),
      },
      report=True,
    )
    self.assertEqual((exit_code, stderr), (0, ''))
    out = self._path / 'out'
    self.assertEndsWith(stdout, f'Report: {out / "report.html"}\n')
    for name in ('report.html', 'comparison.csv', 'comparison.md'):
      self.assertIn('small', (out / name).read_text())
    self.assertTrue((out / 'pictures' / 'accuracy_by_seconds.png').exists())
    self.assertRegex(stdout, r'small .*\| never +\| never +\| never +\|')

  def test_leaves_out_a_damaged_run(self):
    runs = self._runs('plain.flags', 'small.flags')
    summaries = {
      ('plain', '0'): (0.90, 3_000_000),
      ('small', '0'): (0.88, 100_000),
    }
    self._compare(runs, summaries=summaries)
    path = self._path / 'out' / 'plain' / 'seed_0'
    (path / 'summary.json').write_text('{')
    exit_code, stdout, stderr, commands = self._compare(
      runs, summaries=summaries, report=True
    )
    self.assertEqual((exit_code, commands), (0, []))
    self.assertRegex(stderr, rf'^compare: left out {path}\. .*no JSON.*\n$')
    self.assertNotIn('method_of_plain', stdout)
    self.assertIn('method_of_small', stdout)
    page = (self._path / 'out' / 'report.html').read_text()
    self.assertIn(f'left out {path}', page)

  def test_no_run_is_left(self):
    exit_code, _, stderr, _ = self._compare('--run_dirs=nowhere')
    self.assertEqual(exit_code, 2)
    self.assertRegex(
      stderr,
      r'^compare: left out nowhere\. [^\n]*\ncompare: Expected results of at '
      r'least one run in nowhere, found none\.\n$',
    )

  def test_other_run_directories_join(self):
    path = example_runs.write(self._path / 'elsewhere', seed=5)
    for arguments in ([], [self._runs('plain.flags')]):
      exit_code, stdout, *_ = self._compare(
        *arguments,
        f'--run_dirs={path}',
        summaries={('plain', '0'): (0.9, 3_000_000)},
      )
      self.assertEqual(exit_code, 0)
      self.assertRegex(stdout, r'elsewhere +\| fed_avg +\| 60.00 %')

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

  def test_measures_clients_with_the_first_seed(self):
    *_, stderr, commands = self._compare(
      self._runs('plain.flags'),
      '--seeds=3,4',
      '--network=lte',
      '--client_seconds=measured',
      '--target=accuracy=0.5',
      summaries={('plain', '3'): (0.9, 1), ('plain', '4'): (0.9, 1)},
    )
    flag = '--measure_client_seconds'
    self.assertEqual([flag in command for command in commands], [True, False])
    # The stand-in measures nothing.
    self.assertRegex(stderr, 'time of a client in summary.json of plain')

  def test_hands_given_flags_on(self):
    *_, ((*_, data_dir, rounds, workers, tls_ca),) = self._compare(
      self._runs('plain.flags'),
      '--rounds=3',
      '--data_dir=data',
      '--workers=a:1,b:2',
      '--tls_ca=ca.pem',
      summaries={('plain', '0'): (0.9, 1)},
    )
    self.assertEqual((data_dir, rounds), ('--data_dir=data', '--rounds=3'))
    self.assertEqual(
      (workers, tls_ca), ('--workers=a:1,b:2', '--tls_ca=ca.pem')
    )

  def test_varies_a_flag(self):
    exit_code, stdout, _, commands = self._compare(
      self._runs('plain.flags'),
      '--vary=bits=1,2',
      summaries={
        ('plain-bits=1', '0'): (0.9, 1_000_000),
        ('plain-bits=2', '0'): (0.95, 2_000_000),
      },
    )
    self.assertEqual(exit_code, 0)
    self.assertEqual([c[4] for c in commands], ['--bits=1', '--bits=2'])
    self.assertRegex(stdout, r'plain-bits=2 +\|.*95.00 %.* 2.000 +\| 0.50 x')

  def test_names_the_flags_of_a_preset_that_is_refused(self):
    *_, stderr, commands = self._compare(
      self._runs('plain.flags'), '--vary=bits=1,2', refused='bits=2'
    )
    self.assertRegex(stderr, "plain.flags' with --bits=2, .*Unknown flag")
    self.assertEmpty(commands)

  def test_ends_with_a_run_that_fails(self):
    exit_code, stdout, _, commands = self._compare(
      self._runs('plain.flags', 'small.flags'),
      summaries={('plain', '0'): (0.9, 1)},
      exit_codes={'plain': 2},
    )
    self.assertEqual(exit_code, 2)
    self.assertLen(commands, 1)
    self.assertNotIn('accuracy', stdout)

  def test_refuses_a_bad_flag_file_before_the_first_run(self):
    exit_code, stdout, stderr, commands = self._compare(
      self._runs('plain.flags', 'small.flags'), refused='small.flags'
    )
    self.assertEqual(exit_code, 2)
    self.assertRegex(
      stderr, r'^compare: [^\n]*small.flags[^\n]*train: Unknown flag.\n$'
    )
    self.assertEqual(stdout, 'Checking plain\nChecking small\n')
    self.assertEmpty(commands)

  @parameterized.parameters(
    (signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)
  )
  def test_hands_a_signal_on_and_waits(self, signum, expected_exit_code):
    sent = []
    exit_code, *_ = self._compare(
      self._runs('plain.flags'),
      start=lambda *_, **unused_kwargs: _InterruptedProcess(
        lambda: signal.raise_signal(signum), sent
      ),
    )
    self.assertEqual(exit_code, expected_exit_code)
    self.assertEqual(sent, [signum, 'waited'])

  def test_ends_a_run_when_it_fails_itself(self):
    sent = []

    def fail():
      raise OSError('Out of luck.')

    with self.assertRaisesRegex(OSError, 'luck'):
      self._compare(
        self._runs('plain.flags'),
        start=lambda *_, **unused_kwargs: _InterruptedProcess(fail, sent),
      )
    self.assertEqual(sent, [signal.SIGTERM, 'waited'])

  def test_killed_it_lets_a_run_save_what_it_has_done(self):
    reader, writer = os.pipe()
    program = subprocess.Popen(
      [sys.executable, '-c', _KILLED_PROGRAM],
      stdout=writer,
      env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
    )
    os.close(writer)
    with open(reader, encoding='utf-8') as output:
      self.assertEqual(output.readline(), 'ready\n')
      program.kill()
      # Reads until the program and what it has started have ended.
      self.assertEqual(output.read(), 'SIGTERM\n')
    self.assertEqual(program.wait(), -signal.SIGKILL)

  @parameterized.named_parameters(
    ('no_runs', 'Expected --runs', []),
    (
      'target',
      "test metric of digits in --target, found 'acuracy'",
      [f'--runs={_FLAGFILE}', '--target=acuracy=0.9'],
    ),
    (
      'network',
      'Expected --downlink_mbps',
      [f'--runs={_FLAGFILE}', '--uplink_mbps=3'],
    ),
    ('empty_runs', 'files in --runs, found none', ['--runs=']),
    ('empty_run_dirs', 'run_dirs.*found an empty one', ['--run_dirs=,']),
    (
      'long_variation',
      'a path that is too long',
      [f'--runs={_FLAGFILE}', f'--vary=bits={"1" * 5000}'],
    ),
    *(
      (
        f'seeds_{name}',
        'Expected different integers from 0 to 2.32 - 1',
        [f'--runs={_FLAGFILE}', f'--seeds={seeds}'],
      )
      for name, seeds in (
        ('full_width', '４'),
        ('long', '1' * 5000),
        ('large', str(2**32)),
        ('twice', '1,01'),
      )
    ),
    ('binary_file', 'which is no text', [f'--runs={sys.executable}']),
    ('flagfile', 'text in the file', [f'--flagfile={sys.executable}']),
    (
      'output_dir',
      'is not a directory',
      [f'--runs={__file__}', f'--output_dir={__file__}/out'],
    ),
    ('large_number', 'rounds', [f'--rounds={2**63}']),
    ('no_seeds', 'seeds', ['--seeds=']),
    ('negative_seed', 'seeds', ['--seeds=0,-1']),
    ('no_number_as_seed', 'seeds', ['--seeds=0,one']),
    ('repeated_seed', 'seeds.*different', ['--seeds=3,0,3']),
    ('zero_rounds', 'rounds', ['--rounds=0']),
    ('missing_file', 'nothing.flags', ['--runs=nothing.flags']),
    ('stray_argument', "'stray'", ['stray']),
  )
  def test_refuses(self, message, arguments):
    exit_code, _, stderr, commands = self._compare(*arguments)
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, rf'^compare: [^\n]*{message}[^\n]*\n$')
    self.assertEmpty(commands)

  def test_refuses_two_tasks(self):
    exit_code, _, stderr, commands = self._compare(
      f'--runs={_FLAGFILE}', '--vary=task=digits,mnist'
    )
    self.assertEqual((exit_code, commands), (2, []))
    self.assertIn('of one task in --runs, found digits, mnist; com', stderr)

  def test_refuses_files_of_the_same_name(self):
    exit_code, _, stderr, _ = self._compare(
      self._runs('plain.flags', 'plain.flags')
    )
    self.assertEqual(exit_code, 2)
    self.assertIn("'plain' twice", stderr)


if __name__ == '__main__':
  absltest.main()
