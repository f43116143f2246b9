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
"""Stacked networks: one architecture, with separate weights for each network.

The weights of each layer are stacked in one tensor, so that all networks
compute one batched product. Sums of losses, means over clients and elementwise
optimizers leave the networks independent of each other.
"""

from collections.abc import Sequence
import dataclasses
from typing import Protocol, runtime_checkable

import numpy as np
import tensorflow as tf

from tff_methods.common import argument_checks


@runtime_checkable
class Network(Protocol):
  """Interface of networks that can be stacked along a leading axis."""

  @property
  def input_spec(self) -> tf.TensorSpec:
    """The spec of a batch of examples, with `None` as its first axis."""

  def initial_weights(
    self, seed: int, num_outputs: int, num_networks: int | None = None
  ) -> tuple[np.ndarray, ...]:
    """Returns initial weights.

    Args:
      seed: Seed of the weights.
      num_outputs: Number of outputs of each network.
      num_networks: Number of networks, stacked along the first axis of the
        weights; `None` for one network without this axis.
    """
    ...

  def logits(self, weights: Sequence[tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """Returns `float32[batch, outputs]`, or `[networks, batch, outputs]`.

    Args:
      weights: Weights, from `initial_weights`.
      x: Batch of examples.
    """


def check_network(network: object) -> None:
  """Raises an error unless an object has the members of a `Network`.

  Args:
    network: The object.

  Raises:
    TypeError: If a member is missing, or the object is a class.
  """
  is_class = isinstance(network, type)
  if is_class or not isinstance(network, Network):
    found = (
      f'the class {network.__name__}' if is_class else type(network).__name__
    )
    raise TypeError(
      'Expected a network with input_spec, initial_weights and logits, found '
      f'{found}: see label_hashing.Network.'
    )


@dataclasses.dataclass(frozen=True)
class DenseNetwork:
  """`Network` of dense layers, with ReLU after each hidden layer.

  Attributes:
    input_width: Number of features of an example, at least 1.
    hidden_widths: Units of each hidden layer, at least 1. The paper has two
      hidden layers.

  Raises:
    TypeError: If a width is not an int, or `hidden_widths` is no sequence.
    ValueError: If a width is below 1.
  """

  input_width: int
  hidden_widths: tuple[int, ...]

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    argument_checks.check_int('input_width', self.input_width, minimum=1)
    if not isinstance(self.hidden_widths, Sequence):
      raise TypeError(
        'Expected hidden_widths to be a tuple, found '
        f'{self.hidden_widths!r}: give the units of each hidden layer.'
      )
    for width in self.hidden_widths:
      argument_checks.check_int('each of hidden_widths', width, minimum=1)

  @property
  def input_spec(self) -> tf.TensorSpec:
    """See `Network`: `float32[None, input_width]`."""
    return tf.TensorSpec([None, self.input_width], tf.float32)

  def initial_weights(
    self, seed: int, num_outputs: int, num_networks: int | None = None
  ) -> tuple[np.ndarray, ...]:
    """See `Network`.

    Args:
      seed: Seed of the weights.
      num_outputs: Number of outputs of each network.
      num_networks: Number of stacked networks; `None` for one without this
        axis.

    Returns:
      Kernel `[n, m]` and bias `[m]` of each layer, float32, or `[networks, n,
      m]` and `[networks, m]`. Kernels are normal with variance `2 / n`, after
      He et al. (2015), "Delving Deep into Rectifiers", and biases are 0.
    """
    rng = np.random.default_rng(seed)
    stack = () if num_networks is None else (num_networks,)
    sizes = (self.input_width, *self.hidden_widths, num_outputs)
    weights = []
    for n, m in zip(sizes[:-1], sizes[1:], strict=True):
      kernel = rng.normal(scale=(2 / n) ** 0.5, size=[*stack, n, m])
      weights.append(kernel.astype(np.float32))
      weights.append(np.zeros([*stack, m], np.float32))
    return tuple(weights)

  def logits(self, weights: Sequence[tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """See `Network`.

    Args:
      weights: Weights, from `initial_weights`.
      x: `float32[batch, input_width]`.
    """
    for i in range(0, len(weights), 2):
      x = tf.nn.relu(x) if i else x
      x = tf.matmul(x, weights[i]) + weights[i + 1][..., tf.newaxis, :]
    return x
