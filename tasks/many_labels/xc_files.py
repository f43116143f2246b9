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
"""Data sets in the text formats of the Extreme Classification Repository."""

from collections.abc import Callable, Iterator, Sequence
import functools
import io
import os
import re
from typing import TypeVar

import numpy as np

from tasks import catalog
from tasks import input_files
from tasks.many_labels import multi_label_source

# Largest counts in the first line. That of examples allocates nothing.
_MAX_COUNTS = {
  'features': multi_label_source.MAX_FEATURES,
  'labels': multi_label_source.MAX_LABELS,
}
_MAX_EXCERPT = 80
# Negative ones are labels that are out of range; -0 is none.
_LABEL = re.compile(r'[0-9]+|-0*[1-9][0-9]*')
_FLOAT32_MAX = float(np.finfo(np.float32).max)

# Columns and values of a row.
_Entries = tuple[np.ndarray, np.ndarray]
_Row = TypeVar('_Row')


class _BadLineError(Exception):
  """A damaged line. The message continues "Expected in line 3 of FILE ..."."""


def xc(data_dir: str) -> multi_label_source.MultiLabelSource:
  """Opens a data set of the Extreme Classification Repository, bags of words.

  Two layouts are read. With one file per split, `train.txt` and `test.txt`, the
  first line has the numbers of examples, features and labels. Each other line
  is an example, such as `3,17 0:0.25 8:1.5`: its labels, then its features with
  their values. A line without labels starts with a space. With two files per
  split, `trn_X_Xf.txt` and `trn_X_Y.txt`, `tst_X_Xf.txt` and `tst_X_Y.txt`, one
  has the features and the other the labels. The first line has the numbers of
  examples and of features or labels, each other line those of an example with
  their values. Features and labels are numbered from 0.

  An example without labels is kept, as a negative example of every label. A
  repeated label counts once. Blank lines after the last example are ignored.

  Args:
    data_dir: Directory of the files.

  Returns:
    A source of examples.

  Raises:
    ValueError: If files are missing.
  """
  files = input_files.InputFiles.hash(catalog.files('xc').find(data_dir))
  return multi_label_source.MultiLabelSource(
    files.fingerprint, functools.partial(_load, files)
  )


def _load(files: input_files.InputFiles) -> multi_label_source.MultiLabelData:
  paths = files.paths
  num_files = len(paths) // 2
  read = _read_one_file if num_files == 1 else _read_two_files
  with files.reading():
    train, sizes = read(*paths[:num_files])
    test, test_sizes = read(*paths[num_files:])
  if sizes != test_sizes:
    raise ValueError(
      f'Expected {paths[-1]} to have as many features and labels as '
      f'{paths[0]}, {sizes[0]} and {sizes[1]}, found {test_sizes[0]} and '
      f'{test_sizes[1]}: take both from the same archive.'
    )
  return multi_label_source.check_data(
    os.path.dirname(paths[0]),
    multi_label_source.MultiLabelData(*sizes, train, test),
  )


def _read_one_file(
  path: str,
) -> tuple[multi_label_source.MultiLabelExamples, tuple[int, int]]:
  """Reads the examples of a split, and the numbers of features and labels."""

  def parse(line, num_features, num_labels):
    labels, features = '', line
    if line[:1].strip():
      labels, _, features = line.partition(' ')
    return (
      _parse_labels(labels.strip(), num_labels),
      _parse_pairs(features, num_features, 'features'),
    )

  (num_features, num_labels), rows = _read_rows(
    path, ('features', 'labels'), parse
  )
  labels = [labels for labels, _ in rows]
  features = multi_label_source.SparseRows.from_lists(
    (indices for _, (indices, _) in rows), (values for _, (_, values) in rows)
  )
  return multi_label_source.MultiLabelExamples(
    features, multi_label_source.SparseRows.from_lists(labels)
  ), (num_features, num_labels)


def _read_two_files(
  features_path: str, labels_path: str
) -> tuple[multi_label_source.MultiLabelExamples, tuple[int, int]]:
  """Reads the same as `_read_one_file` from two files."""

  def parse_features(line, num_features):
    return _parse_pairs(line, num_features, 'features')

  def parse_labels(line, num_labels):
    labels, values = _parse_pairs(line, num_labels, 'labels')
    if np.any(values <= 0):
      raise _BadLineError(
        f'labels with values above 0, found {values.min():g}: leave it out.'
      )
    return np.unique(labels)

  (num_features,), rows = _read_rows(
    features_path, ('features',), parse_features
  )
  (num_labels,), labels = _read_rows(labels_path, ('labels',), parse_labels)
  if len(rows) != len(labels):
    raise ValueError(
      f'Expected {labels_path} to have as many examples as {features_path}, '
      f'{len(rows)}, found {len(labels)}: take both from the same archive.'
    )
  features = multi_label_source.SparseRows.from_lists(
    (indices for indices, _ in rows), (values for _, values in rows)
  )
  return multi_label_source.MultiLabelExamples(
    features, multi_label_source.SparseRows.from_lists(labels)
  ), (num_features, num_labels)


