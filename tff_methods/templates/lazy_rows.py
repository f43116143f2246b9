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
"""Server optimizers that step only the rows that clients sent."""

import collections
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff


class LazyRowsOptimizer(tff.learning.optimizers.Optimizer):
  """Optimizer that leaves rows without an update as they are.

  Momentum and adaptive optimizers keep moving a row after the round of its last
  update. Here a row whose mean update is all zeros keeps its weights and its
  moments, as with PyTorch's `SparseAdam`. The number of steps, by which Adam
  corrects its bias, is that of all rounds.

  Rows are the first dimension of the last tensors, the tables; other tensors
  are stepped by the optimizer as they are.
  """

  def __init__(
    self, optimizer: tff.learning.optimizers.Optimizer, num_tables: int
  ):
    """Initializes the optimizer.

    Args:
      optimizer: Optimizer of all weights. Its state, of mappings, consists of
        scalars and of moments: tensors of the shapes of the weights.
      num_tables: Number of tables, the last of the weights.
    """
    self._optimizer = optimizer
    self._num_tables = num_tables

  def initialize(self, specs: Any) -> Any:
    """See `tff.learning.optimizers.Optimizer`."""
    return self._optimizer.initialize(specs)

  def next(self, state: Any, weights: Any, gradients: Any) -> tuple[Any, Any]:
    """See `tff.learning.optimizers.Optimizer`.

    Raises:
      TypeError: If the state has tensors that are no moments.
    """
    next_state, next_weights = self._optimizer.next(state, weights, gradients)
    num_tensors = len(tf.nest.flatten(weights))
    is_stepped = [
      tf.reduce_any(tf.not_equal(gradient, 0), axis=1, keepdims=True)
      if i >= num_tensors - self._num_tables
      else True
      for i, gradient in enumerate(tf.nest.flatten(gradients))
    ]

    def choose(new, old):
      """Returns a structure like the weights, with its rows of either."""
      return tf.nest.pack_sequence_as(
        new,
        [
          tf.where(stepped, x, y)
          for stepped, x, y in zip(
            is_stepped, tf.nest.flatten(new), tf.nest.flatten(old), strict=True
          )
        ],
      )

    return (
      _choose_moments(next_state, state, weights, choose),
      choose(next_weights, weights),
    )

  def get_hparams(self, state: Any) -> Any:
    """See `tff.learning.optimizers.Optimizer`."""
    return self._optimizer.get_hparams(state)

  def set_hparams(self, state: Any, hparams: Any) -> Any:
    """See `tff.learning.optimizers.Optimizer`."""
    return self._optimizer.set_hparams(state, hparams)


def _choose_moments(
  new: Any, old: Any, weights: Any, choose: Callable[[Any, Any], Any]
) -> Any:
  """Returns a state of new scalars, and of moments as `choose` returns them."""
  if _is_like(new, weights):
    return choose(new, old)
  if isinstance(new, Mapping):
    return collections.OrderedDict(
      (name, _choose_moments(value, old[name], weights, choose))
      for name, value in new.items()
    )
  if any(tf.convert_to_tensor(x).shape.rank for x in tf.nest.flatten(new)):
    raise TypeError(
      'Expected a server optimizer whose state has scalars and moments of the '
      f"weights' shapes with lazy_rows, found {new}: use SGD, Adam, Adagrad, "
      'RMSprop or Yogi of tff.learning.optimizers, or leave lazy_rows out.'
    )
  return new


def _is_like(value: Any, weights: Any) -> bool:
  """Returns true for tensors of the shapes of the weights, in their order."""
  leaves, tensors = tf.nest.flatten(value), tf.nest.flatten(weights)
  return len(leaves) == len(tensors) and all(
    tf.is_tensor(x) and x.shape == y.shape
    for x, y in zip(leaves, tensors, strict=True)
  )
