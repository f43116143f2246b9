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
"""Checks of the parts of a `RowModel`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.common import argument_checks
from tff_methods.models import input_table as input_table_lib

# Names of the other parts of an update.
_RESERVED_NAMES = ('body', 'rows')


def check_parts(body: Any, rows: Any, similarity: Any, biases: Any) -> None:
  """Checks the body and the rows.

  Args:
    body: See `RowModel`, as for all arguments.
    rows: Initial rows.
    similarity: Similarity of embedding and row.
    biases: Initial biases.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If shapes do not fit together.
  """
  if not isinstance(body, tff.learning.models.FunctionalModel):
    raise TypeError(
      'Expected a tff.learning.models.FunctionalModel for the body, found '
      f'{type(body).__name__}: make one with row_model_from_keras.'
    )
  if not (similarity is None or callable(similarity)):
    raise TypeError(
      'Expected similarity to be a function of embeddings and rows, found '
      f'{type(similarity).__name__}: give DotProduct() or ScaledCosine().'
    )
  if np.ndim(rows) != 2 or 0 in np.shape(rows):
    raise ValueError(
      'Expected rows of shape [number of classes, dimension], found '
      f'{list(np.shape(rows))}: give a row for each class.'
    )
  if biases is not None and np.shape(biases) != np.shape(rows)[:1]:
    raise ValueError(
      f'Expected biases of shape [{len(rows)}], one for each row, found '
      f'{list(np.shape(biases))}: correct them, or leave them out.'
    )


def check_input_tables(
  input_tables: Mapping[str, Any], rows_embed_input: bool, input_spec: Any
) -> None:
  """Checks how the input is embedded.

  Args:
    input_tables: See `RowModel`, as for all arguments.
    rows_embed_input: True if the rows also embed the input.
    input_spec: `tf.TensorSpec`s of a batch, or `None`.

  Raises:
    TypeError: If a table is no `InputTable`.
    ValueError: If arguments do not fit together.
  """
  if rows_embed_input and input_tables:
    raise ValueError(
      'Expected no input_tables with rows_embed_input, found '
      f'{sorted(input_tables)}: the rows embed the entire input; leave one out.'
    )
  if (rows_embed_input or input_tables) and input_spec is None:
    raise ValueError(
      'Expected input_spec with rows_embed_input or input_tables, found none: '
      'give the spec of the ids that examples consist of, not of their rows.'
    )
  for name, table in input_tables.items():
    if name in _RESERVED_NAMES:
      raise ValueError(
        f'Expected names of input tables other than {_RESERVED_NAMES}, found '
        f'{name!r}: rename it.'
      )
    if not isinstance(table, input_table_lib.InputTable):
      raise TypeError(
        f'Expected an InputTable for {name!r}, found {type(table).__name__}: '
        'make one with models.InputTable(rows).'
      )
  features = [table.feature for table in input_tables.values()]
  if len(set(features)) < len(features):
    raise ValueError(
      'Expected input tables of different features, found '
      f'{dict(zip(input_tables, features, strict=True))}: give each table a '
      'feature of its own, since a table replaces the ids by its rows.'
    )


def check_num_rows(name: str, value: int, limit: int, of_what: str) -> None:
  """Checks a number of a client's rows.

  Args:
    name: Name of the number in messages.
    value: Number of rows.
    limit: Number of all rows.
    of_what: Noun of the rows in messages.

  Raises:
    TypeError: If `value` is not an int.
    ValueError: If `value` is below 1 or above `limit`.
  """
  argument_checks.check_int(name, value, minimum=1)
  if value > limit:
    raise ValueError(
      f'Expected {name} of at most {limit}, the number of {of_what}, found '
      f'{value}: lower it.'
    )


def check_specs(row_model: Any) -> None:
  """Checks that a batch of the `input_spec` can be scored.

  Args:
    row_model: The `RowModel`.

  Raises:
    TypeError: If labels or ids are not integers.
    ValueError: If embeddings do not fit the labels and rows.
  """
  x, y = input_table_lib.examples_and_labels(row_model.input_spec)
  if not isinstance(y, tf.TensorSpec) or not y.dtype.is_integer:
    raise TypeError(
      f'Expected labels to be integers, found {y}: take the argmax of one-hot '
      'labels.'
    )
  if row_model.rows_embed_input:
    _check_ids('examples of integers with rows_embed_input', x)
  for name, table in row_model.input_tables.items():
    _check_ids(f'integers for the input table {name!r}', table.ids(x))
  with tf.Graph().as_default():
    # Placeholders, since tables may be large.
    embeddings = row_model.embed(
      tf.nest.map_structure(
        lambda w: tf.compat.v1.placeholder(np.asarray(w).dtype, np.shape(w)),
        row_model.full_model().initial_weights,
      ),
      tf.nest.map_structure(
        lambda spec: tf.compat.v1.placeholder(spec.dtype, spec.shape), x
      ),
    )
  expected = [*y.shape, row_model.dimension]
  if not embeddings.shape.is_compatible_with(expected):
    raise ValueError(
      f'Expected embeddings of shape {expected}, for labels of shape '
      f'{list(y.shape)} and rows of {row_model.dimension} numbers, found '
      f'{embeddings.shape}: let the body end in as many units as rows have, '
      'and labels have a shape of [batch].'
    )


def _check_ids(expected: str, spec: Any) -> None:
  if not isinstance(spec, tf.TensorSpec) or not spec.dtype.is_integer:
    raise TypeError(
      f'Expected {expected}, found {spec}: give the input_spec of the data, '
      'with an integer dtype for ids.'
    )
