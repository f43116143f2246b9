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
"""Labels with a special role, such as the padding of a language model."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class LabelRoles:
  """Labels that are not examples, or count differently in the accuracy.

  Attributes:
    padding: Label that fills up sequences. It is not an example: it has no
      loss, enters no metric, and its row is not requested.
    unscored: Labels that are trained on, but left out of the accuracy, such as
      the end of a sentence.
    never_correct: Labels that are trained on, and count as wrong whatever the
      prediction, such as words out of the vocabulary.
  """

  padding: int | None = None
  unscored: tuple[int, ...] = ()
  never_correct: tuple[int, ...] = ()

  def check(self, num_classes: int) -> None:
    """Checks the labels against the classes of a model.

    Args:
      num_classes: Number of classes of the model.

    Raises:
      ValueError: If a label is not a class, or has two roles.
    """
    padding = () if self.padding is None else (self.padding,)
    labels = (*padding, *self.unscored, *self.never_correct)
    for label in labels:
      if not 0 <= label < num_classes:
        raise ValueError(
          f'Expected label roles of classes, at least 0 and below {num_classes}'
          f', found {label}: leave it out, or make the model with more classes.'
        )
    if len(set(labels)) < len(labels):
      raise ValueError(
        f'Expected one role for each label, found {self}: leave one out.'
      )

  def is_example(self, labels: tf.Tensor) -> tf.Tensor:
    """Returns the mask of labels that are not padding, `bool[...]`."""
    if self.padding is None:
      return tf.ones_like(labels, tf.bool)
    return tf.not_equal(labels, self.padding)

  def is_scored(self, labels: tf.Tensor) -> tf.Tensor:
    """Returns the mask of labels that may enter the accuracy, `bool[...]`."""
    return ~_is_any(labels, self.unscored)

  def may_be_correct(self, labels: tf.Tensor) -> tf.Tensor:
    """Returns the mask of labels that may count as correct, `bool[...]`."""
    return ~_is_any(labels, self.never_correct)


def _is_any(labels: tf.Tensor, values: tuple[int, ...]) -> tf.Tensor:
  result = tf.zeros_like(labels, tf.bool)
  for value in values:
    result |= tf.equal(labels, value)
  return result
