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
"""Multi-label data sets with sparse features and labels."""

from collections.abc import Iterable, Sequence
import dataclasses

import numpy as np

from tasks import sources

# Far above any public data set, and far below what fills the memory: there are
# arrays with an entry for each label.
MAX_LABELS = 2**24
# Columns are int32.
MAX_FEATURES = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class SparseRows:
  """Rows of a sparse matrix, in the CSR layout.

  Attributes:
    indptr: int64 `[rows + 1]`; row i has the entries from `indptr[i]` to
      `indptr[i + 1]`, exclusive.
    indices: int32 `[entries]`, columns of the entries.
    values: float32 `[entries]`, or `None` if all are 1.
  """

  indptr: np.ndarray
  indices: np.ndarray
  values: np.ndarray | None = None

  @classmethod
  def from_lists(
    cls,
    indices: Iterable[Sequence[int] | np.ndarray],
    values: Iterable[Sequence[float] | np.ndarray] | None = None,
  ) -> 'SparseRows':
    """Builds a matrix from lists of entries.

    Args:
      indices: Columns of each row.
      values: Values of each row; `None` if all are 1.

    Returns:
      The matrix.
    """
    arrays = [np.asarray(row, np.int32) for row in indices]
    indptr = np.cumsum([0, *map(len, arrays)], dtype=np.int64)
    joined = None
    if values is not None:
      joined = _join(
        [np.asarray(row, np.float32) for row in values], np.float32
      )
    return cls(indptr, _join(arrays, np.int32), joined)

  def __len__(self) -> int:
    return len(self.indptr) - 1

  def row_of_entries(self) -> np.ndarray:
    """Returns the row of each entry, int64 `[entries]`."""
    return np.repeat(np.arange(len(self)), np.diff(self.indptr))

  def take(self, rows: np.ndarray) -> 'SparseRows':
    """Returns the rows with the given indices, in this order."""
    lengths = np.diff(self.indptr)[rows]
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    shifts = np.repeat(self.indptr[:-1][rows] - indptr[:-1], lengths)
    entries = np.arange(indptr[-1]) + shifts
    values = None if self.values is None else self.values[entries]
    return SparseRows(indptr, self.indices[entries], values)


@dataclasses.dataclass(frozen=True)
class MultiLabelExamples:
  """Features and labels of examples; each row is an example.

  Attributes:
    features: Features of the examples. The values of repeated entries add up.
    labels: Labels of the examples, distinct in each row. An example without
      labels is a negative example of every label.
  """

  features: SparseRows
  labels: SparseRows

  def take(self, rows: np.ndarray) -> 'MultiLabelExamples':
    """Returns the examples with the given indices, in this order."""
    return MultiLabelExamples(self.features.take(rows), self.labels.take(rows))


@dataclasses.dataclass(frozen=True)
class MultiLabelData:
  """Examples, split into training and held-out test data.

  Attributes:
    num_features: Number of features.
    num_labels: Number of labels.
    train: Training examples.
    test: Held-out examples.
  """

  num_features: int
  num_labels: int
  train: MultiLabelExamples
  test: MultiLabelExamples


MultiLabelSource = sources.Source[MultiLabelData]


def check_data(name: str, data: MultiLabelData) -> MultiLabelData:
  """Checks that there are training and test examples, and labels.

  Args:
    name: Name of the file or directory, for messages.
    data: The data to check.

  Returns:
    `data`.

  Raises:
    ValueError: If a split has no examples, or training examples no labels.
  """
  num_train, num_test = len(data.train.labels), len(data.test.labels)
  num_positives = len(data.train.labels.indices)
  if not num_train or not num_test or not num_positives:
    raise ValueError(
      f'Expected {name} to have labelled training and test examples, found '
      f'{num_train} with {num_positives} labels and {num_test}: replace it.'
    )
  return data


def _join(arrays: Sequence[np.ndarray], dtype: type) -> np.ndarray:
  return np.concatenate(arrays) if arrays else np.zeros(0, dtype)
