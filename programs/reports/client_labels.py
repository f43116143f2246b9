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
"""Labels of the clients' examples, sparse."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from programs.reports import progress
import tasks
from tff_methods import label_hashing


class Positives(NamedTuple):
  """Positive labels of examples; one entry for each of them.

  Attributes:
    num_examples: Number of examples, those without labels included.
    examples: `int64[entries]`, index of the example.
    labels: `int64[entries]`, its label.
  """

  num_examples: int
  examples: np.ndarray
  labels: np.ndarray

  def counts(self, num_labels: int) -> np.ndarray:
    """Returns `int64[num_labels]`, the number of examples of each label."""
    return np.bincount(self.labels, minlength=num_labels)

  def bucket_counts(self, buckets: np.ndarray, num_buckets: int) -> np.ndarray:
    """Returns `int64[num_buckets]`, the number of examples of each bucket.

    The label of a bucket is the union of those of its classes: an example with
    several of them counts once, as in training.

    Args:
      buckets: `int[num_labels]`, bucket of each label.
      num_buckets: Number of buckets.
    """
    codes = self.examples * num_buckets + buckets[self.labels]
    return np.bincount(np.unique(codes) % num_buckets, minlength=num_buckets)


def from_batches(batches: Iterable[np.ndarray]) -> Positives:
  """Collects the labels of batches.

  Args:
    batches: `int[batch, L]`, labels of examples, padded with `PADDING`.

  Returns:
    The positives, with examples numbered in order.
  """
  examples, labels, num_examples = [], [], 0
  for batch in batches:
    rows, columns = np.nonzero(batch != label_hashing.PADDING)
    examples.append(num_examples + rows)
    labels.append(batch[rows, columns].astype(np.int64))
    num_examples += len(batch)
  if not examples:
    return Positives(0, np.zeros(0, np.int64), np.zeros(0, np.int64))
  return Positives(
    num_examples, np.concatenate(examples), np.concatenate(labels)
  )


def read(task: tasks.MultiLabelTask) -> list[Positives]:
  """Reads the labels of each client's training examples.

  Args:
    task: The task. An example that is on several clients is read from each.

  Returns:
    The positives of each client.
  """
  data = task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)
  return [
    from_batches(
      labels.numpy()
      for _, labels in data.create_tf_dataset_for_client(client_id)
    )
    for client_id in progress.track(data.client_ids, 'Reading labels')
  ]


def join(clients: Iterable[Positives]) -> Positives:
  """Joins the examples of several clients."""
  examples, labels, num_examples = [], [], 0
  for client in clients:
    examples.append(num_examples + client.examples)
    labels.append(client.labels)
    num_examples += client.num_examples
  return Positives(
    num_examples, np.concatenate(examples), np.concatenate(labels)
  )
