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
"""Number of rows that clients need, to choose how many they receive."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from tff_methods import models


def largest_number_of_rows(
  row_model: models.RowModel, client_data: Iterable[tf.data.Dataset]
) -> dict[str, int]:
  """Returns the rows that the data of a client need, for the neediest client.

  With as many rows of each table no example is excluded, and no id is embedded
  as zeros. Of the output, clients of FedSS also need room for negatives: take
  several times as many.

  Args:
    row_model: Model of the server.
    client_data: Batches of each client, of all clients or of a sample.

  Returns:
    The number by table: the names of the input tables, and `'rows'`.

  Raises:
    ValueError: If an id or a label has no row in its table.
  """
  largest = dict.fromkeys(row_model.table_shapes, 0)
  for dataset in client_data:
    found = {name: set() for name in largest}
    for batch in dataset:
      for keys, of_table in zip(
        row_model.keys_in(batch), found.values(), strict=True
      ):
        of_table.update(np.unique(keys).tolist())
    _check_range(found, row_model)
    largest = {
      name: max(number, len(found[name])) for name, number in largest.items()
    }
  return largest


def _check_range(
  found: dict[str, set[int]], row_model: models.RowModel
) -> None:
  for name, (num_rows, _) in row_model.table_shapes.items():
    outside = sorted(x for x in found[name] if not 0 <= x < num_rows)
    if outside:
      raise ValueError(
        f'Expected keys of at least 0 and below {num_rows}, the rows of the '
        f'table {name!r}, found {outside[:5]}: leave such examples out, or '
        'make the table larger.'
      )
