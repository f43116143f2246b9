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
"""Tests for evaluate, and for training from the weights of a run."""

from collections.abc import Sequence
import json
import os
import pathlib
import shutil
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf

from programs import evaluate
from programs import train
from tests.programs import program_testing
from tests.tasks import data_files
from tests.tasks.folder import folders

_MLH = ('--task=delicious', '--method=fed_mlh', '--num_tables=2')
_RUNS = {
  # Clients with states, and a best evaluation that is written.
  'digits': (
    '--task=digits',
    '--method=dhqc',
    '--fraction=0.1',
    '--max_client_examples=10',
  ),
  # Classes by name, in the order of the data's names.
  'folder': (
    '--task=folder',
    '--keras_model=tests.tasks.folder.folders:dense',
    '--method=fed_avg',
  ),
  'mlh': (
    *_MLH,
    '--num_buckets=4',
    '--num_clients=3',
    '--hidden_width=7',
    '--seed=3',
  ),
}


def _write_labels(directory: str, seed: int):
  """Writes a small `delicious.npz`, with other examples for another seed."""
  rng = np.random.default_rng(seed)
  examples = [
    ({int(i): 1.0, 5: 2.0}, [int(i), 5 + int(j)])
    for i, j in zip(
      rng.integers(5, size=60), rng.integers(3, size=60), strict=True
    )
  ]
  data_files.write_multi_label(
    directory,
    'delicious.npz',
    {'_train': examples, '_test': examples[:20]},
    6,
    8,
  )


def _write_folder(directory: pathlib.Path, classes: str, sizes: Sequence[int]):
  """Writes a folder with a client of each size."""
  contents = folders.clients({str(i): size for i, size in enumerate(sizes)})
  for arrays in contents.values():
    # Every class has examples.
    arrays['y'] = np.array(list(classes))[np.arange(len(arrays['x'])) % 3]
  schema = folders.SCHEMA | {'label': {'column': 'y', 'classes': 'all'}}
  folders.write(str(directory), contents, schema)


class EvaluateUsageTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('no_run', [], 'Expected --run_dir, found none'),
    ('missing', ['--run_dir=none'], 'a finished run of programs.train in'),
    (
      'unwritable',
      ['--run_dir=none', '--export_dir=/dev/null/none'],
      'Expected to write to --export_dir=/dev/null/none',
    ),
    (
      'two_sets_of_examples',
      ['--run_dir=none', '--all_examples', '--test_data'],
      'Expected no --test_data with --all_examples',
    ),
    (
      'training_and_all_examples',
      ['--run_dir=none', '--all_examples', '--train_data'],
      'Expected no --train_data with --all_examples',
    ),
  )
  def test_refused(self, arguments, message):
    exit_code, stdout, stderr = program_testing.run_here(
      'evaluate.py', evaluate.main, *arguments
    )
    self.assertEqual((exit_code, stdout), (2, ''))
    self.assertRegex(stderr, rf'^evaluate: [^\n]*{message}[^\n]*\n$')


