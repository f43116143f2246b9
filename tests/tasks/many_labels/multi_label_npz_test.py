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

from absl.testing import absltest
from absl.testing import parameterized
import hypothesis
from hypothesis import strategies as st
import numpy as np

from tasks.many_labels import multi_label_npz
from tests.tasks import damage
from tests.tasks import data_files

_TRAIN = [({0: 1, 4: 3}, [2, 0]), ({}, [1]), ({3: 2}, [])]
_TEST = [({1: 5}, [0, 1, 2]), ({2: 1}, [])]


def _lists(examples):
  """Converts examples to the form of `data_files.write_multi_label`."""
  x, y = examples.features, examples.labels
  lists = []
  for i in range(len(y)):
    of_x, of_y = (slice(*rows.indptr[i : i + 2]) for rows in (x, y))
    features = zip(x.indices[of_x], x.values[of_x], strict=True)
    lists.append((dict(features), y.indices[of_y].tolist()))
  return lists


class MultiLabelNpzTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())
    self.path = os.path.join(self.dir, 'delicious.npz')

  def _write(self, name='delicious.npz', splits=None, **altered):
    splits = splits or {'_train': _TRAIN, '_test': _TEST}
    arrays = data_files.write_multi_label(self.dir, name, splits, 5, 3)
    for key, value in altered.items():
      arrays[key] = np.asarray(value)
    np.savez(os.path.join(self.dir, name), **arrays)

  @parameterized.parameters('delicious', 'bibtex')
  def test_reads_split_files(self, name):
    self._write(f'{name}.npz')
    data = getattr(multi_label_npz, name)(self.dir).load()
    self.assertEqual((data.num_features, data.num_labels), (5, 3))
    self.assertEqual(_lists(data.train), _TRAIN)
    self.assertEqual(_lists(data.test), _TEST)

  def test_holds_out_a_tenth_of_unsplit_files(self):
    examples = [({i % 5: i + 1}, [i % 3]) for i in range(25)]
    self._write('stackex_cooking.npz', {'': examples})
    data = multi_label_npz.stackex(self.dir).load()
    self.assertEqual(_lists(data.test), [examples[9], examples[19]])
    rest = [e for i, e in enumerate(examples) if i not in (9, 19)]
    self.assertEqual(_lists(data.train), rest)

  def test_fingerprint_changes_with_the_file(self):
    self._write()
    first = multi_label_npz.delicious(self.dir).fingerprint
    self.assertEqual(multi_label_npz.delicious(self.dir).fingerprint, first)
    self._write(x_train_data=[1, 3, 1])
    self.assertNotEqual(multi_label_npz.delicious(self.dir).fingerprint, first)

  def test_missing_file_raises(self):
    with self.assertRaisesRegex(ValueError, 'bibtex.npz, found none'):
      multi_label_npz.bibtex(self.dir)

  @parameterized.named_parameters(
    (
      'feature',
      {'x_train_indices': [0, 5, 3]},
      'from 0 to 4 in `x_train_indices` of .*, found 5 in row 0: correct',
    ),
    (
      'negative',
      {'x_train_indices': [0, 4, -1]},
      'from 0 to 4 in `x_train_indices` of .*, found -1 in row 2: correct',
    ),
    (
      'label',
      {'y_test_indices': [0, 1, 3]},
      'from 0 to 2 in `y_test_indices` of .*, found 3 in row 0: correct',
    ),
    (
      'label_of_row_1',
      {'y_train_indices': [0, 1, 7]},
      'from 0 to 2 in `y_train_indices` of .*, found 7 in row 1: correct',
    ),
    (
      'label_twice',
      {'y_test_indices': [2, 0, 2]},
      'distinct labels in each row of `y_test_indices` of .* 2 in row 0',
    ),
    (
      'label_value',
      {'y_train_data': [1, 1, 0]},
      'ones in `y_train_data` of .*, found 0.0 in row 1',
    ),
    (
      'value',
      {'x_train_data': [1, 2, float('nan')]},
      'finite numbers in `x_train_data` of .*, found nan in row 2',
    ),
    (
      'descending',
      {'x_train_indptr': [0, 2, 1, 3]},
      r'`x_train_indptr` of .* ascend .* int64 \[4\], int16 \[3\]',
    ),
    ('end', {'y_test_indptr': [0, 3, 4]}, '`y_test_indptr` of .* ascend'),
    ('begin', {'x_test_indptr': [1, 1, 2]}, '`x_test_indptr` of .* ascend'),
    ('no_rows', {'x_test_indptr': np.zeros(0, int)}, '`x_test_indptr` of'),
    ('count', {'x_train_data': [1]}, 'length of `x_train_indices` and of'),
    ('type', {'x_train_indices': [0.0, 4, 3]}, 'float64 .*: replace it'),
    (
      'large_value',
      {'x_train_data': [1, 2, 1e39]},
      r'finite numbers in `x_train_data` of .*, found 1e\+39 in row 2',
    ),
    (
      'label_nan',
      {'y_test_data': [1.0, float('nan'), 1]},
      'finite numbers in `y_test_data` of .*, found nan in row 0',
    ),
    ('rank', {'x_train_indices': [[0, 4, 3]]}, r'int64 \[1, 3\].*: replace it'),
    ('scalar', {'x_train_indptr': 0}, r'`x_train_indptr` of .* int64 \[\]'),
    (
      'bool',
      {'x_train_data': [True, False, True]},
      r'and bool \[3\]: replace it',
    ),
    ('strings', {'x_train_data': list('abc')}, 'strings in `x_train_data`'),
    ('date', {'n_labels': np.datetime64('2020')}, 'dates in `n_labels`: save'),
    (
      'many_labels',
      {'n_labels': 2**40},
      '`n_labels` of .* from 1 to 16777216, found 1099511627776: replace it',
    ),
    (
      'unsigned_labels',
      {'n_labels': np.uint64(2**64 - 1)},
      '`n_labels` of .* to 16777216, found 18446744073709551615: replace it',
    ),
    ('negative_labels', {'n_labels': -3}, '`n_labels` of .* found -3: replace'),
    ('no_labels', {'n_labels': 0}, '`n_labels` of .* found 0: replace it'),
    ('fraction', {'n_labels': 3.5}, r'`n_labels` .* found float64 \[\]: repl'),
    ('whole_float', {'n_labels': 3.0}, r'integer .* found float64 \[\]: repl'),
    ('nan_labels', {'n_labels': np.nan}, r'`n_labels` .* found float64 \[\]'),
    ('bool_labels', {'n_labels': True}, r'`n_labels` .* found bool \[\]'),
    ('two_counts', {'n_labels': [3, 3]}, r'`n_labels` .* found int64 \[2\]'),
    ('empty_count', {'n_labels': []}, r'`n_labels` .* found float64 \[0\]'),
    (
      'many_features',
      {'n_features': 2**31},
      '`n_features` of .* from 1 to 2147483647, found 2147483648: replace it',
    ),
    (
      'rows',
      {'y_test_indptr': [0, 3]},
      'as many rows of `x_test` as of `y_test`, found 2 and 1: replace',
    ),
  )
  def test_invalid_arrays_raise(self, altered, message):
    self._write(**altered)
    with self.assertRaisesRegex(ValueError, message) as caught:
      multi_label_npz.delicious(self.dir).load()
    damage.check_message(self, str(caught.exception), self.path)

  def test_change_before_loading_raises(self):
    self._write()
    source = multi_label_npz.delicious(self.dir)
    self._write(x_train_data=[1, 3, 1])
    with self.assertRaisesRegex(ValueError, 'changed: run again'):
      source.load()

  def test_missing_arrays_raise(self):
    np.savez(self.path, x=1)
    with self.assertRaisesRegex(
      ValueError, 'found no .*n_labels.*: replace it'
    ):
      multi_label_npz.delicious(self.dir).load()

  def test_file_without_labels_raises(self):
    self._write(splits={'_train': [({0: 1}, [])], '_test': _TEST})
    with self.assertRaisesRegex(
      ValueError, 'labelled training and test .* 1 with 0'
    ):
      multi_label_npz.delicious(self.dir).load()


class FuzzTest(absltest.TestCase):
  @damage.settings
  @hypothesis.given(st.data())
  def test_damaged_arrays(self, data):
    with tempfile.TemporaryDirectory() as directory:
      splits = {'_train': _TRAIN, '_test': _TEST}
      name = 'delicious.npz'
      arrays = data_files.write_multi_label(directory, name, splits, 5, 3)
      altered = data.draw(st.sampled_from(sorted(arrays)))
      array = np.asarray(arrays[altered])
      contents = data.draw(damage.damaged(array.tobytes()))
      dtype = np.dtype(
        data.draw(
          st.sampled_from([array.dtype, *'bBhHiIqQefd', 'g', '?', 'D', 'O'])
        )
      )
      if dtype.hasobject:
        arrays[altered] = np.array([None, 'x'], object)
      else:
        size = len(contents) // dtype.itemsize * dtype.itemsize
        arrays[altered] = np.frombuffer(contents[:size], dtype)
      path = os.path.join(directory, name)
      np.savez(path, **arrays)
      damage.reads_or_refuses(
        self, path, lambda: multi_label_npz.delicious(directory).load()
      )


if __name__ == '__main__':
  absltest.main()
