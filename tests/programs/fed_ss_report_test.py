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
"""Tests for fed_ss_report.

The program runs in a process of its own, once for all command lines: other
programs define flags of the same names, which one process does not allow.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
from matplotlib import image as mpl_image
import numpy as np
import pytest

from programs.reports import fed_ss_gradient_noise
from programs.runs import run_files
import tasks
from tests.programs import program_testing
from tests.programs.reports import tiny_row_task
from tests.tff_methods import row_models
from tff_methods import runtime

_TASK = ['--task=omniglot', '--data_dir=data']
_OUT = '--output_dir=out'
_NOISE = [*_TASK, _OUT, '--part=gradient_noise']
_PRIVACY = [*_TASK, _OUT, '--part=privacy']
_CONFUSION = [*_TASK, _OUT, '--part=confusion']
# For each case: a part of the message, and the command line, which runs in a
# directory made by `_write_files`.
_REFUSED = {
  'no_task': ('Expected --task, found none', [_OUT, '--part=privacy']),
  'no_part': ('Expected --part, found none', [*_TASK, _OUT]),
  'no_output_dir': (
    'Expected --output_dir, found none',
    [*_TASK, '--part=privacy'],
  ),
  'unknown_part': ('part', [*_TASK, _OUT, '--part=speed']),
  'stray_flag': (
    'Expected no --num_batches without --part=gradient_noise, found '
    '--num_batches=3',
    [*_PRIVACY, '--num_batches=3'],
  ),
  'rounds': (
    'Expected no --rounds, found --rounds=3',
    [*_PRIVACY, '--rounds=3'],
  ),
  'no_negatives': ('num_negatives', [*_NOISE, '--num_negatives=']),
  'zero_negatives': ('num_negatives', [*_NOISE, '--num_negatives=4,0']),
  'repeated_negatives': (
    "different positive integers, or 'all'",
    [*_NOISE, '--num_negatives=all,all'],
  ),
  'too_many_negatives': (
    'Expected --num_negatives of at most 8, .*, found 9; give all',
    [*_NOISE, '--num_negatives=9,all', '--num_batches=2'],
  ),
  'one_batch': ('num_batches', [*_NOISE, '--num_batches=1']),
  'too_many_batches': (
    'Expected --num_batches of at most 3, .* 32 examples, found 4',
    [*_NOISE, '--num_batches=4', '--num_negatives=all'],
  ),
  'missing_weights': (
    'Expected the model_weights.npz of a run at none.npz',
    [*_NOISE, '--weights=none.npz'],
  ),
  'weights_of_another_model': (
    "Expected weights of the task's model in --weights, found arrays of other",
    [*_NOISE, '--weights=other/model_weights.npz'],
  ),
  'no_sampled_classes': ('num_sampled', [*_PRIVACY, '--num_sampled_classes=']),
  'all_sampled_classes': (
    'Expected different positive integers, separated',
    [*_PRIVACY, '--num_sampled_classes=all'],
  ),
  'too_few_sampled_classes': (
    'Expected --num_sampled_classes above 3, .* at most 12, .*, found 3',
    [*_PRIVACY, '--num_sampled_classes=12,3'],
  ),
  'too_many_sampled_classes': (
    'Expected --num_sampled_classes above 3, .* at most 12, .*, found 13',
    [*_PRIVACY, '--num_sampled_classes=13'],
  ),
  'no_runs': ('Expected --runs, found none', _CONFUSION),
  'empty_runs': (
    'Expected LABEL=RUN_DIR, found none',
    [*_CONFUSION, '--runs='],
  ),
  'run_without_label': (
    "Expected LABEL=RUN_DIR for each of --runs, found 'first'",
    [*_CONFUSION, '--runs=first'],
  ),
  'repeated_label': (
    "Expected different labels in --runs, found 'a' twice",
    [*_CONFUSION, '--runs=a=first,a=same'],
  ),
  'unfinished_run': (
    'Expected finished runs in --runs, found none in unfinished',
    [*_CONFUSION, '--runs=a=unfinished'],
  ),
  'run_of_another_task': (
    'Expected runs of --task=omniglot in --runs, found one of digits in digits',
    [*_CONFUSION, '--runs=a=digits'],
  ),
  'run_of_another_model': (
    "Expected weights of the task's model in --runs=b, found arrays of other",
    [*_CONFUSION, '--runs=a=first,b=other'],
  ),
  'unknown_client': (
    "Expected --client from c0 to c2, found 'c9'",
    [*_CONFUSION, '--runs=a=first', '--client=c9'],
  ),
  'no_row_task': (
    "Expected a --task whose model has a row for each class, found 'digits'",
    ['--task=digits', _OUT, '--part=privacy', '--cache_dir=cache'],
  ),
  'no_data': (
    'data_dir',
    ['--task=omniglot', _OUT, '--part=privacy', '--cache_dir=cache'],
  ),
  'file_as_output_dir': (
    'Expected a writable directory in --output_dir, found first/summary.json',
    [*_TASK, '--part=privacy', '--output_dir=first/summary.json'],
  ),
}
_ACCEPTED = {
  'all_parts': [
    *(*_TASK, '--part=gradient_noise', '--part=privacy', '--part=confusion'),
    *('--num_negatives=8,all', '--num_batches=2', '--output_dir=all_parts'),
    '--num_sampled_classes=6,12',
    *('--runs=a=first,b=same', '--client=c1'),
    '--weights=first/model_weights.npz',
  ],
}


def _summary(task_name: str) -> dict[str, object]:
  """Returns the contents of the `summary.json` of a run."""
  results = {
    'rounds': 1,
    'metrics': {'accuracy': 0.5, 'loss': 1.0},
    'uplink_bytes': 2,
    'downlink_bytes': 3,
  }
  return results | {
    'task': task_name,
    'method': 'fed_ss',
    'seconds': 4.0,
    'rounds_without_update': 0,
    'stopped_early': False,
    'best_metric': 'loss',
    'best': results,
    'model_bytes': 5,
    'configuration': {},
  }


def _write_files() -> None:
  """Writes runs and an empty data file into the current directory."""
  body = row_models.body().initial_weights[0]
  same_rows = np.ones_like(row_models.rows())
  os.mkdir('data')
  pathlib.Path('data', 'omniglot.npz').touch()
  for name, task_name, weights in (
    ('first', 'omniglot', (*body, row_models.rows())),
    ('same', 'omniglot', (*body, same_rows)),
    ('other', 'omniglot', (*body, same_rows[1:])),
    ('digits', 'digits', (*body, same_rows)),
  ):
    os.mkdir(name)
    run_files.write_json(f'{name}/summary.json', _summary(task_name))
    arrays = {f'trainable_{i}': w for i, w in enumerate(weights)}
    np.savez(f'{name}/model_weights.npz', **arrays)


class _CountingNoise(fed_ss_gradient_noise.GradientNoise):
  """A fast stand-in whose noise is a tenth of `|N|`."""

  def full_change(self, batch):
    return [batch[1]]

  def __call__(self, batch, num_negatives, full_change):
    np.testing.assert_array_equal(batch[1], full_change[0])
    level = num_negatives / 10
    return fed_ss_gradient_noise.NoiseLevels(level, level + 1, level + 2)


def run_all() -> None:
  """Runs all command lines; writes exit codes and outputs as JSON."""
  from programs import fed_ss_report

  build_task = tasks.build_task

  def build_tiny_task(name, **kwargs):
    return (
      tiny_row_task.build_task()
      if name == 'omniglot'
      else build_task(name, **kwargs)
    )

  _write_files()
  commands = _ACCEPTED | {name: c for name, (_, c) in _REFUSED.items()}
  with (
    mock.patch.object(tasks, 'build_task', build_tiny_task),
    mock.patch.object(fed_ss_gradient_noise, 'GradientNoise', _CountingNoise),
  ):
    results = {
      name: program_testing.run_here(
        'fed_ss_report.py', fed_ss_report.main, *command
      )
      for name, command in commands.items()
    }
  runtime.end_workers()
  run_files.write_json('results.json', results)


@pytest.mark.slow
class ProgramTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.dir = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
    repository = pathlib.Path(__file__).parents[2]
    process = subprocess.run(
      [
        *(sys.executable, '-c'),
        'from tests.programs import fed_ss_report_test as t; t.run_all()',
      ],
      cwd=cls.dir,
      env={
        **os.environ,
        'PYTHONPATH': os.pathsep.join([str(repository), *sys.path]),
      },
      capture_output=True,
      text=True,
      check=False,
    )
    if process.returncode:
      raise AssertionError(process.stderr)
    cls.results = json.loads((cls.dir / 'results.json').read_text())

  @parameterized.named_parameters(
    (name, name, message) for name, (message, _) in _REFUSED.items()
  )
  def test_refuses(self, name, message):
    exit_code, stdout, stderr = self.results[name]
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, rf'^fed_ss_report: [^\n]*{message}[^\n]*\n$')
    self.assertEmpty(stdout)

  def test_refusals_write_nothing(self):
    self.assertEmpty(list((self.dir / 'out').iterdir()))

  def test_reports(self):
    exit_code, stdout, stderr = self.results['all_parts']
    self.assertEqual(exit_code, 0, stderr)
    cells = r' +\| 0\.8000 \(± 0\.0000\) +\| 1\.8000 .*\| 2\.8000 '
    self.assertRegex(stdout, rf'\| 8{cells}')
    # The clients have three and four classes.
    cells = r' +\| 0\.8500 \(± 0\.0707\) +\| 1\.8500 .*\| 2\.8500 '
    self.assertRegex(stdout, rf'\| 8\.5 \(all\){cells}')
    # 3 / (3 + 9 (3 / 9)^2) after two requests.
    self.assertRegex(
      stdout, r'\| 6 +\| 2 +\| 25\.00 % +\| 75\.00 % +\| 7\d\.\d\d % +\|'
    )
    for requests in (1, 2, 3, 5):
      self.assertRegex(stdout, rf'\| 12 +\| {requests} +\|( 25\.00 % +\|){{3}}')
    self.assertRegex(stdout, r'\|P\| = 3 of n = 12 classes')
    # All rows are equal: the first of the four classes is always predicted.
    self.assertRegex(stdout, r'\| b +\| 25\.00 % +\| 1\.0000 +\|')
    self.assertRegex(stdout, r'\| a +\| \d\d\.\d\d % +\| -?0\.\d{4} +\|')

  def test_draws(self):
    figures_dir = self.dir / 'all_parts'
    self.assertCountEqual(
      os.listdir(figures_dir),
      ['gradient_noise.png', 'privacy.png', 'confusion.png'],
    )
    for path in figures_dir.iterdir():
      self.assertEqual(mpl_image.imread(path).ndim, 3)


if __name__ == '__main__':
  absltest.main()
