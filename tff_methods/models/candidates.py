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
"""Candidates: the classes among which a client discriminates in a round."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

PADDING = -1


class Candidates(NamedTuple):
  """Classes whose rows a client trains: the paper's S = P ∪ N, or a part of it.

  Their number is static, so that their rows can be retrieved. With fewer
  classes, `PADDING` fills up: it is not a class, gets the row of class 0, and
  has no effect on scores and updates.

  Attributes:
    keys: `int32[k]`, ascending and, apart from padding, distinct.
    log_probability: `float32[k]`, logarithm of the probability that the class
      is among the candidates; 0 for classes that are certain to be.
    is_positive: `bool[k]`, true for classes of the client's examples.
  """

  keys: tf.Tensor
  log_probability: tf.Tensor
  is_positive: tf.Tensor

  @classmethod
  def spec(cls, num_candidates: int) -> 'Candidates':
    """Returns the `tf.TensorSpec`s of `num_candidates` candidates."""
    shape = [num_candidates]
    return cls(
      tf.TensorSpec(shape, tf.int32),
      tf.TensorSpec(shape, tf.float32),
      tf.TensorSpec(shape, tf.bool),
    )

  def positions(self, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the positions of labels among the keys.

    Args:
      labels: Classes, integers of any shape.

    Returns:
      Positions in `keys`, `int32`, and a mask, `bool`, of the labels that are
      candidates. The positions of other labels are valid, but arbitrary.
    """
    labels = tf.cast(labels, tf.int32)
    positions = tf.searchsorted(self.keys, tf.reshape(labels, [-1]))
    positions = tf.minimum(positions, tf.size(self.keys) - 1)
    positions = tf.reshape(positions, tf.shape(labels))
    is_found = tf.equal(tf.gather(self.keys, positions), labels)
    # A label of -1 would be found where candidates are padded with -1.
    return positions, is_found & (labels >= 0)


def all_classes(num_classes: int) -> Candidates:
  """Returns all classes as candidates, none positive, for scoring only."""
  return Candidates(
    np.arange(num_classes, dtype=np.int32),
    np.zeros([num_classes], np.float32),
    np.zeros([num_classes], bool),
  )