@pytest.mark.slow
class EvaluateTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._dir = cls.enterClassContext(tempfile.TemporaryDirectory())
    _write_labels(cls._dir, 0)
    _write_folder(cls._path('train'), 'abc', [9, 20, 20])
    for name in _RUNS:
      exit_code, _, stderr = cls._train(name, name)
      assert exit_code == 0, stderr

  @classmethod
  def _path(cls, *names: str) -> pathlib.Path:
    return pathlib.Path(cls._dir, *names)

  @classmethod
  def _files(cls, name: str) -> list[str]:
    data_dir = {
      'digits': [],
      'mlh': [f'--data_dir={cls._dir}'],
      'folder': [f'--data_dir={cls._path("train")}'],
    }[name]
    return [f'--cache_dir={cls._path("cache")}', *data_dir]

  @classmethod
  def _train(cls, name: str, output: str, *arguments: str):
    return program_testing.run_here(
      'train.py',
      train.main,
      *_RUNS[name],
      *cls._files(name),
      '--clients_per_round=2',
      '--rounds=2',
      '--rounds_per_evaluation=1',
      f'--output_dir={cls._path(output)}',
      *arguments,
    )

  def _evaluate(self, name: str, *arguments: str) -> tuple[dict, str]:
    exit_code, stdout, stderr = program_testing.run_here(
      'evaluate.py',
      evaluate.main,
      f'--run_dir={self._path(name)}',
      *arguments,
    )
    self.assertEqual(exit_code, 0, stderr)
    return json.loads(stdout[stdout.index('{') :]), stderr

  def _summary(self, name: str) -> dict:
    return json.loads(self._path(name, 'summary.json').read_text())

  @parameterized.parameters(*_RUNS)
  def test_metrics_are_those_of_the_summary(self, name):
    found, stderr = self._evaluate(name, *self._files(name))
    self.assertEqual(found['metrics'], self._summary(name)['metrics'])
    self.assertEqual(stderr, '')

  def test_best_weights(self):
    found, _ = self._evaluate(
      'digits', '--weights=best', *self._files('digits')
    )
    self.assertEqual(
      found['metrics'], self._summary('digits')['best']['metrics']
    )
    self.assertEndsWith(found['weights'], 'best_model_weights.npz')

  @parameterized.parameters(*_RUNS)
  def test_exports_what_train_wrote(self, name):
    directory = self._path(f'exported_{name}')
    found, _ = self._evaluate(
      name, f'--export_dir={directory}', *self._files(name)
    )
    names = ['saved_model'] + ['model.keras'] * (name != 'mlh')
    self.assertEqual(
      found['exported'], [str(directory / name) for name in names]
    )
    first, second = (
      tf.saved_model.load(str(path / 'saved_model')).signatures[
        'serving_default'
      ]
      for path in (directory, self._path(name))
    )
    inputs = {
      name: tf.ones(
        [2 if size is None else size for size in spec.shape], spec.dtype
      )
      for name, spec in first.structured_input_signature[1].items()
    }
    outputs = [fn(**inputs) for fn in (first, second)]
    for key in outputs[0]:
      np.testing.assert_array_equal(*(o[key].numpy() for o in outputs))

  def test_other_data(self):
    other = self._path('other')
    other.mkdir()
    _write_labels(str(other), 1)
    found, stderr = self._evaluate(
      'mlh', f'--data_dir={other}', f'--cache_dir={self._path("cache")}'
    )
    self.assertNotEqual(
      found['metrics']['loss'], self._summary('mlh')['metrics']['loss']
    )
    self.assertIn('the model, are not those of the run', stderr)

  def test_all_examples_of_other_data(self):
    _write_folder(self._path('new'), 'abc', [7, 11])
    cache = f'--cache_dir={self._path("cache")}'
    found, _ = self._evaluate(
      'folder', '--all_examples', f'--data_dir={self._path("new")}', cache
    )
    # The exported model, on all rows of the files.
    model = tf.saved_model.load(str(self._path('folder', 'saved_model')))
    arrays = [np.load(path) for path in self._path('new').glob('*.npz')]
    predicted = model.signatures['serving_default'](
      x=tf.constant(np.concatenate([a['x'] for a in arrays]), tf.float32)
    )['predictions']
    labels = np.concatenate([a['y'] for a in arrays])
    is_right = np.array(list('abc'))[np.argmax(predicted, axis=1)] == labels
    self.assertLen(labels, 18)
    self.assertAlmostEqual(
      found['metrics']['accuracy'], np.mean(is_right), places=6
    )

  def test_examples_of_training_clients(self):
    found, _ = self._evaluate('digits', '--train_data', *self._files('digits'))
    self.assertEqual(found['metrics']['num_examples'], 1498)

  def test_other_classes_are_refused(self):
    _write_folder(self._path('renamed'), 'abd', [9, 9])
    exit_code, _, stderr = program_testing.run_here(
      'evaluate.py',
      evaluate.main,
      f'--run_dir={self._path("folder")}',
      f'--data_dir={self._path("renamed")}',
      f'--cache_dir={self._path("cache")}',
    )
    self.assertEqual(exit_code, 2)
    self.assertRegex(
      stderr,
      r"the number 2 being 'c', found 3 in the data, with 'd'; [^\n]*\n$",
    )

  def test_weights_of_another_hash_are_refused(self):
    exit_code, _, stderr = program_testing.run_here(
      'evaluate.py',
      evaluate.main,
      f'--run_dir={self._path("mlh")}',
      '--seed=4',
      *self._files('mlh'),
    )
    self.assertEqual(exit_code, 2)
    self.assertRegex(
      stderr,
      r'^evaluate: [^\n]*constants/label_hash_coefficients int64\[2, 2\], '
      r'found other values; [^\n]*\n$',
    )

  @parameterized.parameters(*_RUNS)
  def test_training_starts_from_the_weights_of_a_run(self, name):
    output = f'continued_{name}'
    exit_code, _, stderr = self._train(
      name, output, f'--initial_weights={self._path(name)}', '--rounds=1'
    )
    self.assertEqual(exit_code, 0, stderr)
    with open(self._path(output, 'metrics.csv')) as f:
      header, first = (line.strip().split(',') for line in f.readlines()[:2])
    found = dict(zip(header, first, strict=True))
    self.assertAlmostEqual(
      float(found['evaluation/loss']),
      self._summary(name)['metrics']['loss'],
      places=6,
    )
    self.assertRegex(
      self._summary(output)['configuration']['initial_weights'], '^sha256:'
    )

    # The run resumes with these weights alone, wherever they are.
    copy = self._path(f'copy_{name}.npz')
    shutil.copy(self._path(name, 'model_weights.npz'), copy)
    exit_code, _, stderr = self._train(
      name, output, f'--initial_weights={copy}', '--rounds=1'
    )
    self.assertEqual(exit_code, 0, stderr)
    for arguments in (
      [f'--initial_weights={self._path(output)}'],
      [],
    ):
      exit_code, _, stderr = self._train(name, output, *arguments, '--rounds=1')
      self.assertEqual(exit_code, 2)
      self.assertIn('found one with --initial_weights=sha256:', stderr)

  def test_weights_of_another_model_are_refused(self):
    exit_code, _, stderr = self._train(
      'digits', 'refused', f'--initial_weights={self._path("mlh")}'
    )
    self.assertEqual(exit_code, 2)
    self.assertRegex(
      stderr,
      r'^train: Expected in [^\n]*/mlh/model_weights.npz weights of the model '
      r'[^\n]*trainable/conv2d/kernel float32\[3, 3, 1, 32\], found none; '
      r'[^\n]*\n$',
    )
    self.assertFalse(os.path.exists(self._path('refused')))


if __name__ == '__main__':
  absltest.main()
