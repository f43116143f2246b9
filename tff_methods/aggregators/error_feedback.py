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
"""Error feedback: rules of the state that clients keep between rounds.

A rule is applied to each tensor, with a state of its own. It adds a new update
to the residual, the part of earlier updates that the client has not sent yet,
and subtracts the part of the residual that is sent.
"""

import abc
import collections

import tensorflow as tf

from tff_methods import options as options_lib
from tff_methods.common import argument_checks

# Part of the state under all rules: the tensor that the client would send
# without compression.
RESIDUAL = 'residual'

State = collections.OrderedDict[str, tf.Tensor]


class ErrorFeedback(abc.ABC):
  """Interface of error feedback rules."""

  @abc.abstractmethod
  def initial_state(self, spec: tf.TensorSpec) -> State:
    """Returns the state before a client's first round: zeros."""

  @abc.abstractmethod
  def add(self, state: State, update: tf.Tensor) -> State:
    """Adds an update to the state.

    Args:
      state: State of the tensor.
      update: New update of the tensor.

    Returns:
      The next state, whose `residual` is to be sent.
    """

  @abc.abstractmethod
  def remove(self, state: State, is_sent: tf.Tensor, error: tf.Tensor) -> State:
    """Removes the sent part of the residual from the state.

    Args:
      state: Result of `add`.
      is_sent: `bool`, of the tensor's shape: true for values that the server
        receives.
      error: `residual` minus the received value, where `is_sent`.

    Returns:
      The state that the client keeps.
    """


class ResidualFeedback(ErrorFeedback):
  """Adds the residual of earlier updates to each update.

  State: `residual`, of the tensor's shape. Jiang et al., "Deep Hierarchy
  Quantization Compression algorithm based on Dynamic Sampling" (DHQC),
  algorithm 1; Stich et al., "Sparsified SGD with Memory" (2018).

  Requires a contractive compressor: ‖x − C(x)‖ < ‖x‖, such as top-k. With a
  compressor that is unbiased because it scales up the values it sends (such as
  a random subset of the coordinates), the errors that it feeds back grow.
  Top-k with `HierarchicalQuantizationStage` is contractive for updates whose
  sent values are of similar size, not where one is far larger than the others
  (`docs/methods/dhqc.md`, "Algorithm").
  """

  def __init__(self, feedback: str = 'residual'):
    """Initializes the rule.

    Args:
      feedback: Part of the update that a client keeps. `'unsent_values'`: the
        values that decode to zero, as in DHQC. `'residual'`: also the
        quantization error of the other values.

    Raises:
      ValueError: If `feedback` is not in `options.FEEDBACKS`.
    """
    argument_checks.check_choice('feedback', feedback, options_lib.FEEDBACKS)
    self._keeps_error = feedback == 'residual'

  def initial_state(self, spec: tf.TensorSpec) -> State:
    """Returns a residual of zeros."""
    return collections.OrderedDict(
      [(RESIDUAL, tf.zeros(spec.shape, spec.dtype))]
    )

  def add(self, state: State, update: tf.Tensor) -> State:
    """Adds the update to the residual."""
    return collections.OrderedDict([(RESIDUAL, state[RESIDUAL] + update)])

  def remove(self, state: State, is_sent: tf.Tensor, error: tf.Tensor) -> State:
    """Sets the residual of sent values to their error, or to zero."""
    rest = error if self._keeps_error else tf.zeros([], error.dtype)
    return collections.OrderedDict(
      [(RESIDUAL, tf.where(is_sent, rest, state[RESIDUAL]))]
    )


class MomentumCorrection(ErrorFeedback):
  """Accumulates the velocity of updates; masks sent values out of the state.

  State: `residual` and `velocity`, of the tensor's shape. Lin et al., "Deep
  Gradient Compression" (2018): with `u` the velocity, `v` the residual and `g`
  the update,

    u <- momentum * u + g,  v <- v + u,

  then `u` and `v` are set to zero where `v` is sent (the paper's "momentum
  correction" and "momentum factor masking"). With Nesterov momentum, the second
  step is `v <- v + momentum * u + g`.
  """

  def __init__(self, momentum: float, nesterov: bool = False):
    """Initializes the rule.

    Args:
      momentum: Momentum of the velocity, in [0, 1). With 0 it is
        `ResidualFeedback('unsent_values')`.
      nesterov: If true, uses Nesterov momentum.

    Raises:
      TypeError: If `momentum` is not a number, or `nesterov` not a bool.
      ValueError: If `momentum` is out of range.
    """
    self._momentum = argument_checks.check_momentum(momentum)
    self._nesterov = argument_checks.check_bool('nesterov', nesterov)

  def initial_state(self, spec: tf.TensorSpec) -> State:
    """Returns a residual and a velocity of zeros."""
    zeros = tf.zeros(spec.shape, spec.dtype)
    return collections.OrderedDict([(RESIDUAL, zeros), ('velocity', zeros)])

  def add(self, state: State, update: tf.Tensor) -> State:
    """Updates the velocity, and adds it to the residual."""
    velocity = self._momentum * state['velocity'] + update
    step = self._momentum * velocity + update if self._nesterov else velocity
    return collections.OrderedDict(
      [(RESIDUAL, state[RESIDUAL] + step), ('velocity', velocity)]
    )

  def remove(self, state: State, is_sent: tf.Tensor, error: tf.Tensor) -> State:
    """Sets residual and velocity of sent values to zero."""
    del error  # The velocity would not account for it.
    return tf.nest.map_structure(
      lambda x: tf.where(is_sent, tf.zeros([], x.dtype), x), state
    )
