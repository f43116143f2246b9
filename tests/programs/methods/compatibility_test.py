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
"""Tests of the table of docs/guides/choose_method.md: what goes with what.

A cell is `yes`, `no`, or the flag that it takes. A table below it has the line
that refuses a `no`.
"""

import functools
import os
import pathlib
import re
import tempfile
from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf

from programs import train
from programs.command_line import runner
from programs.diagnostics import gpu_comparison
from programs.methods import method_flags
from programs.methods import registry
from programs.training import processes
from tests.programs import program_testing
from tests.programs.methods import tiny_task
from tests.tasks import data_files
from tests.tasks.folder import folders
from tff_methods import deployment
from tff_methods import runtime
from tff_methods import simulation
from tff_methods import templates
from tff_methods.simulation import client_id_process

_GUIDES = pathlib.Path(__file__).parents[3] / 'docs' / 'guides'
_REQUIRED = {
  'random_mask': ['--fraction=0.5'],
  'low_rank': ['--rank=1'],
  'fed_ss': ['--num_sampled_classes=2'],
  'fed_mlh': ['--num_buckets=4'],
}
_WITH_LABELS = ('fed_mlh', 'fed_avg_ensemble')
# Flags that ask for what a column is about.
_FLAGS = {
  'DP': [['--dp_noise_multiplier=1']],
  'secure sum': [['--secure_clip=1'], ['--tff_aggregator=secure']],
  'downlink bits': [['--downlink_bits=4']],
  'client state': [['--downlink_deltas', '--downlink_bits=4']],
}
_IN_GPU_CHECK = {
  'federated averaging': 'fed_avg',
  'eden, 8 bits': 'sketched_update',
  'uniform, 8 bits': 'sketched_update',
  'random mask, 25 %': 'random_mask',
  'low rank, 25 %': 'low_rank',
  'TernGrad': 'terngrad',
  'DHQC': 'dhqc',
  'DGC': 'dgc',
  'FetchSGD': 'fetch_sgd',
}


def _read_table(page: str, heading: str) -> dict[str, dict[str, str]]:
  """Returns the cells of the first table below a heading, by row and column."""
  text = (_GUIDES / page).read_text().partition(f'# {heading}\n')[2]
  table = text[text.index('\n|') + 1 :].partition('\n\n')[0]
  columns, _, *rows = [
    [cell.strip() for cell in line.strip('|').split('|')]
    for line in table.splitlines()
  ]
  return {
    row[0].strip('`'): dict(zip(columns, row, strict=True)) for row in rows
  }


@functools.cache
def _cells() -> dict[str, dict[str, str]]:
  return _read_table('choose_method.md', 'What goes with what')


def _refusal(column: str, method: str) -> str:
  """Returns the pattern of the line that the page has for a `no`."""
  line = _read_table('choose_method.md', 'Refusals')[column]['line'].strip('`')
  return f'^{re.escape(line.replace("METHOD", method)).replace("…", ".*")}'


def _choose(method: str, *arguments: str) -> method_flags.Choice:
  """Returns the checked flags of a method."""
  with flagsaver.flagsaver():
    flags.FLAGS(
      ['', f'--method={method}', *_REQUIRED.get(method, []), *arguments]
    )
    return method_flags.choice(seed=0)


class FlagsTest(parameterized.TestCase):
  def test_table_names_each_method(self):
    self.assertCountEqual(_cells(), registry.METHODS)

  @parameterized.product(method=list(registry.METHODS), column=list(_FLAGS))
  def test_flags_are_taken_or_refused(self, method, column):
    cell = _cells()[method][column]
    for arguments in _FLAGS[column]:
      flag = arguments[0].partition('=')[0]
      if cell == 'yes' or flag in cell:
        _choose(method, *arguments)
      else:
        with self.assertRaisesRegex(runner.UsageError, f'^Expected no {flag} '):
          _choose(method, *arguments)
    if cell == 'no':
      with self.assertRaisesRegex(runner.UsageError, _refusal(column, method)):
        _choose(method, *_FLAGS[column][0])

  @parameterized.parameters(*registry.METHODS)
  def test_own_data_are_refused_where_they_need_many_labels(self, method):
    if method not in _WITH_LABELS:
      self.assertEqual(_cells()[method]['own data'], 'yes')
      return
    self.assertEqual(_cells()[method]['own data'], 'no')
    options = _choose(method).options
    with self.assertRaisesRegex(
      runner.UsageError, _refusal('own data', method)
    ):
      registry.METHODS[method].check_task(tiny_task.TASK, options)

  def test_map_reduce_form_is_as_the_guide_says(self):
    says = _read_table('deploy.md', 'Methods with this form')
    for method, cells in _cells().items():
      expected = (
        'no' if says[method]['MapReduceForm'].startswith('no') else 'yes'
      )
      self.assertEqual(cells['MapReduceForm'], expected, method)


