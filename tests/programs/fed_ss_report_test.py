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
"""Tests for fed_ss_report and its parts.

The program itself runs in a process of its own, once for all command lines:
others have flags of the same names, which one process does not take.
"""

import functools
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import matplotlib
from matplotlib import image as mpl_image
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from programs.command_line import runner
from programs.reports import fed_ss_client_data
from programs.reports import fed_ss_confusion
from programs.reports import fed_ss_gradient_noise
from programs.reports import fed_ss_privacy
from programs.reports import figures
from programs.runs import run_directory
from programs.runs import run_store
from programs.runs import saved_weights
import tasks
from tests.programs import program_testing
from tests.tff_methods import row_models
from tff_methods import models
from tff_methods import runtime

_NUM_CLASSES = row_models.NUM_CLASSES


@functools.cache
def _tiny_task() -> tasks.RowTask:
  """Returns a task of three clients and 12 classes, some without examples."""
  clients = {f'c{i}': client for i, client in enumerate(row_models.arrays(40))}
  kernel, bias = row_models.body().initial_weights[0]

  def model_fn():
    initializer = tf.keras.initializers.Constant
    return tff.learning.models.from_keras_model(
      tf.keras.Sequential(
        [
          tf.keras.layers.InputLayer([row_models.NUM_FEATURES]),
          tf.keras.layers.Lambda(_not_empty),
          tf.keras.layers.Dense(
            row_models.DIMENSION, 'tanh', True, initializer(kernel)
          ),
          models.RowLayer(_NUM_CLASSES, models.DotProduct()),
        ]
      ),
      loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
      input_spec=row_models.body().input_spec,
    )

  def preprocess(dataset):
    return dataset.batch(9)

  return tasks.RowTask(
    tff.simulation.baselines.BaselineTaskDatasets(
      tff.simulation.datasets.TestClientData(clients),
      tf.data.Dataset.from_tensor_slices(_test_arrays()),
      train_preprocess_fn=preprocess,
      eval_preprocess_fn=preprocess,
    ),
    model_fn,
    row_models.row_model,
  )


def _not_empty(x):
  # As some layers that large models have.
  with tf.control_dependencies([tf.debugging.assert_positive(tf.shape(x)[0])]):
    return tf.identity(x)


def _test_arrays():
  x, y = zip(*row_models.arrays(20), strict=True)
  return np.concatenate(x), np.concatenate(y)


def _initial_weights() -> tff.learning.models.ModelWeights:
  return tff.learning.models.ModelWeights(
    *row_models.row_model().full_model().initial_weights
  )


def _gradients(batch, classes, expected_counts) -> list[np.ndarray]:
  """Those of a softmax in which a class stands for so many, by numpy.

  Args:
    batch: The examples.
    classes: Those in the softmax.
    expected_counts: For how many classes each of them stands.

  Returns:
    The gradients by kernel, bias and rows.
  """
  x, y = batch
  (kernel, _), rows = row_models.body().initial_weights[0], row_models.rows()
  embeddings = row_models.embed(x)
  masses = np.exp(embeddings @ rows[classes].T) * expected_counts
  by_score = np.zeros([len(y), _NUM_CLASSES])
  by_score[:, classes] = masses / masses.sum(axis=1, keepdims=True)
  by_score[np.arange(len(y)), y] -= 1
  by_score /= len(y)
  by_sum = (by_score @ rows) * (1 - embeddings**2)
  assert kernel.shape == (x.shape[1], by_sum.shape[1])
  return [x.T @ by_sum, by_sum.sum(axis=0), by_score.T @ embeddings]


class GradientNoiseTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.noise = fed_ss_gradient_noise.GradientNoise(
      row_models.row_model(), _initial_weights(), base_seed=5
    )
    # Of one client, so that all have its classes.
    x, y = row_models.arrays(40)[0]
    cls.batches = [(x[i : i + 8], y[i : i + 8]) for i in range(0, 40, 8)]

  def test_full_change_is_a_step_down_the_gradient(self):
    batch = self.batches[0]
    expected = _gradients(batch, np.arange(_NUM_CLASSES), 1)
    for change, gradient in zip(
      self.noise.full_change(batch), expected, strict=True
    ):
      np.testing.assert_allclose(change, -gradient, atol=1e-6)

  @pytest.mark.slow
  def test_noise_is_that_of_cohorts_with_negatives_of_their_own(self):
    rng = np.random.default_rng(0)
    others = np.setdiff1d(np.arange(_NUM_CLASSES), row_models.CLASSES[0])
    deviations = []
    for batch in self.batches:
      full = _gradients(batch, np.arange(_NUM_CLASSES), 1)
      draws = []
      for chosen in itertools.combinations(others, 3):
        classes = np.concatenate([row_models.CLASSES[0], chosen])
        draws.append(_gradients(batch, classes, [1] * 3 + [9 / 3] * 3))
      parts = {'model': [0, 1, 2], 'body': [0, 1], 'rows': [2]}
      levels = self.noise(batch, 3, self.noise.full_change(batch))
      for name, tensors in parts.items():
        exact = np.concatenate([full[i].ravel() for i in tensors])
        flat = np.array(
          [np.concatenate([d[i].ravel() for i in tensors]) for d in draws]
        )
        cohorts = rng.integers(
          len(flat), size=[2000, fed_ss_gradient_noise.COHORT_SIZE]
        )
        errors = np.linalg.norm(flat[cohorts].mean(axis=1) - exact, axis=1)
        errors /= np.linalg.norm(exact)
        low, high = np.quantile(errors, [0.001, 0.999])
        self.assertBetween(getattr(levels, name), low, high)
        deviations.append(
          (getattr(levels, name) - errors.mean()) / errors.std()
        )
    # Of 5 batches, and 3 parts that vary together.
    self.assertLess(abs(np.mean(deviations)), 4 / 5**0.5)

  def test_repeats(self):
    batch = self.batches[0]
    full_change = self.noise.full_change(batch)
    self.assertEqual(
      self.noise(batch, 3, full_change), self.noise(batch, 3, full_change)
    )


class ClientDataTest(absltest.TestCase):
  def test_batches_are_the_first_examples_of_large_clients(self):
    batches = list(fed_ss_client_data.client_batches(_tiny_task(), 38))
    self.assertLen(batches, 2)
    for (x, y), (all_x, all_y) in zip(
      batches, row_models.arrays(40), strict=False
    ):
      np.testing.assert_array_equal(x, all_x[:38])
      np.testing.assert_array_equal(y, all_y[:38])

  def test_classes(self):
    classes_of = fed_ss_client_data.build_classes_fn(_tiny_task())
    for i, expected in enumerate(row_models.CLASSES):
      np.testing.assert_array_equal(classes_of(f'c{i}'), expected)


class PosteriorTest(parameterized.TestCase):
  @parameterized.parameters((2, 4), (2, 3), (3, 7), (6, 7))
  def test_is_that_of_all_possible_requests(self, num_positives, size):
    num_classes = 7
    others = range(num_positives, num_classes)
    requests = [
      frozenset(range(num_positives)) | frozenset(negatives)
      for negatives in itertools.combinations(others, size - num_positives)
    ]
    for t in (0, 1, 2, 3):
      sizes = [
        len(frozenset(range(num_classes)).intersection(*rounds))
        for rounds in itertools.product(requests, repeat=t)
      ]
      self.assertAlmostEqual(
        fed_ss_privacy.posterior(num_positives, num_classes, size, t),
        num_positives / np.mean(sizes),
      )

  # The second one draws all classes in random order, the first one does not.
  @parameterized.parameters((40, 3, 15), (12, 3, 6))
  def test_is_what_is_measured(self, num_classes, num_positives, size):
    measured = fed_ss_privacy.measure_posterior(
      num_positives, num_classes, size, 3, num_clients=300, seed=1
    )
    self.assertEqual(measured[0], num_positives / size)
    for t in (2, 3):
      expected = fed_ss_privacy.posterior(num_positives, num_classes, size, t)
      # Of the others in all of t requests there are `mean`, nearly Poisson.
      mean = num_positives * (1 / expected - 1)
      deviation = expected**2 / num_positives * (mean / 300) ** 0.5
      self.assertLess(abs(measured[t - 1] - expected), 4 * deviation)


class ConfusionTest(parameterized.TestCase):
  # Those of the second one are not in all batches.
  @parameterized.parameters(([1, 2, 7, 11],), ([9, 11],))
  def test_counts_predictions_among_the_classes(self, classes):
    classes = np.array(classes)
    confusion = fed_ss_confusion.build_confusion_fn(_tiny_task(), classes)
    matrix = confusion(_initial_weights())
    x, y = _test_arrays()
    scores = row_models.embed(x) @ row_models.rows().T
    for i, actual in enumerate(classes):
      predictions = classes[scores[y == actual][:, classes].argmax(axis=1)]
      if actual == 1:
        self.assertEmpty(predictions)
        self.assertTrue(np.isnan(matrix[i]).all())
        continue
      for j, predicted in enumerate(classes):
        self.assertAlmostEqual(
          matrix[i, j], np.mean(predictions == predicted), msg=f'{i}, {j}'
        )

  def test_refuses_classes_without_images(self):
    with self.assertRaisesRegex(
      runner.UsageError, 'Expected test images .* found none; choose another'
    ):
      fed_ss_confusion.build_confusion_fn(_tiny_task(), np.array([1, 4]))

  def test_mean_cosine(self):
    rows = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    self.assertAlmostEqual(
      fed_ss_confusion.mean_cosine(rows), (0 + 2 * np.cos(np.pi / 4)) / 3
    )


class PicturesTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = self.enter_context(tempfile.TemporaryDirectory())
    self._path = os.path.join(self._dir, 'picture.png')

  def _save_curves(self, y, log_x=True):
    figures.save_curves(
      self._path,
      {'a': figures.Curve([1, 10], y, [0.1, 0.1])},
      x_label='x',
      y_label='y',
      log_x=log_x,
    )
    return mpl_image.imread(self._path)

  def test_curves_are_drawn(self):
    first, other = self._save_curves([1, 2]), self._save_curves([1, 0.5])
    self.assertFalse(np.array_equal(first, other))
    # Blue, the first colour.
    red, _, blue = np.moveaxis(first[..., :3], -1, 0)
    self.assertGreater(np.sum(blue > red + 0.3), 100)
    linear = self._save_curves([1, 2], log_x=False)
    self.assertFalse(np.array_equal(first, linear))

  def test_matrices_share_their_colours(self):
    half = np.full([2, 2], 0.5)
    figures.save_matrices(
      self._path,
      # No formula, though it looks as one that is not whole.
      {'$a': half, 'b': np.array([[0.5, 1.0], [0.0, np.nan]])},
      x_label='x',
      y_label='y',
    )
    picture = mpl_image.imread(self._path)[..., :3]
    color = np.array(matplotlib.colormaps['viridis'](0.5)[:3])
    is_half = np.abs(picture - color).max(axis=-1) < 0.02
    columns = is_half.sum(axis=0)
    middle = picture.shape[1] * 9 // 20
    # Four cells on the left, one on the right.
    self.assertAlmostEqual(
      columns[:middle].sum() / columns[middle:].sum(), 4, delta=0.4
    )

  def test_leaves_the_old_picture_if_it_fails(self):
    old = self._save_curves([1, 2])
    with mock.patch('os.replace', side_effect=OSError('Out of luck.')):
      with self.assertRaisesRegex(OSError, 'luck'):
        self._save_curves([2, 1])
    np.testing.assert_array_equal(mpl_image.imread(self._path), old)
    self._save_curves([2, 1])
    self.assertEqual(os.listdir(self._dir), ['picture.png'])


class SavedWeightsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = self.enter_context(tempfile.TemporaryDirectory())
    self._path = os.path.join(self._dir, 'model_weights.npz')

  def test_reads_what_a_run_has_written(self):
    # More than ten, so that the order of numbers is not that of names.
    weights = tff.learning.models.ModelWeights(
      [np.full([2], i, np.float32) for i in range(12)], [np.zeros([3])]
    )
    directory = run_directory.RunDirectory(self._dir, {})
    run_store.RunStore(directory).write_weights(weights, run_store.LAST_WEIGHTS)
    read = saved_weights.load(self._path)
    for part in ('trainable', 'non_trainable'):
      np.testing.assert_array_equal(getattr(read, part), getattr(weights, part))

  def test_refuses_other_files(self):
    message = 'Expected the model_weights.npz of a run at .*, found: .*; give'
    with self.assertRaisesRegex(runner.UsageError, message):
      saved_weights.load(self._path)  # Missing.
    np.savez(self._path, trainable_0=np.zeros([100]))
    whole = pathlib.Path(self._path).read_bytes()
    array_path = os.path.join(self._dir, 'array.npy')
    np.save(array_path, np.zeros([3]))
    array = pathlib.Path(array_path).read_bytes()
    for contents in (whole[:-200], b'text', b'', array):
      pathlib.Path(self._path).write_bytes(contents)
      with self.assertRaisesRegex(runner.UsageError, message):
        saved_weights.load(self._path)


