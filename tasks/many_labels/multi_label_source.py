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
"""Examples with few of many features and few of many labels."""

from collections.abc import Iterable, Sequence
import dataclasses

import numpy as np

from tasks import sources


@dataclasses.dataclass(frozen=True)
class SparseRows:
  """The rows of a matrix by their entries, in the CSR layout.

  Attributes:
    indptr: int64 `[rows + 1]`; the entries of row i are from `indptr[i]` up to
      `indptr[i + 1]`.
    indices: int32 `[entries]`, their columns.
    values: float32 `[entries]`, or `None` if each is 1.
  """

  indptr: np.ndarray
  indices: np.ndarray
  values: np.ndarray | None = None

  @classmethod
  def from_lists(
    cls,
    indices: Iterable[Sequence[int]],
    values: Iterable[Sequence[float]] | None = None,
  ) -> 'SparseRows':
    """Puts rows together.

    Args:
      indices: Of each row the columns.
      values: Of each row the values; `None` if each is 1.
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
    """Of each entry the row, int64 `[entries]`."""
    return np.repeat(np.arange(len(self)), np.diff(self.indptr))

  def take(self, rows: np.ndarray) -> 'SparseRows':
    """The rows of these numbers, in this order."""
    lengths = np.diff(self.indptr)[rows]
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    shifts = np.repeat(self.indptr[:-1][rows] - indptr[:-1], lengths)
    entries = np.arange(indptr[-1]) + shifts
    values = None if self.values is None else self.values[entries]
    return SparseRows(indptr, self.indices[entries], values)


@dataclasses.dataclass(frozen=True)
class MultiLabelExamples:
  """Examples, row by row.

  Attributes:
    features: Their features. One that is there twice counts as the sum.
    labels: Their labels, distinct in each row. A row may have none: the example
      is then a negative one of each label.
  """

  features: SparseRows
  labels: SparseRows

  def take(self, rows: np.ndarray) -> 'MultiLabelExamples':
    """The examples of these numbers, in this order."""
    return MultiLabelExamples(self.features.take(rows), self.labels.take(rows))


@dataclasses.dataclass(frozen=True)
class MultiLabelData:
  """Examples, split into training and held-out test data.

  Attributes:
    num_features: All features are below.
    num_labels: All labels are below.
    train: Those to train on.
    test: Those held out.
  """

  num_features: int
  num_labels: int
  train: MultiLabelExamples
  test: MultiLabelExamples


MultiLabelSource = sources.Source[MultiLabelData]


def check_data(name: str, data: MultiLabelData) -> MultiLabelData:
  """Checks that there is something to train on and to test with.

  Args:
    name: Of the file or directory, for messages.
    data: What was read.

  Returns:
    `data`.

  Raises:
    ValueError: If there are no examples of the one or the other, or no labels.
  """
  num_train, num_test = len(data.train.labels), len(data.test.labels)
  num_positives = len(data.train.labels.indices)
  if not num_train or not num_test or not num_positives:
    raise ValueError(
      f'Expected {name} to have labelled examples to train on and to test '
      f'with, found {num_train} with {num_positives} labels and {num_test}: '
      'replace it.'
    )
  return data


def _join(arrays: Sequence[np.ndarray], dtype: type) -> np.ndarray:
  return np.concatenate(arrays) if arrays else np.zeros(0, dtype)
