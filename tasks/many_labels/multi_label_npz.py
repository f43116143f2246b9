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
"""Multi-label data in .npz files: Delicious, Bibtex and Stack Exchange."""

from collections.abc import Mapping
import functools

import numpy as np

from tasks import catalog
from tasks import input_files
from tasks import npz_files
from tasks.many_labels import multi_label_source

_PARTS = ('indptr', 'indices', 'data')
_MAX_COUNTS = {
  'n_features': multi_label_source.MAX_FEATURES,
  'n_labels': multi_label_source.MAX_LABELS,
}
_HELD_OUT_SHARE = 10  # One of ten examples, in files that are not split.


def delicious(data_dir: str) -> multi_label_source.MultiLabelSource:
  """Opens bookmarks and their tags in `delicious.npz`.

  The file has features `x` and labels `y` in the CSR layout, for `train` and
  for `test`: `x_train_indptr`, `x_train_indices`, `x_train_data`, and so on;
  and their numbers, `n_features` and `n_labels`.

  Args:
    data_dir: Directory of the file.

  Returns:
    A source of 983 labels.

  Raises:
    ValueError: If the file is missing.
  """
  return _npz_source('delicious', data_dir, is_split=True)


def bibtex(data_dir: str) -> multi_label_source.MultiLabelSource:
  """Opens publications and their tags in `bibtex.npz`; see `delicious`.

  Args:
    data_dir: Directory of the file.

  Returns:
    A source of 159 labels.

  Raises:
    ValueError: If the file is missing.
  """
  return _npz_source('bibtex', data_dir, is_split=True)


def stackex(data_dir: str) -> multi_label_source.MultiLabelSource:
  """Opens questions on cooking and their tags in `stackex_cooking.npz`.

  The file has the format of `delicious`, without a split: `x_indptr`,
  `x_indices`, `x_data`, and the same of `y`. Every tenth example, starting with
  the tenth, is held out.

  Args:
    data_dir: Directory of the file.

  Returns:
    A source of 400 labels.

  Raises:
    ValueError: If the file is missing.
  """
  return _npz_source('stackex', data_dir, is_split=False)


def _npz_source(
  task_name: str, data_dir: str, *, is_split: bool
) -> multi_label_source.MultiLabelSource:
  files = input_files.InputFiles.hash(catalog.files(task_name).find(data_dir))
  return multi_label_source.MultiLabelSource(
    files.fingerprint, functools.partial(_load, files, is_split)
  )


def _load(
  files: input_files.InputFiles, is_split: bool
) -> multi_label_source.MultiLabelData:
  (path,) = files.paths
  splits = ('_train', '_test') if is_split else ('',)
  names = [f'{xy}{s}_{part}' for s in splits for xy in 'xy' for part in _PARTS]
  with files.reading():
    read = npz_files.read_npz(path, [*_MAX_COUNTS, *names])
  arrays = dict(zip([*_MAX_COUNTS, *names], read, strict=True))
  num_features, num_labels = (
    _read_count(path, name, arrays[name]) for name in _MAX_COUNTS
  )

  def examples(split):
    features = _rows(path, f'x{split}', arrays, num_features)
    labels = _rows(path, f'y{split}', arrays, num_labels)
    _check_labels(path, f'y{split}', labels)
    if len(features) != len(labels):
      raise ValueError(
        f'Expected {path} to have as many rows of `x{split}` as of '
        f'`y{split}`, found {len(features)} and {len(labels)}: replace it.'
      )
    labels = multi_label_source.SparseRows(labels.indptr, labels.indices)
    return multi_label_source.MultiLabelExamples(features, labels)

  if is_split:
    train, test = map(examples, splits)
  else:
    (whole,) = map(examples, splits)
    rows = np.arange(len(whole.labels))
    is_test = rows % _HELD_OUT_SHARE == _HELD_OUT_SHARE - 1
    train, test = whole.take(rows[~is_test]), whole.take(rows[is_test])
  return multi_label_source.check_data(
    path,
    multi_label_source.MultiLabelData(num_features, num_labels, train, test),
  )