_TASK, _OUT = '--task=omniglot', '--output_dir=out'
_NOISE = [_TASK, _OUT, '--part=gradient_noise']
_PRIVACY = [_TASK, _OUT, '--part=privacy']
_CONFUSION = [_TASK, _OUT, '--part=confusion']
# By names: what the message has, and the command line, in a directory as
# `_write_runs` makes it.
_REFUSED = {
  'no_task': ('Expected --task, found none', [_OUT, '--part=privacy']),
  'no_part': ('Expected --part, found none', [_TASK, _OUT]),
  'no_output_dir': (
    'Expected --output_dir, found none',
    [_TASK, '--part=privacy'],
  ),
  'unknown_part': ('part', [_TASK, _OUT, '--part=speed']),
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
    ['--task=mnist', _OUT, '--part=privacy', '--cache_dir=cache'],
  ),
  'file_as_output_dir': (
    'Expected to write to --output_dir=first/summary.json, found: .*; choose',
    [_TASK, '--part=privacy', '--output_dir=first/summary.json'],
  ),
}
_ACCEPTED = {
  'all_parts': [
    *(_TASK, '--part=gradient_noise', '--part=privacy', '--part=confusion'),
    *('--num_negatives=8,all', '--num_batches=2', '--output_dir=all_parts'),
    '--num_sampled_classes=6,12',
    *('--runs=a=first,b=same', '--client=c1'),
    '--weights=first/model_weights.npz',
  ],
}


def _write_runs() -> None:
  """Writes directories of runs into the current one."""
  body = row_models.body().initial_weights[0]
  same_rows = np.ones_like(row_models.rows())
  for name, task_name, weights in (
    ('first', 'omniglot', (*body, row_models.rows())),
    ('same', 'omniglot', (*body, same_rows)),
    ('other', 'omniglot', (*body, same_rows[1:])),
    ('digits', 'digits', (*body, same_rows)),
  ):
    os.mkdir(name)
    run_directory.write_json(f'{name}/summary.json', {'task': task_name})
    arrays = {f'trainable_{i}': w for i, w in enumerate(weights)}
    np.savez(f'{name}/model_weights.npz', **arrays)


class _CountingNoise(fed_ss_gradient_noise.GradientNoise):
  """Stands in for the measure, which takes seconds: a tenth of `|N|`."""

  def full_change(self, batch):
    return [batch[1]]

  def __call__(self, batch, num_negatives, full_change):
    np.testing.assert_array_equal(batch[1], full_change[0])
    level = num_negatives / 10
    return fed_ss_gradient_noise.NoiseLevels(level, level + 1, level + 2)


def run_all() -> None:
  """Runs all command lines here; writes what comes of them as JSON."""
  from programs import fed_ss_report

  build_task = tasks.build_task

  def build_tiny_task(name, **kwargs):
    return _tiny_task() if name == 'omniglot' else build_task(name, **kwargs)

  _write_runs()
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
  run_directory.write_json('results.json', results)


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

  def test_nothing_is_written_where_it_refuses(self):
    self.assertEmpty(list((self.dir / 'out').iterdir()))

  def test_reports(self):
    exit_code, stdout, stderr = self.results['all_parts']
    self.assertEqual(exit_code, 0, stderr)
    cells = r' +│ 0\.8000 \(± 0\.0000\) +│ 1\.8000 .*│ 2\.8000 '
    self.assertRegex(stdout, rf'│ 8{cells}')
    # Of a client with three classes and one with four.
    cells = r' +│ 0\.8500 \(± 0\.0707\) +│ 1\.8500 .*│ 2\.8500 '
    self.assertRegex(stdout, rf'│ 8\.5 \(all\){cells}')
    # 3 / (3 + 9 (3 / 9)^2) after two requests.
    self.assertRegex(
      stdout, r'│ 6 +│ 2 +│ 25\.00 % +│ 75\.00 % +│ 7\d\.\d\d % +│'
    )
    for requests in (1, 2, 3, 5):
      self.assertRegex(stdout, rf'│ 12 +│ {requests} +│( 25\.00 % +│){{3}}')
    self.assertRegex(stdout, r'\|P\| = 3 of n = 12 classes')
    # All are taken for the first of the four classes.
    self.assertRegex(stdout, r'│ b +│ 25\.00 % +│ 1\.0000 +│')
    self.assertRegex(stdout, r'│ a +│ \d\d\.\d\d % +│ -?0\.\d{4} +│')

  def test_draws(self):
    pictures_dir = self.dir / 'all_parts'
    self.assertCountEqual(
      os.listdir(pictures_dir),
      ['gradient_noise.png', 'privacy.png', 'confusion.png'],
    )
    for path in pictures_dir.iterdir():
      self.assertEqual(mpl_image.imread(path).ndim, 3)


if __name__ == '__main__':
  absltest.main()
