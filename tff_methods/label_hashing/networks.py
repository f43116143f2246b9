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
"""Networks side by side: the same layers, each with weights of its own.

Their weights are stacked in one tensor for each layer, so that what they
compute is one batched product for all of them. Sums of losses, means over
clients and optimizers that treat each number on its own leave them independent
of each other.
"""

from collections.abc import Sequence
import dataclasses
from typing import Protocol

import numpy as np
import tensorflow as tf

from tff_methods.common import argument_checks


class Network(Protocol):
  """What has logits, of any number of outputs and alone or side by side."""

  @property
  def input_spec(self) -> tf.TensorSpec:
    """Of a batch, its first axis `None`."""

  def initial_weights(
    self, seed: int, num_outputs: int, num_networks: int | None = None
  ) -> tuple[np.ndarray, ...]:
    """Returns the weights; with `num_networks` stacked along a first axis."""

  def logits(self, weights: Sequence[tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """Returns `float32[batch, outputs]`, or `[networks, batch, outputs]`."""


@dataclasses.dataclass(frozen=True)
class DenseNetwork:
  """A `Network` of dense layers, with ReLU after each hidden one.

  Attributes:
    input_width: Numbers of an example, at least 1.
    hidden_widths: Units of each hidden layer, at least 1. The paper has two
      such layers.
  """

  input_width: int
  hidden_widths: tuple[int, ...]

  def __post_init__(self):
    argument_checks.check_int('input_width', self.input_width, 1)
    for width in self.hidden_widths:
      argument_checks.check_int('each of hidden_widths', width, 1)

  @property
  def input_spec(self) -> tf.TensorSpec:
    """See `Network`: `float32[None, input_width]`."""
    return tf.TensorSpec([None, self.input_width], tf.float32)

  def initial_weights(
    self, seed: int, num_outputs: int, num_networks: int | None = None
  ) -> tuple[np.ndarray, ...]:
    """Draws weights.

    Args:
      seed: Same seed, same weights.
      num_outputs: Of each network.
      num_networks: How many are side by side.

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
      weights: As `initial_weights` returns them.
      x: `float32[batch, input_width]`.
    """
    for i in range(0, len(weights), 2):
      x = tf.nn.relu(x) if i else x
      x = tf.matmul(x, weights[i]) + weights[i + 1][..., tf.newaxis, :]
    return x
