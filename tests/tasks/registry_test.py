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
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import tensorflow_federated as tff

import tasks
from tasks import cache
from tasks import catalog
from tasks import registry
from tests.tasks import data_files


class _TempDirTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())
    self.cache_dir = os.path.join(self.dir, 'cache')


class BuildTaskTest(_TempDirTestCase):
  def test_has_a_builder_for_each_name(self):
    self.assertCountEqual(registry._BUILDERS, tasks.TASK_NAMES)

  # A folder needs a schema and a model; see folder_task_test.
  @parameterized.parameters(*(set(catalog.TASK_NAMES) - {'folder'}))
  def test_builders_get_resolved_arguments(self, name):
    build = mock.Mock(return_value='task')
    data_dir = None
    if catalog.files(name).layouts:
      data_dir = self.dir
      for path in catalog.files(name).layouts[0]:
        path = os.path.join(self.dir, path)
        path += 'some' if path.endswith('/') else ''
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w'):
          pass
    with mock.patch.dict(registry._BUILDERS, {name: build}):
      task = tasks.build_task(
        name, data_dir=data_dir, cache_dir=f'{self.dir}/a/../cache', seed=5
      )
    self.assertEqual(task, 'task')
    build.assert_called_once_with(
      name, data_dir, self.cache_dir, 5, catalog.defaults(name)
    )

  def test_classes_are_those_of_the_catalog(self):
    data_files.write_omniglot(self.dir)
    data_files.write_multi_label(
      self.dir,
      'bibtex.npz',
      {'_train': [({0: 1}, [0])] * 9, '_test': [({1: 1}, [1])]},
      n_features=2,
      n_labels=2,
    )
    for name, kwargs in (
      ('digits', {}),
      ('omniglot', {'data_dir': self.dir}),
      (
        'bibtex',
        {'data_dir': self.dir, 'options': tasks.TaskOptions(num_clients=1)},
      ),
    ):
      task = tasks.build_task(name, cache_dir=self.cache_dir, **kwargs)
      self.assertIsInstance(task, tff.simulation.baselines.BaselineTask)
      self.assertEqual(
        isinstance(task, tasks.RowTask), name in catalog.ROW_TASK_NAMES
      )
      self.assertEqual(
        isinstance(task, tasks.MultiLabelTask),
        name in catalog.MULTI_LABEL_TASK_NAMES,
      )

  def test_without_cache_dir_the_environment_decides(self):
    variables = {cache.CACHE_VARIABLE: self.cache_dir}
    with mock.patch.dict(os.environ, variables):
      tasks.build_task('digits')
    self.assertLen(os.listdir(self.cache_dir), 1)


class ErrorsTest(_TempDirTestCase):
  @parameterized.named_parameters(
    ('name', ValueError, {'name': 'imagenet'}, "'digits', 'mnist'.*'imagenet'"),
    ('no_data', ValueError, {'name': 'mnist'}, "'mnist' expects `data_dir`"),
    (
      'no_dir',
      ValueError,
      {'name': 'cifar10', 'data_dir': 'no'},
      'train_0.npz',
    ),
    ('stray_data', ValueError, {'data_dir': 'no'}, 'takes no `data_dir`'),
    ('seed_type', TypeError, {'seed': 1.5}, '`seed` to be an integer'),
    ('seed_value', ValueError, {'seed': -1}, '`seed` from 0'),
    (
      'option',
      ValueError,
      {'options': tasks.TaskOptions(only_digits=True)},
      'found `only_digits=True`',
    ),
  )
  def test_raises_in_one_line_before_writing(self, error, kwargs, message):
    kwargs = {'name': 'digits', 'cache_dir': self.cache_dir} | kwargs
    with self.assertRaisesRegex(error, message) as caught:
      tasks.build_task(**kwargs)
    self.assertNotIn('\n', str(caught.exception))
    self.assertFalse(os.path.exists(self.cache_dir))


if __name__ == '__main__':
  absltest.main()
