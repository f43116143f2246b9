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
"""Examples of a folder, grouped by client, and their split for testing."""

from collections.abc import Callable, Iterable, Sequence
import dataclasses

from absl import logging
import numpy as np

from tasks.folder import client_files
from tasks.folder import labels as labels_lib
from tasks.folder import schema as schema_lib
from tasks.folder import tables

_Reader = Callable[[str, schema_lib.Schema], Iterable[tables.Table]]


@dataclasses.dataclass(frozen=True)
class Examples:
  """All examples of a folder.

  Attributes:
    features: For each feature its values, `[num_examples, *shape]`.
    labels: Labels of the examples.
    clients: For each client the indices of its examples, at least one.
  """

  features: dict[str, np.ndarray]
  labels: labels_lib.Labels
  clients: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Split:
  """Indices of examples.

  Attributes:
    train: Those of each training client, at least one.
    test: Held-out ones.
  """

  train: dict[str, np.ndarray]
  test: np.ndarray


def read_examples(
  data_dir: str,
  paths: Sequence[str],
  schema: schema_lib.Schema,
  read_tables: _Reader,
) -> Examples:
  """Reads the files of a folder.

  Args:
    data_dir: The folder.
    paths: Paths of its files.
    schema: Its schema.
    read_tables: Reader of a file, see `file_readers.read_tables`.

  Returns:
    The examples. Clients without any are left out, with a warning.

  Raises:
    ValueError: If a file is damaged, or a value is not that of the schema, or
      there are no examples.
  """
  features: dict[str, list[np.ndarray]] = {f.name: [] for f in schema.features}
  labels: list[np.ndarray] = []
  ids = _ClientIds()
  empty = []
  for path in paths:
    num_before = ids.num_examples
    for table in read_tables(path, schema):
      if not table.num_rows:
        continue
      for feature in schema.features:
        features[feature.name].append(tables.to_tensor(table, feature))
      labels.append(labels_lib.read_labels(table, schema))
      if schema.client is None:
        ids.add_client(client_files.client_id(data_dir, path), table.num_rows)
      else:
        ids.add_ids(tables.to_text(table, schema.client))
    if ids.num_examples == num_before:
      empty.append(path)
  if not labels:
    raise ValueError(
      f'Expected examples in the files of {data_dir}, found none: add rows, or '
      f'correct `files` in {schema.path}.'
    )
  if empty:
    logging.warning(
      'Left out %d files without examples: %s.',
      len(empty),
      client_files.list_briefly(empty),
    )
  return Examples(
    {name: np.concatenate(parts) for name, parts in features.items()},
    labels_lib.finish(labels, schema),
    ids.group(),
  )


def split_examples(
  examples: Examples, split: str, test_fraction: float, seed: int
) -> Split:
  """Holds out examples for testing.

  Args:
    examples: All examples.
    split: `'example'` holds out examples of each client: the fraction of them,
      rounded at random, but never all. `'client'` holds out entire clients.
    test_fraction: Fraction that is held out, above 0 and below 1.
    seed: Seed of the choices.

  Raises:
    ValueError: If nothing could be held out.
  """
  rng = np.random.default_rng(seed)
  if split == 'client':
    return _split_clients(examples, test_fraction, rng)
  train, test = {}, []
  for client, indices in examples.clients.items():
    size = len(indices)
    num_test = min(int(size * test_fraction + rng.random()), size - 1)
    shuffled = rng.permutation(indices)
    test.append(np.sort(shuffled[:num_test]))
    train[client] = np.sort(shuffled[num_test:])
  held_out = np.concatenate(test)
  if not len(held_out):
    raise ValueError(
      f'Expected to hold out {test_fraction:g} of the examples of each client, '
      f'found none to hold out among {len(train)} clients: raise '
      '`test_fraction`, or choose split "client".'
    )
  return Split(train, held_out)


def _split_clients(examples, test_fraction, rng) -> Split:
  names = list(examples.clients)
  if len(names) < 2:
    raise ValueError(
      'Expected at least two clients to hold out one, found one: choose split '
      '"example".'
    )
  num_test = min(max(round(len(names) * test_fraction), 1), len(names) - 1)
  held_out = set(rng.permutation(len(names))[:num_test].tolist())
  return Split(
    {n: examples.clients[n] for i, n in enumerate(names) if i not in held_out},
    np.concatenate([examples.clients[names[i]] for i in sorted(held_out)]),
  )


class _ClientIds:
  """Clients of examples, in the order that they are read in."""

  def __init__(self) -> None:
    self._numbers: dict[str, int] = {}
    self._parts: list[np.ndarray] = []
    self.num_examples = 0

  def add_client(self, client: str, num_examples: int) -> None:
    """Adds examples of one client."""
    number = self._numbers.setdefault(client, len(self._numbers))
    self._add(np.full(num_examples, number))

  def add_ids(self, clients: Sequence[str]) -> None:
    """Adds an example for each id."""
    numbers = self._numbers
    self._add(np.array([numbers.setdefault(c, len(numbers)) for c in clients]))

  def group(self) -> dict[str, np.ndarray]:
    """Returns the indices of each client's examples, by sorted id."""
    of_example = np.concatenate(self._parts)
    order = np.argsort(of_example, kind='stable')
    sizes = np.bincount(of_example, minlength=len(self._numbers))
    groups = np.split(order, np.cumsum(sizes)[:-1])
    return {c: groups[n] for c, n in sorted(self._numbers.items())}

  def _add(self, numbers: np.ndarray) -> None:
    self._parts.append(numbers)
    self.num_examples += len(numbers)
