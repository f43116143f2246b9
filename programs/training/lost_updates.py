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
"""Updates of clients that do not count, since they have NaN or Inf.

TFF gives such an update a weight of zero, and leaves its batches out of the
round's metrics. So no client has to send a count: batches that are missing in
the metrics are those of such clients. `num_batches` is among the metrics of
Keras models; without it, only rounds that lose all updates are found.
"""

from collections.abc import Callable, Mapping, Sequence
import functools
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.training import round_metrics

_REMEDY = 'Lower --client_learning_rate, or look at the data.'


class LostUpdates(NamedTuple):
  """Clients of a round whose updates do not count.

  Attributes:
    num_clients: Number of clients of the round.
    at_least: Lower bound of their number. Both bounds are the number itself
      where clients have about as many batches.
    at_most: Upper bound of their number.
    is_rejected: True if the aggregated update has NaN or Inf, and is dropped.
  """

  num_clients: int = 0
  at_least: int = 0
  at_most: int = 0
  is_rejected: bool = False

  @property
  def is_all(self) -> bool:
    """True if the round changes nothing."""
    return self.is_rejected or 0 < self.num_clients == self.at_least

  def describe(self) -> str:
    """Returns a warning in one line, with the remedy."""
    if self.is_rejected:
      return (
        f'changed nothing: the mean of the updates had NaN or Inf. {_REMEDY}'
      )
    if self.is_all:
      return (
        f'changed nothing: the updates of all {self.num_clients} clients had '
        f'NaN or Inf, or they had no examples. {_REMEDY}'
      )
    number = f'at least {self.at_least}'
    if self.at_least == self.at_most:
      number = f'{self.at_least}'
    return (
      f'lost the updates of {number} of {self.num_clients} clients, which had '
      f'NaN or Inf. {_REMEDY}'
    )


def find(
  metrics: Mapping[str, Any],
  client_ids: Sequence[str],
  count_batches: Callable[[str], int],
) -> LostUpdates:
  """Returns the lost updates of a round.

  Args:
    metrics: Metrics of `next`.
    client_ids: Clients of the round.
    count_batches: Function from a client id to the number of its batches.
  """
  flat = round_metrics.flatten(metrics)
  at_least = at_most = 0
  if 'train/num_batches' in flat:
    sizes = [count_batches(client_id) for client_id in client_ids]
    missing = sum(sizes) - int(flat['train/num_batches'])
    at_least, at_most = _bounds(missing, sizes)
  names = ('train/num_batches', 'train/num_examples')
  if any(flat.get(name, 1) == 0 for name in names):
    at_least = at_most = len(client_ids)
  return LostUpdates(
    len(client_ids),
    at_least,
    at_most,
    any(
      name.startswith('finalizer/') and name.endswith('update_non_finite') and x
      for name, x in flat.items()
    ),
  )


def _bounds(missing: int, sizes: Sequence[int]) -> tuple[int, int]:
  """Returns bounds of how many of the sizes have the sum `missing`."""
  if missing <= 0:
    return 0, 0
  ascending = np.sort([size for size in sizes if size])
  at_least = np.searchsorted(np.cumsum(ascending[::-1]), missing) + 1
  at_most = np.searchsorted(np.cumsum(ascending), missing, side='right')
  return int(at_least), int(max(at_least, at_most))


def build_count_batches(
  client_data: tff.simulation.datasets.ClientData,
) -> Callable[[str], int]:
  """Builds the function from a client id to the number of its batches.

  It reads a client's data once, in this process.

  Args:
    client_data: Preprocessed data of the clients.
  """

  @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
  def count(client_id):
    dataset = client_data.serializable_dataset_fn(client_id)
    return dataset.reduce(tf.constant(0, tf.int64), lambda n, _: n + 1)

  return functools.cache(lambda client_id: int(count(client_id)))
