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

import os
import pathlib
import subprocess
import sys
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

import tasks
from tasks import catalog
from tasks import options as options_lib
from tasks import row_task

_NAMES = (
  *('digits', 'mnist', 'cifar10', 'emnist', 'omniglot', 'glyphs', 'gldv2'),
  *('irc', 'shakespeare', 'python_tokens', 'stackoverflow'),
  *('tags', 'lastfm'),
  *('delicious', 'bibtex', 'stackex', 'xc', 'api_calls', 'identifiers'),
  'folder',
)
# Run in a fresh process, since this one may have imported TensorFlow.
_IMPORT_SCRIPT = """
import sys, time
start = time.perf_counter()
import tasks
from tasks import catalog
from tasks import options
catalog.check_task('digits', options=options.TaskOptions(batch_size=3))
tasks.TASK_NAMES
seconds = time.perf_counter() - start
heavy = {'jax', 'keras', 'tensorflow', 'tensorflow_federated'}
print(sorted(heavy & sys.modules.keys()), seconds < 3)
"""


class ImportTest(absltest.TestCase):
  def test_imports_no_tensorflow(self):
    result = subprocess.run(
      [sys.executable, '-c', _IMPORT_SCRIPT],
      env=os.environ | {'PYTHONPATH': os.pathsep.join(sys.path)},
      capture_output=True,
      check=True,
      text=True,
    )
    self.assertEqual(result.stdout.strip(), '[] True')

  def test_lazy_members(self):
    self.assertContainsSubset(tasks.__all__, dir(tasks))
    for name in tasks.__all__:
      self.assertIsNotNone(getattr(tasks, name))
    self.assertIs(tasks.RowTask, row_task.RowTask)
    with self.assertRaisesRegex(AttributeError, "'tasks' has no .*'RowTasks'"):
      _ = tasks.RowTasks


class NamesTest(parameterized.TestCase):
  def test_order_is_that_of_the_table_of_tasks(self):
    self.assertEqual(catalog.TASK_NAMES, _NAMES)

  @parameterized.parameters(*_NAMES)
  def test_defaults_are_complete(self, name):
    defaults = catalog.defaults(name)
    self.assertIsNotNone(defaults.batch_size)
    self.assertIsNotNone(defaults.epochs)
    self.assertEqual(catalog.resolve_options(name, None), defaults)

  def test_tasks_without_files(self):
    without = {n for n in _NAMES if not catalog.files(n).layouts}
    self.assertEqual(
      without,
      {'digits', 'glyphs', 'python_tokens', 'api_calls', 'identifiers'},
    )
    downloaded = {n for n in _NAMES if catalog.files(n).is_downloadable}
    self.assertEqual(downloaded, {'emnist', 'gldv2', 'stackoverflow'})

  @parameterized.parameters(
    catalog.defaults,
    catalog.files,
    catalog.check_task,
    lambda name: catalog.resolve_options(name, options_lib.TaskOptions()),
  )
  def test_unknown_names_raise(self, function):
    with self.assertRaisesRegex(ValueError, "'digits', 'mnist'.*'imagenet'"):
      function('imagenet')


class CheckTaskTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  @parameterized.parameters(
    ('mnist', ['mnist.npz']),
    (
      'cifar10',
      ['cifar10_test.npz', *(f'cifar10_train_{i}.npz' for i in range(5))],
    ),
    ('gldv2', ['gld160k/train/user', 'gld160k/test.tfRecord']),
    ('stackex', ['stackex_cooking.npz']),
    ('xc', ['trn_X_Xf.txt', 'trn_X_Y.txt', 'tst_X_Xf.txt', 'tst_X_Y.txt']),
  )
  def test_every_file_is_needed(self, task_name, file_names):
    for file_name in file_names:
      path = pathlib.Path(self.dir, file_name)
      path.parent.mkdir(parents=True, exist_ok=True)
      path.touch()
    catalog.check_task(task_name, data_dir=self.dir)
    for file_name in file_names:
      path = pathlib.Path(self.dir, file_name)
      path.unlink()
      with self.assertRaisesRegex(ValueError, 'found n'):
        catalog.check_task(task_name, data_dir=self.dir)
      path.touch()

  @parameterized.named_parameters(
    ('no_data', ValueError, {'name': 'mnist'}, "'mnist' expects `data_dir`"),
    ('stray_data', ValueError, {'data_dir': 'no'}, 'takes no `data_dir`'),
    ('seed_type', TypeError, {'seed': 1.5}, '`seed` to be an integer'),
    ('seed_bool', TypeError, {'seed': True}, '`seed` to be an integer'),
    ('seed_low', ValueError, {'seed': -1}, '`seed` from 0'),
    ('seed_high', ValueError, {'seed': 2**32}, '`seed` from 0'),
    ('options', TypeError, {'options': {'epochs': 1}}, 'TaskOptions.*dict'),
    (
      'option',
      ValueError,
      {'options': options_lib.TaskOptions(only_digits=True)},
      'found `only_digits=True`',
    ),
    (
      'ffn_dim',
      ValueError,
      {
        'name': 'python_tokens',
        'options': options_lib.TaskOptions(token_model='lstm', ffn_dim=8),
      },
      "`ffn_dim` needs `token_model='transformer'`, found `token_model='lstm'`",
    ),
    ('cache', ValueError, {'cache_dir': __file__}, 'to be a directory'),
  )
  def test_raises_in_one_line(self, error, kwargs, message):
    with self.assertRaisesRegex(error, message) as caught:
      catalog.check_task(**{'name': 'digits'} | kwargs)
    self.assertNotIn('\n', str(caught.exception))


if __name__ == '__main__':
  absltest.main()
