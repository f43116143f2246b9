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
"""Tables of rows that embed a part of a model's input, by ids."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tff_methods.models import candidates as candidates_lib


@dataclasses.dataclass(frozen=True, eq=False)
class InputTable:
  """Table with a row for each id of the input, such as words or items.

  The body of the model receives rows in the place of ids: `float32[batch, ...,
  d]` for `int[batch, ...]`. Negative ids are padding. They, and on a client ids
  whose row it does not have, are embedded as zeros.

  Attributes:
    rows: `float32[n, d]`, the initial rows.
    feature: Name of the ids in inputs that are mappings; `None` if the ids are
      the entire input.

  Raises:
    ValueError: If `rows` is not a matrix.
  """

  rows: np.ndarray
  feature: str | None = None

  def __post_init__(self) -> None:
    rows = np.asarray(self.rows, np.float32)
    if rows.ndim != 2 or 0 in rows.shape:
      raise ValueError(
        'Expected rows of an input table of shape [number of ids, dimension], '
        f'found {list(rows.shape)}: give a row for each id.'
      )
    object.__setattr__(self, 'rows', rows)

  def ids(self, x: Any) -> Any:
    """Returns the ids of an input, or their spec, of that of an input.

    Args:
      x: Examples of a batch, or their `tf.TensorSpec`s.

    Raises:
      TypeError: If the input has no such feature, or has features and the table
        names none.
    """
    if self.feature is None:
      if isinstance(x, Mapping):
        raise TypeError(
          'Expected ids as the entire input of an input table, found features '
          f'{sorted(x)}: give the table the name of its feature.'
        )
      return x
    if not isinstance(x, Mapping) or self.feature not in x:
      raise TypeError(
        f'Expected an input with a feature {self.feature!r}, found {x}: '
        'correct the name of the feature.'
      )
    return x[self.feature]

  def replace_ids(self, x: Any, value: Any) -> Any:
    """Returns the input with a value in the place of the ids."""
    if self.feature is None:
      return value
    return {**x, self.feature: value}

  def embed(
    self, x: Any, rows: tf.Tensor, candidates: candidates_lib.Candidates
  ) -> Any:
    """Returns the input with rows in the place of ids.

    Args:
      x: Examples of a batch.
      rows: `float32[k, d]`.
      candidates: The `k` candidates of these rows.
    """
    return self.replace_ids(
      x, embed_ids(rows, candidates, self.ids(x), gather=_gather)
    )

  def keys_in(self, x: Any) -> tf.Tensor:
    """Returns the ids whose rows a batch needs, `int64[?]`, not distinct."""
    ids = tf.cast(tf.reshape(self.ids(x), [-1]), tf.int64)
    return tf.boolean_mask(ids, ids >= 0)


def embed_ids(
  rows: tf.Tensor,
  candidates: candidates_lib.Candidates,
  ids: tf.Tensor,
  *,
  gather: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = tf.gather,
) -> tf.Tensor:
  """Returns the rows of ids; zeros for ids that are not candidates.

  Args:
    rows: `float32[k, d]`.
    candidates: The `k` candidates of these rows.
    ids: `int[...]`.
    gather: Function from `rows` and positions to the rows there.

  Returns:
    `float32[..., d]`.
  """
  positions, is_candidate = candidates.positions(ids)
  # Zeros are better than the row of another id.
  return tf.where(is_candidate[..., tf.newaxis], gather(rows, positions), 0.0)


@tf.custom_gradient
def _gather(rows: tf.Tensor, positions: tf.Tensor):
  """`tf.gather` with a dense gradient of the static shape of `rows`.

  TFF's training loop needs that shape. Where rows are used elsewhere, too, the
  sum of the gradients has it.
  """

  def gradient(upstream):
    num_rows, size = rows.shape
    return tf.math.unsorted_segment_sum(
      tf.reshape(upstream, [-1, size]), tf.reshape(positions, [-1]), num_rows
    ), None

  return tf.gather(rows, positions), gradient


def examples_and_labels(batch: Any) -> tuple[Any, Any]:
  """Returns `(x, y)` of a batch or its spec, in either form that TFF takes.

  Args:
    batch: A pair, or a mapping with the keys `x` and `y`.

  Raises:
    TypeError: If a batch has other parts, such as weights of examples.
  """
  if isinstance(batch, Mapping):
    found = sorted(map(str, batch))
    if found == ['x', 'y']:
      return batch['x'], batch['y']
  elif isinstance(batch, Sequence):
    if len(batch) == 2:
      return batch[0], batch[1]
    found = f'{len(batch)} parts'
  else:
    found = type(batch).__name__
  raise TypeError(
    f"Expected batches of (x, y), or with 'x' and 'y' alone, found {found}: "
    'leave the rest out, such as sample_weight, since all examples of a client '
    'weigh the same.'
  )