def _read_count(path: str, name: str, array: np.ndarray) -> int:
  largest = _MAX_COUNTS[name]
  if array.dtype.kind not in 'iu' or array.size != 1:
    found = f'{array.dtype} {list(array.shape)}'
  elif 1 <= (count := int(array.item())) <= largest:
    return count
  else:
    found = f'{count}'
  raise ValueError(
    f'Expected `{name}` of {path} to be an integer from 1 to {largest}, found '
    f'{found}: replace it.'
  )


def _rows(
  path: str, name: str, arrays: Mapping[str, np.ndarray], num_columns: int
) -> multi_label_source.SparseRows:
  """Returns the rows of a matrix, after checking its layout and values."""
  indptr, indices, values = (arrays[f'{name}_{part}'] for part in _PARTS)
  _check_layout(path, name, indptr, indices, values)
  with np.errstate(over='ignore'):  # Infinite values are refused below.
    floats = values.astype(np.float32)
  rows = multi_label_source.SparseRows(
    indptr.astype(np.int64), indices.astype(np.int32), floats
  )
  out_of_range = np.flatnonzero((indices < 0) | (indices >= num_columns))
  if out_of_range.size:
    raise _bad_row(
      path,
      f'columns from 0 to {num_columns - 1} in `{name}_indices`',
      rows,
      out_of_range[0],
      indices,
    )
  not_finite = np.flatnonzero(~np.isfinite(floats))
  if not_finite.size:
    raise _bad_row(
      path,
      f'finite numbers in `{name}_data`',
      rows,
      not_finite[0],
      values,
    )
  return rows


def _check_layout(
  path: str,
  name: str,
  indptr: np.ndarray,
  indices: np.ndarray,
  values: np.ndarray,
) -> None:
  """Raises `ValueError` unless the arrays are rows in the CSR layout."""
  is_layout = (
    indptr.dtype.kind in 'iu'
    and indices.dtype.kind in 'iu'
    and values.dtype.kind in 'iuf'
    and (indptr.ndim, indices.ndim) == (1, 1)
    and indices.shape == values.shape
    and indptr.size > 0
    and (indptr[0], indptr[-1]) == (0, indices.size)
    and bool(np.all(indptr[1:] >= indptr[:-1]))
  )
  if not is_layout:
    raise ValueError(
      f'Expected `{name}_indptr` of {path} to ascend from 0 to the length of '
      f'`{name}_indices` and of `{name}_data`, found {indptr.dtype} '
      f'{list(indptr.shape)}, {indices.dtype} {list(indices.shape)} and '
      f'{values.dtype} {list(values.shape)}: replace it.'
    )


def _check_labels(
  path: str, name: str, labels: multi_label_source.SparseRows
) -> None:
  values = labels.values
  if values is not None and np.any(not_one := values != 1):
    entry = int(np.argmax(not_one))
    raise _bad_row(path, f'ones in `{name}_data`', labels, entry, values)
  row_of_entries = labels.row_of_entries()
  order = np.lexsort((labels.indices, row_of_entries))
  row, label = row_of_entries[order], labels.indices[order]
  again = np.flatnonzero((row[1:] == row[:-1]) & (label[1:] == label[:-1]))
  if again.size:
    raise _bad_row(
      path,
      f'distinct labels in each row of `{name}_indices`',
      labels,
      order[again[0]],
      labels.indices,
    )


def _bad_row(
  path: str,
  expected: str,
  rows: multi_label_source.SparseRows,
  entry: int,
  values: np.ndarray,
) -> ValueError:
  row = np.searchsorted(rows.indptr, entry, side='right') - 1
  return ValueError(
    f'Expected {expected} of {path}, found {values[entry]} in row {row}: '
    'correct that row, or leave it out.'
  )
