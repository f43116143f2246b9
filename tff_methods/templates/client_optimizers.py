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
"""Optimizers of clients with clipped gradients, or a proximal term.

Each wraps another `tff.learning.optimizers.Optimizer`, so that it fits every
process that trains with one.
"""

import collections
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.common import argument_checks


def clip_gradients(
  optimizer: tff.learning.optimizers.Optimizer, max_norm: float
) -> tff.learning.optimizers.Optimizer:
  """Returns an optimizer that scales gradients to a largest norm.

  The norm is that of all gradients of a step together, as in
  `tf.clip_by_global_norm`.

  Args:
    optimizer: Optimizer that takes the step.
    max_norm: Largest norm, positive.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If `max_norm` is not positive and finite.
  """
  _check_optimizer(optimizer)
  argument_checks.check_positive('max_norm', max_norm)
  return _ClippedOptimizer(optimizer, max_norm)


def add_proximal_term(
  optimizer: tff.learning.optimizers.Optimizer, strength: float
) -> tff.learning.optimizers.Optimizer:
  """Returns an optimizer of the loss plus FedProx's proximal term.

  Li et al. (2020), "Federated Optimization in Heterogeneous Networks", equation
  2: the term is `strength / 2 · ||w − w_0||²`, with `w_0` the weights that a
  client receives. They are those of the first step after `initialize`, which
  local training calls in each round. The state holds a copy of them. Where a
  client trains the parameters of an update space, the term is of these. (The
  term of TFF 0.87's `build_weighted_fed_prox` has the other sign.)

  Args:
    optimizer: Optimizer that takes the step.
    strength: The paper's μ, positive.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If `strength` is not positive and finite.
  """
  _check_optimizer(optimizer)
  argument_checks.check_positive('strength', strength)
  return _ProximalOptimizer(optimizer, strength)


class _ClippedOptimizer(tff.learning.optimizers.Optimizer):
  """See `clip_gradients`."""

  def __init__(
    self, optimizer: tff.learning.optimizers.Optimizer, max_norm: float
  ):
    self._optimizer = optimizer
    self._max_norm = max_norm

  def initialize(self, specs):
    return self._optimizer.initialize(specs)

  def next(self, state, weights, gradients):
    clipped, _ = tf.clip_by_global_norm(
      tf.nest.flatten(gradients), self._max_norm
    )
    return self._optimizer.next(
      state, weights, tf.nest.pack_sequence_as(gradients, clipped)
    )

  def get_hparams(self, state):
    return self._optimizer.get_hparams(state)

  def set_hparams(self, state, hparams):
    return self._optimizer.set_hparams(state, hparams)


class _ProximalOptimizer(tff.learning.optimizers.Optimizer):
  """See `add_proximal_term`; the state holds `w_0` from the first step on."""

  def __init__(
    self, optimizer: tff.learning.optimizers.Optimizer, strength: float
  ):
    self._optimizer = optimizer
    self._strength = strength

  def initialize(self, specs):
    return collections.OrderedDict(
      optimizer=self._optimizer.initialize(specs),
      start=tf.nest.map_structure(
        lambda spec: tf.zeros(spec.shape, spec.dtype), specs
      ),
      is_first=tf.constant(True),
    )

  def next(self, state, weights, gradients):
    start = tf.nest.map_structure(
      lambda w, s: tf.where(state['is_first'], w, s), weights, state['start']
    )
    gradients = tf.nest.map_structure(self._add_term, gradients, weights, start)
    inner_state, new_weights = self._optimizer.next(
      state['optimizer'], weights, gradients
    )
    new_state = collections.OrderedDict(
      optimizer=inner_state, start=start, is_first=tf.constant(False)
    )
    return new_state, new_weights

  def get_hparams(self, state):
    return self._optimizer.get_hparams(state['optimizer'])

  def set_hparams(self, state, hparams):
    return collections.OrderedDict(
      state,
      optimizer=self._optimizer.set_hparams(state['optimizer'], hparams),
    )

  def _add_term(self, gradient: Any, weight: Any, start: Any) -> Any:
    if gradient is None:  # The loss does not depend on the weight.
      return None
    # Gradients of gathered rows are `tf.IndexedSlices`.
    gradient = tf.convert_to_tensor(gradient)
    return gradient + tf.cast(self._strength, weight.dtype) * (weight - start)


def _check_optimizer(optimizer: object) -> None:
  if not isinstance(optimizer, tff.learning.optimizers.Optimizer):
    raise TypeError(
      'Expected a tff.learning.optimizers.Optimizer, found '
      f'{type(optimizer).__name__}: make one with '
      'tff.learning.optimizers.build_sgdm.'
    )
