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
"""What clients remember of what they have not sent yet.

Kept for each tensor, as the tensor's own state: the rule that turns what the
client held back, and a new update, into what it would send if it could send
all, and then into what is left once a part of it is sent.
"""

import abc
import collections

import tensorflow as tf

FEEDBACKS = ('unsent_values', 'residual')

# All memories have it: what the client would send, if it could send all.
RESIDUAL = 'residual'

State = collections.OrderedDict[str, tf.Tensor]


class ErrorFeedback(abc.ABC):
  """A rule of what to remember, the same for all tensors."""

  @abc.abstractmethod
  def initial_state(self, spec: tf.TensorSpec) -> State:
    """Returns the state of a tensor of a client never seen: zeros."""

  @abc.abstractmethod
  def add(self, state: State, update: tf.Tensor) -> State:
    """Returns the state with a new update; `residual` in it is to be sent."""

  @abc.abstractmethod
  def remove(self, state: State, is_sent: tf.Tensor, error: tf.Tensor) -> State:
    """Returns the state once a part of `residual` has been sent.

    Args:
      state: What `add` returned.
      is_sent: `bool`, of the tensor's shape: what arrives at the server.
      error: By how much what arrives falls short of `residual`, where it does.
    """


class ResidualFeedback(ErrorFeedback):
  """Adds to each update what earlier ones left unsent.

  State: `residual`, of the tensor's shape. Jiang et al., "Deep Hierarchy
  Quantization Compression algorithm based on Dynamic Sampling" (DHQC),
  algorithm 1; Stich et al., "Sparsified SGD with Memory" (2018).

  It takes encoders that come closer to the value than nothing does, such as the
  largest values. With one that is unbiased by scaling up what it sends (a part
  of the coordinates at random) the errors that it feeds back grow.
  """

  def __init__(self, feedback: str = 'residual'):
    """Initializes the rule.

    Args:
      feedback: What is kept. `'unsent_values'`: values that decode to zero,
        which is DHQC. `'residual'`: also by how much others were
        rounded.

    Raises:
      ValueError: If `feedback` is neither.
    """
    if feedback not in FEEDBACKS:
      raise ValueError(
        f'Expected feedback to be one of {FEEDBACKS}, found {feedback!r}.'
      )
    self._keeps_error = feedback == 'residual'

  def initial_state(self, spec):
    return collections.OrderedDict(
      [(RESIDUAL, tf.zeros(spec.shape, spec.dtype))]
    )

  def add(self, state, update):
    return collections.OrderedDict([(RESIDUAL, state[RESIDUAL] + update)])

  def remove(self, state, is_sent, error):
    left = error if self._keeps_error else tf.zeros_like(error)
    return collections.OrderedDict(
      [(RESIDUAL, tf.where(is_sent, left, state[RESIDUAL]))]
    )


class MomentumCorrection(ErrorFeedback):
  """Accumulates a velocity of updates, and masks what is sent out of both.

  State: `residual` and `velocity`, of the tensor's shape. Lin et al., "Deep
  Gradient Compression" (2018): with `u` the velocity, `v` what is unsent and
  `g` the update,

    u <- momentum * u + g,  v <- v + u,

  then `u` and `v` become zero where `v` is sent (the paper's "momentum
  correction" and "momentum factor masking").
  """

  def __init__(self, momentum: float):
    """Initializes the rule.

    Args:
      momentum: In [0, 1). With 0 it is `ResidualFeedback('unsent_values')`.

    Raises:
      ValueError: If `momentum` is out of range.
    """
    if not 0.0 <= momentum < 1.0:
      raise ValueError(
        f'Expected momentum of at least 0 and below 1, found {momentum}.'
      )
    self._momentum = momentum

  def initial_state(self, spec):
    zeros = tf.zeros(spec.shape, spec.dtype)
    return collections.OrderedDict([(RESIDUAL, zeros), ('velocity', zeros)])

  def add(self, state, update):
    velocity = self._momentum * state['velocity'] + update
    return collections.OrderedDict(
      [(RESIDUAL, state[RESIDUAL] + velocity), ('velocity', velocity)]
    )

  def remove(self, state, is_sent, error):
    del error  # Momentum and what is left would not agree on it.
    return tf.nest.map_structure(
      lambda x: tf.where(is_sent, tf.zeros_like(x), x), state
    )
