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
"""Multi-label examples in TFF's SQLite format, with a summary.

Examples are stored sparse: a `tf.train.Example` has the features `indices`,
`values` and `labels`, each a list.
"""

from collections.abc import Iterator, Sequence
import dataclasses

import numpy as np
import tensorflow as tf

from tasks import client_database
from tasks import example_database
from tasks.many_labels import multi_label_source

_SUMMARY_SPLIT = 'summary'
_FEATURES = {
  'indices': tf.io.RaggedFeature(tf.int64),
  'values': tf.io.RaggedFeature(tf.float32),
  'labels': tf.io.RaggedFeature(tf.int64),
}


@dataclasses.dataclass(frozen=True)
class Summary:
  """Sizes and label counts of a data set.

  Attributes:
    num_features: Number of features.
    num_examples: Number of distinct training examples.
    max_labels: Largest number of labels of an example, at least 1.
    label_counts: int64 `[num_labels]`, number of training examples of each
      label.
  """

  num_features: int
  num_examples: int
  max_labels: int
  label_counts: np.ndarray


def write_database(
  path: str,
  data: multi_label_source.MultiLabelData,
  partition: Sequence[np.ndarray],
) -> None:
  """Writes examples of clients, whose ids are their indices in the partition.

  Args:
    path: Path of the new file.
    data: The examples.
    partition: For each client the indices of its training examples.
  """
  width = len(str(len(partition) - 1))
  test_rows = np.arange(len(data.test.labels))
  example_database.write_splits(
    path,
    {
      client_database.TRAIN_SPLIT: {
        f'{i:0{width}}': _serialize(data.train, rows)
        for i, rows in enumerate(partition)
      },
      client_database.TEST_SPLIT: {
        client_database.TEST_SPLIT: _serialize(data.test, test_rows)
      },
      _SUMMARY_SPLIT: {_SUMMARY_SPLIT: [_serialize_summary(data)]},
    },
  )


def load_summary(path: str) -> Summary:
  """Loads the summary that `write_database` writes."""
  (serialized,) = client_database.load_held_out(path, _SUMMARY_SPLIT)
  feature = tf.train.Example.FromString(serialized.numpy()).features.feature
  values = {name: feature[name].int64_list.value for name in feature}
  return Summary(
    num_features=values['num_features'][0],
    num_examples=values['num_examples'][0],
    max_labels=values['max_labels'][0],
    label_counts=np.array(values['label_counts'], np.int64),
  )


def parse_examples(
  serialized: tf.Tensor,
) -> tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]:
  """Parses a batch of examples.

  Args:
    serialized: `string[batch]`.

  Returns:
    Features, int64, their values, float32, of the same shape, and labels,
    int64; all `[batch, (any number)]`.
  """
  parsed = tf.io.parse_example(serialized, _FEATURES)
  return parsed['indices'], parsed['values'], parsed['labels']


def _serialize(
  examples: multi_label_source.MultiLabelExamples, rows: np.ndarray
) -> Iterator[bytes]:
  features, labels = examples.features, examples.labels
  values = features.values
  if values is None:
    values = np.ones(len(features.indices), np.float32)
  for row in rows:
    of_features = slice(features.indptr[row], features.indptr[row + 1])
    of_labels = slice(labels.indptr[row], labels.indptr[row + 1])
    floats = tf.train.FloatList(value=values[of_features])
    yield _example(
      indices=_int64s(features.indices[of_features]),
      values=tf.train.Feature(float_list=floats),
      labels=_int64s(labels.indices[of_labels]),
    )


def _serialize_summary(data: multi_label_source.MultiLabelData) -> bytes:
  labels = data.train.labels
  lengths = [np.diff(e.labels.indptr).max() for e in (data.train, data.test)]
  counts = np.bincount(labels.indices, minlength=data.num_labels)
  return _example(
    num_features=_int64s([data.num_features]),
    num_examples=_int64s([len(labels)]),
    max_labels=_int64s([max(1, *lengths)]),
    label_counts=_int64s(counts),
  )


def _example(**features: tf.train.Feature) -> bytes:
  return tf.train.Example(
    features=tf.train.Features(feature=features)
  ).SerializeToString(deterministic=True)


def _int64s(values: Sequence[int] | np.ndarray) -> tf.train.Feature:
  return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
