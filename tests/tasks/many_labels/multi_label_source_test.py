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

from absl.testing import absltest
import numpy as np

from tasks.many_labels import multi_label_source

_ROWS = [[3, 1], [], [2], [0, 1, 2]]
_VALUES = [[0.5, 2], [], [7], [1, 2, 3]]


def _dense(rows, num_columns):
  dense = np.zeros((len(rows), num_columns))
  for i in range(len(rows)):
    for entry in range(rows.indptr[i], rows.indptr[i + 1]):
      value = 1 if rows.values is None else rows.values[entry]
      dense[i, rows.indices[entry]] += value
  return dense


class SparseRowsTest(absltest.TestCase):
  def test_from_lists(self):
    rows = multi_label_source.SparseRows.from_lists(_ROWS, _VALUES)
    self.assertLen(rows, 4)
    np.testing.assert_array_equal(
      _dense(rows, 4),
      [[0, 2, 0, 0.5], [0, 0, 0, 0], [0, 0, 7, 0], [1, 2, 3, 0]],
    )
    types = (rows.indptr.dtype, rows.indices.dtype, rows.values.dtype)
    self.assertEqual(types, (np.int64, np.int32, np.float32))
    np.testing.assert_array_equal(rows.row_of_entries(), [0, 0, 2, 3, 3, 3])

  def test_empty_rows(self):
    for lists in ([], [[], []]):
      rows = multi_label_source.SparseRows.from_lists(lists, lists)
      self.assertLen(rows, len(lists))
      self.assertEqual((rows.indices.size, rows.values.size), (0, 0))

  def test_take(self):
    for values in (None, _VALUES):
      rows = multi_label_source.SparseRows.from_lists(_ROWS, values)
      for numbers in ([2, 0, 3], [1, 1], [3, 3, 0, 1], []):
        np.testing.assert_array_equal(
          _dense(rows.take(np.array(numbers, int)), 4),
          _dense(rows, 4)[np.array(numbers, int)],
        )


class CheckDataTest(absltest.TestCase):
  def test_empty_splits_raise(self):
    def examples(*labels):
      rows = multi_label_source.SparseRows.from_lists(labels)
      return multi_label_source.MultiLabelExamples(rows, rows)

    def check(train, test):
      data = multi_label_source.MultiLabelData(1, 1, train, test)
      self.assertIs(multi_label_source.check_data('here', data), data)

    check(examples([0], []), examples([]))
    for train, test, found in (
      (examples(), examples([0]), '0 with 0 labels and 1'),
      (examples([0]), examples(), '1 with 1 labels and 0'),
      (examples([], []), examples([0]), '2 with 0 labels and 1'),
    ):
      with self.assertRaisesRegex(ValueError, f'here .* {found}: replace it'):
        check(train, test)


if __name__ == '__main__':
  absltest.main()
