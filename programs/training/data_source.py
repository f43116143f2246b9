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
"""Clients of each round, as a data source of federated programs."""

from collections.abc import Sequence
import copy
import json
import secrets
from typing import Any

import numpy as np
import tensorflow_federated as tff

from programs.training import sampling

_SECRET_BITS = 128


class SampledClientsIterator(tff.program.FederatedDataSourceIterator):
  """Iterator of `SampledClientsDataSource`.

  Its bytes have the client ids, the seed and the number of selections, so a
  program state with it resumes with the same clients.
  """

  def __init__(
    self, client_ids: Sequence[str], seed: int | None, num_selected: int = 0
  ):
    """Initializes the iterator.

    Args:
      client_ids: Ids of all clients; their order does not matter.
      seed: Non-negative integer; `None` for a secret that its bytes lack.
      num_selected: Number of selections so far.
    """
    self._population = np.array(sorted(client_ids))
    self._seed = seed
    self._drawn_seed = secrets.randbits(_SECRET_BITS) if seed is None else seed
    self._num_selected = num_selected

  @property
  def federated_type(self) -> tff.FederatedType:
    """`{str}@CLIENTS`."""
    return tff.FederatedType(np.str_, tff.CLIENTS)

  def select(self, k: int | None = None) -> list[str]:
    """Returns the ids of the clients of the next round.

    Args:
      k: Number of clients.

    Raises:
      ValueError: If `k` is not between 1 and the number of clients.
    """
    if k is None or not 0 < k <= len(self._population):
      raise ValueError(
        f'Expected from 1 to {len(self._population)} clients to select, the '
        f'number of clients, found {k}: give a number of them.'
      )
    self._num_selected += 1
    return sampling.sample(
      self._population, k, self._drawn_seed, self._num_selected
    )

  @classmethod
  def from_bytes(cls, buffer: bytes) -> 'SampledClientsIterator':
    """Deserializes an iterator; one without a seed draws a new secret."""
    return cls(**json.loads(buffer))

  def to_bytes(self) -> bytes:
    """Serializes the iterator."""
    return json.dumps(
      {
        'client_ids': self._population.tolist(),
        'seed': self._seed,
        'num_selected': self._num_selected,
      }
    ).encode()

  def __deepcopy__(self, memo: dict[int, Any]) -> 'SampledClientsIterator':
    del memo  # The ids never change.
    copied = type(self).__new__(type(self))
    copied.__dict__.update(self.__dict__)
    return copied

  def __eq__(self, other: object) -> bool:
    if not isinstance(other, SampledClientsIterator):
      return NotImplemented
    return self.to_bytes() == other.to_bytes() and (
      self._drawn_seed == other._drawn_seed
    )

  __hash__ = None  # Mutable.


class SampledClientsDataSource(tff.program.FederatedDataSource):
  """Client ids, sampled uniformly without replacement in each round.

  `tff.program.ClientIdDataSource` draws from Python's global generator. Here
  the clients of the n-th selection follow from the seed and n alone, so a
  resumed program selects the clients of an uninterrupted one.
  """

  def __init__(self, client_ids: Sequence[str], seed: int | None):
    """Initializes the data source.

    Args:
      client_ids: Ids of all clients; their order does not matter.
      seed: Non-negative integer; `None` for a secret of each iterator, which is
        not saved: guarantees of privacy rest on cohorts that nobody knows.

    Raises:
      ValueError: If there are no clients.
    """
    if not client_ids:
      raise ValueError('Expected client ids, found none: give some.')
    self._client_ids = list(client_ids)
    self._seed = seed

  @property
  def federated_type(self) -> tff.FederatedType:
    """`{str}@CLIENTS`."""
    return tff.FederatedType(np.str_, tff.CLIENTS)

  def iterator(self) -> SampledClientsIterator:
    """Returns an iterator before the first selection."""
    return SampledClientsIterator(self._client_ids, self._seed)


def copy_iterator(
  iterator: tff.program.FederatedDataSourceIterator,
) -> tff.program.FederatedDataSourceIterator:
  """Returns a copy, whose selections do not advance the iterator itself."""
  try:
    return copy.deepcopy(iterator)
  except TypeError:
    # Data sets cannot be copied, such as those of TFF's
    # `DatasetDataSourceIterator`, which no selection changes.
    return copy.copy(iterator)
