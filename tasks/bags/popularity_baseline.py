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
"""Popularity baseline: ranks items by training frequency, ignoring the bag."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks.bags import bag_models

_METRICS = ('recall_at_5', 'recall_at_10', 'recall_at_50', 'ndcg_at_50')


def metrics(
  train: Iterable[tuple[Any, tf.Tensor]],
  test: Iterable[tuple[Any, tf.Tensor]],
  num_items: int,
  *,
  is_item: bool,
) -> dict[str, float]:
  """Returns the metrics of a ranking of items by their training examples.

  Args:
    train: Batches of the training clients.
    test: Batches of test data.
    num_items: Number of items.
    is_item: If true, ids are items, and those of a bag are ranked last.
  """
  counts = np.zeros(num_items, np.int64)
  for _, items in train:
    counts += np.bincount(items, minlength=num_items)
  # Ties are ranked by item id.
  rank = np.argsort(np.argsort(-counts, kind='stable')).astype(np.float32)
  initialize, update, finalize = bag_models.ranking_metrics_fns()
  state = initialize()
  for x, items in test:
    scores = tf.tile(-rank[np.newaxis], [len(items), 1])
    if is_item:
      scores = bag_models.exclude_bags(scores, x['ids'])
    output = tff.learning.models.BatchOutput(
      loss=None, predictions=scores, num_examples=len(items)
    )
    state = update(state, items, output)
  found = finalize(state)
  return {f'popularity_{name}': float(found[name]) for name in _METRICS}
