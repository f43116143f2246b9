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
import sqlite3
import subprocess
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import pytest

from tasks import client_database

_KEY = {'source': 'abc', 'num_clients': 3}

# A program that builds a database as soon as a start file exists.
_BUILD_SCRIPT = """
import os, sys, time
from tests.tasks import client_database_test as lib
cache_dir, start = sys.argv[1:]
print('ready', flush=True)
while not os.path.exists(start):
  time.sleep(0.01)
print(lib.ensure(cache_dir, num_examples=500))
"""


def _images(num_examples):
  rng = np.random.default_rng(2)
  x = rng.integers(256, size=(num_examples, 4, 4, 1), dtype=np.uint8)
  return x, rng.integers(10, size=num_examples, dtype=np.uint8)


def _write(path, num_examples=30):
  partition = np.split(np.arange(num_examples)[::-1], [5, 12])
  client_database.write_database(
    path, _images(num_examples), _images(7), partition
  )


def ensure(cache_dir, key=None, build=None, num_examples=30):
  build = build or (lambda path: _write(path, num_examples))
  return client_database.ensure_database(cache_dir, 'some', key or _KEY, build)


def _examples(dataset):
  batches = [client_database.parse_examples(b) for b in dataset.batch(1000)]
  ((pixels, labels),) = batches
  return pixels.numpy(), labels.numpy()


class ContentsTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.path = ensure(self.enterContext(tempfile.TemporaryDirectory()))

  def test_clients_have_their_examples_in_order(self):
    train_data = client_database.load_train_data(self.path)
    self.assertEqual(train_data.client_ids, ['0', '1', '2'])
    x, y = _images(30)
    indices = {'0': range(29, 24, -1), '1': range(24, 17, -1)}
    for client_id, expected in indices.items():
      dataset = train_data.create_tf_dataset_for_client(client_id)
      pixels, labels = _examples(dataset)
      np.testing.assert_array_equal(pixels, x[expected].reshape(-1, 16))
      np.testing.assert_array_equal(labels, y[expected])

  def test_test_split_is_separate(self):
    pixels, labels = _examples(client_database.load_test_data(self.path))
    np.testing.assert_array_equal(pixels, _images(7)[0].reshape(-1, 16))
    np.testing.assert_array_equal(labels, _images(7)[1])

  def test_retrieval_split_is_separate_with_large_labels(self):
    path = os.path.join(
      self.enterContext(tempfile.TemporaryDirectory()), 'x.sqlite'
    )
    x, _ = _images(5)
    y = np.array([300, 65_535, 0, 964, 1622], np.uint16)
    partition = [np.arange(4), np.arange(4, 11)]
    client_database.write_database(
      path, _images(11), _images(1), partition, (x, y)
    )
    pixels, labels = _examples(client_database.load_retrieval_data(path))
    np.testing.assert_array_equal(pixels, x.reshape(-1, 16))
    np.testing.assert_array_equal(labels, y)
    self.assertEqual(
      client_database.load_train_data(path).client_ids, ['0', '1']
    )
    self.assertLen(_examples(client_database.load_test_data(path))[1], 1)

  def test_largest_client_ignores_other_splits(self):
    self.assertEqual(client_database.largest_client(self.path), 18)

  def test_client_ids_sort_as_numbers(self):
    path = os.path.join(
      self.enterContext(tempfile.TemporaryDirectory()), 'x.sqlite'
    )
    partition = np.arange(11)[:, np.newaxis]
    client_database.write_database(path, _images(11), _images(1), partition)
    client_ids = client_database.load_train_data(path).client_ids
    self.assertEqual([int(c) for c in client_ids], list(range(11)))


class CacheTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = os.path.join(
      self.enterContext(tempfile.TemporaryDirectory()), 'new', 'cache'
    )

  def test_builds_once(self):
    build = mock.Mock(side_effect=_write)
    paths = {ensure(self.dir, build=build) for _ in range(3)}
    self.assertLen(paths, 1)
    build.assert_called_once()
    self.assertEqual(os.listdir(self.dir), [os.path.basename(paths.pop())])

  def test_each_key_has_its_own_file(self):
    keys = [_KEY, _KEY | {'num_clients': 4}, _KEY | {'source': 'abd'}]
    self.assertLen({ensure(self.dir, key) for key in keys}, 3)

  def test_failed_build_leaves_nothing(self):
    def fail(path):
      _write(path)
      raise RuntimeError('stopped')

    with self.assertRaisesRegex(RuntimeError, 'stopped'):
      ensure(self.dir, build=fail)
    self.assertEmpty(os.listdir(self.dir))

  def test_concurrent_builds_in_one_process(self):
    def build(path):
      self.assertEmpty(
        [f for f in os.listdir(self.dir) if f.endswith('.sqlite')]
      )
      ensure(self.dir)  # Another one begins later and ends before.
      _write(path)

    path = ensure(self.dir, build=build)
    never = mock.Mock()
    self.assertEqual(ensure(self.dir, build=never), path)
    never.assert_not_called()

  @pytest.mark.slow
  def test_concurrent_builds_of_two_programs(self):
    start = os.path.join(
      self.enterContext(tempfile.TemporaryDirectory()), 'start'
    )
    programs = [
      subprocess.Popen(
        [sys.executable, '-c', _BUILD_SCRIPT, self.dir, start],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {'PYTHONPATH': os.pathsep.join(sys.path)},
        text=True,
      )
      for _ in range(2)
    ]
    for program in programs:
      self.assertEqual(program.stdout.readline(), 'ready\n')
    with open(start, 'w'):
      pass
    outputs = [program.communicate()[0].strip() for program in programs]
    self.assertEqual([program.returncode for program in programs], [0, 0])
    never = mock.Mock()
    self.assertEqual(outputs, [ensure(self.dir, build=never)] * 2)
    never.assert_not_called()
    self.assertLen(os.listdir(self.dir), 1)

  @parameterized.named_parameters(
    ('empty', lambda path: os.truncate(path, 0)),
    ('short', lambda path: os.truncate(path, 100)),
    ('half', lambda path: os.truncate(path, os.path.getsize(path) // 2)),
    ('altered', lambda path: _alter_a_pixel(path)),
    ('row', lambda path: _execute(path, 'DELETE FROM examples WHERE rowid=3')),
    ('unsealed', lambda path: _execute(path, 'DROP TABLE seal')),
    ('count', lambda path: _execute(path, 'DELETE FROM client_metadata')),
  )
  def test_rebuilds_damaged_files(self, damage):
    path = ensure(self.dir)
    with open(path, 'rb') as f:
      whole = f.read()
    damage(path)
    build = mock.Mock(side_effect=_write)
    with self.assertLogs(level='WARNING') as logs:
      self.assertEqual(ensure(self.dir, build=build), path)
    self.assertIn('damaged', logs.output[0])
    build.assert_called_once()
    with open(path, 'rb') as f:
      self.assertEqual(f.read(), whole)

  def test_directory_that_cannot_be_made_raises(self):
    path = self.enterContext(tempfile.NamedTemporaryFile()).name
    build = mock.Mock()
    with self.assertRaisesRegex(ValueError, 'client data.*`cache_dir`'):
      ensure(os.path.join(path, 'below'), build=build)
    build.assert_not_called()


def _alter_a_pixel(path):
  with open(path, 'r+b') as f:
    contents = f.read()
    position = contents.index(_images(30)[0][3].tobytes())
    f.seek(position)
    f.write(bytes([contents[position] ^ 1]))


def _execute(path, statement):
  connection = sqlite3.connect(path)
  with connection:
    connection.execute(statement)
  connection.close()


if __name__ == '__main__':
  absltest.main()
