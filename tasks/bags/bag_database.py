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
"""Bags of ids in TFF's SQLite format, with a summary.

A `tf.train.Example` has the ids of a bag, `ids`, and the item to predict,
`item`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from tasks import client_database
from tasks import example_database
from tasks.bags import bag_sources

_SUMMARY_SPLIT = 'summary'
_FEATURES = {
  'ids': tf.io.RaggedFeature(tf.int64),
  'item': tf.io.FixedLenFeature((), tf.int64),
}


class Summary(NamedTuple):
  """Sizes of a data set.

  Attributes:
    num_ids: Number of ids in bags.
    item_names: Names of the items to predict.
  """

  num_ids: int
  item_names: tuple[str, ...]


def write_database(path: str, bags: bag_sources.Bags) -> None:
  """Writes the examples of clients, and the held-out ones.

  Args:
    path: Path of the new file.
    bags: The examples.
  """
  summary = _example(
    num_ids=_int64s([bags.num_ids]),
    item_names=tf.train.Feature(
      bytes_list=tf.train.BytesList(
        value=[name.encode() for name in bags.item_names]
      )
    ),
  )
  example_database.write_splits(
    path,
    {
      client_database.TRAIN_SPLIT: {
        client: map(_serialize, examples)
        for client, examples in bags.train.items()
      },
      client_database.TEST_SPLIT: {
        client_database.TEST_SPLIT: map(_serialize, bags.test)
      },
      _SUMMARY_SPLIT: {_SUMMARY_SPLIT: [summary]},
    },
  )


def load_summary(path: str) -> Summary:
  """Loads the summary that `write_database` writes."""
  (serialized,) = client_database.load_held_out(path, _SUMMARY_SPLIT)
  feature = tf.train.Example.FromString(serialized.numpy()).features.feature
  names = feature['item_names'].bytes_list.value
  return Summary(
    feature['num_ids'].int64_list.value[0],
    tuple(name.decode() for name in names),
  )


def parse_examples(serialized: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
  """Parses a batch of examples.

  Args:
    serialized: `string[batch]`.

  Returns:
    Ids, int64 `[batch, (any number)]`, and items, int64 `[batch]`.
  """
  parsed = tf.io.parse_example(serialized, _FEATURES)
  return parsed['ids'], parsed['item']


def _serialize(example: bag_sources.Example) -> bytes:
  ids, item = example
  return _example(ids=_int64s(ids), item=_int64s([item]))


def _example(**features: tf.train.Feature) -> bytes:
  return tf.train.Example(
    features=tf.train.Features(feature=features)
  ).SerializeToString(deterministic=True)


def _int64s(values: Sequence[int]) -> tf.train.Feature:
  return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