@pytest.mark.slow
class RoundTest(parameterized.TestCase):
  """Rounds on a folder, or on a task with many labels."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._dir = cls.enterClassContext(tempfile.TemporaryDirectory())
    folders.write(
      os.path.join(cls._dir, 'folder'),
      folders.clients({'a': 12, 'b': 9, 'c': 10}),
    )
    examples = [({i % 5: 1.0, 5: 2.0}, [i % 7, 7]) for i in range(30)]
    data_files.write_multi_label(
      cls._dir,
      'delicious.npz',
      {'_train': examples, '_test': examples[:9]},
      6,
      8,
    )

  @classmethod
  @functools.cache
  def _train(cls, method: str, *arguments: str):
    """Trains for a round; returns the directory and the process."""
    built = []

    def compose(process, *rest):
      built.append(process)
      return client_id_process.compose_client_id_process(process, *rest)

    if method in _WITH_LABELS:
      task = ['--task=delicious', f'--data_dir={cls._dir}']
      task += ['--num_clients=3', '--hidden_width=32']
    else:
      task = ['--task=folder', f'--data_dir={os.path.join(cls._dir, "folder")}']
      task.append('--keras_model=tests.tasks.folder.folders:wide')
    output_dir = os.path.join(cls._dir, method, str(len(arguments)))
    with mock.patch.object(simulation, 'compose_client_id_process', compose):
      exit_code, _, stderr = program_testing.run_here(
        'train.py',
        train.main,
        *task,
        f'--method={method}',
        *_REQUIRED.get(method, []),
        '--downlink_bits=4',
        '--rounds=1',
        '--clients_per_round=2',
        '--device=cpu',
        f'--cache_dir={os.path.join(cls._dir, "cache")}',
        f'--output_dir={output_dir}',
        *arguments,
      )
    assert exit_code == 0, stderr
    return output_dir, built[0]

  @classmethod
  def _run(cls, method: str):
    """Trains from the weights of a run of the same model."""
    base = {'fed_ss': 'fed_ss', 'lsh_select': 'fed_ss'}
    base |= dict(zip(_WITH_LABELS, _WITH_LABELS, strict=True))
    weights, _ = cls._train(base.get(method, 'fed_avg'))
    return cls._train(method, f'--initial_weights={weights}')

  @parameterized.parameters(*registry.METHODS)
  def test_trains_on_own_data_from_weights_and_exports(self, method):
    # The cells `own data`, `downlink bits`, `client state`, `initial weights`
    # and `export`.
    cells = _cells()[method]
    directory, process = self._run(method)
    self.assertEqual(
      isinstance(process, templates.ClientStateProcess),
      cells['client state'] == 'always',
    )
    self.assertEqual(cells['initial weights'], 'yes')
    self.assertEqual(cells['export'], 'yes')
    model = tf.saved_model.load(os.path.join(directory, 'saved_model'))
    self.assertIn('serving_default', model.signatures)

  def test_weights_are_those_of_the_run(self):
    # Evaluations after the last round of one, and before the first of another.
    first, _ = self._train('fed_avg')
    losses = [
      np.genfromtxt(
        os.path.join(directory, 'metrics.csv'), delimiter=',', names=True
      )['evaluationloss'][row]
      for directory, row in (
        (first, -1),
        (self._run('random_mask')[0], 0),
        (self._run('terngrad')[0], 0),
      )
    ]
    self.assertAlmostEqual(losses[0], losses[1], places=5)
    self.assertAlmostEqual(losses[0], losses[2], places=5)

  @parameterized.parameters(*registry.METHODS)
  def test_several_workers_can_share_rounds(self, method):
    self.assertEqual(_cells()[method]['several workers'], 'yes')
    runtime.check_mergeable(self._run(method)[1].next)

  @parameterized.parameters(*registry.METHODS)
  def test_map_reduce_form(self, method):
    _, process = self._run(method)
    if _cells()[method]['MapReduceForm'] == 'yes':
      deployment.build_map_reduce_form(process)
    else:
      with self.assertRaisesRegex(
        ValueError, _refusal('MapReduceForm', method)
      ):
        deployment.build_map_reduce_form(process)

  @flagsaver.flagsaver
  def test_processes_of_flags(self):
    flags.FLAGS.mark_as_parsed()
    for method, cells in _cells().items():
      for column in ('DP', 'secure sum', 'client state'):
        for arguments in _FLAGS[column]:
          if (
            cells[column] == 'yes'
            or arguments[0].partition('=')[0] in cells[column]
          ):
            with self.subTest(f'{method} {arguments}'):
              processes.build_process(
                tiny_task.TASK, _choose(method, *arguments)
              )

  def test_gpu_check_has_methods_that_are_not_measured(self):
    with (
      # Its names are enough.
      mock.patch.object(gpu_comparison, 'algorithms'),
      mock.patch.object(gpu_comparison, 'tff'),
    ):
      checked = gpu_comparison.build_processes(mock.sentinel.model_fn)
    checked = {_IN_GPU_CHECK[name] for name in checked}
    for method, cells in _cells().items():
      self.assertEqual(
        cells['GPU'],
        'not measured; in `gpu_check`' if method in checked else 'not measured',
      )


if __name__ == '__main__':
  absltest.main()