def _read_rows(
  path: str, names: Sequence[str], parse: Callable[..., _Row]
) -> tuple[tuple[int, ...], list[_Row]]:
  """Reads the header and the rows of a file.

  Args:
    path: Path of the file.
    names: Names of the counts in the first line, after that of the examples.
    parse: Maps a line and these counts to a row; raises `_BadLineError`.

  Returns:
    The counts, and the rows.

  Raises:
    ValueError: If a line is damaged, or the number of lines differs from the
      number of examples in the first line.
  """
  rows = []
  with (
    input_files.open_file(path) as f,
    io.TextIOWrapper(f, encoding='utf-8', errors='replace') as text,
  ):
    lines = enumerate(text, start=1)
    try:
      num_examples, *counts = _parse_header(path, names, lines)
      for number, line in lines:
        if len(rows) == num_examples and not line.strip():
          continue
        try:
          _check_characters(line)
          rows.append(parse(line, *counts))
        except _BadLineError as e:
          raise ValueError(f'Expected in line {number} of {path} {e}') from None
    except OSError as e:
      raise input_files.cannot_read(path, e) from e
  if len(rows) != num_examples:
    raise ValueError(
      f'Expected {path} to have {num_examples} examples, the number in its '
      f'first line, found {len(rows)}: replace it, or correct that line.'
    )
  return tuple(counts), rows


def _parse_header(
  path: str, names: Sequence[str], lines: Iterator[tuple[int, str]]
) -> list[int]:
  _, line = next(lines, (1, ''))
  try:
    _check_characters(line)
    counts = [int(token) for token in line.split()]
  except (_BadLineError, ValueError):
    counts = []
  if len(counts) != 1 + len(names) or min(counts) < 1:
    raise ValueError(
      f'Expected in line 1 of {path} the numbers of examples, '
      f'{" and ".join(names)}, found {line[:_MAX_EXCERPT].strip()!r}: replace '
      'it.'
    )
  for name, count in zip(names, counts[1:], strict=True):
    if count > _MAX_COUNTS[name]:
      raise ValueError(
        f'Expected in line 1 of {path} at most {_MAX_COUNTS[name]} {name}, '
        f'found {line[:_MAX_EXCERPT].strip()!r}: correct it.'
      )
  return counts


def _check_characters(line: str) -> None:
  """Refuses other digits and underscores, which Python takes for numbers."""
  if not line.isascii() or '_' in line:
    tokens = line.rstrip('\n').split(' ')
    token = next(t for t in tokens if not t.isascii() or '_' in t)
    raise _BadLineError(
      f'ASCII digits, commas and colons, found {token[:_MAX_EXCERPT]!r}: '
      'correct it.'
    )


def _parse_labels(text: str, num_labels: int) -> list[int]:
  """Parses labels such as `3,17`; returns them distinct and ascending."""
  if not text:
    return []
  labels = []
  for token in text.split(','):
    if not _LABEL.fullmatch(token):
      raise _BadLineError(
        f'labels such as 3,17, then a space, found {text[:_MAX_EXCERPT]!r}: '
        'correct it, or start the line with a space if the example has no '
        'labels.'
      )
    labels.append(_parse_index(token, num_labels, 'labels'))
  return sorted(set(labels))


def _parse_pairs(text: str, num_columns: int, name: str) -> _Entries:
  """Parses columns and values such as `0:0.25 8:1.5`."""
  indices, values = [], []
  for pair in text.split():
    index, _, value = pair.partition(':')
    try:
      values.append(float(value))
      indices.append(_parse_index(index, num_columns, name))
    except ValueError:
      raise _BadLineError(
        f'{name} with their values, such as 8:1.5, found '
        f'{pair[:_MAX_EXCERPT]!r}: correct it.'
      ) from None
    if not -_FLOAT32_MAX <= values[-1] <= _FLOAT32_MAX:
      raise _BadLineError(
        f'{name} with finite values, found {pair[:_MAX_EXCERPT]!r}: correct it.'
      )
  # Arrays are compact: files have tens of millions of entries.
  return np.array(indices, np.int32), np.array(values, np.float32)


def _parse_index(token: str, num_columns: int, name: str) -> int:
  """Parses a column; raises `ValueError` for tokens that are no integers."""
  # Longer ones are out of range, and Python refuses to parse thousands.
  index = int(token) if len(token) <= _MAX_EXCERPT else -1
  if not 0 <= index < num_columns:
    raise _BadLineError(
      f'{name} from 0 to {num_columns - 1}, found {token[:_MAX_EXCERPT]}: '
      'correct it, or the number in the first line.'
    )
  return index
