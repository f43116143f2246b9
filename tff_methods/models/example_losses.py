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
"""Losses of examples, and the loss and metrics functions built on them."""

import collections
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from tff_methods.models import cross_entropy
from tff_methods.models import label_roles


class ExampleLosses(NamedTuple):
  """Loss and accuracy of each example of a batch.

  Attributes:
    loss: `float32[...]`, in nats.
    is_correct: `bool[...]`, true where the class scores highest.
    is_included: `bool[...]`, true where the class is among those scored.
  """

  loss: tf.Tensor
  is_correct: tf.Tensor
  is_included: tf.Tensor


# From a model's output and labels.
ExampleLossesFn = Callable[[Any, tf.Tensor], ExampleLosses]


def full_example_losses(output: tf.Tensor, labels: tf.Tensor) -> ExampleLosses:
  """Returns the losses of a model that scores all classes.

  Args:
    output: Logits, `float32[..., n]`.
    labels: Classes, integers `[...]`.
  """
  labels = tf.cast(labels, tf.int32)
  return ExampleLosses(
    cross_entropy.softmax_cross_entropy(labels, output),
    tf.equal(tf.argmax(output, axis=-1, output_type=tf.int32), labels),
    tf.ones_like(labels, tf.bool),
  )


def build_loss_fn(
  example_losses_fn: ExampleLossesFn, roles: label_roles.LabelRoles
) -> Callable[..., tf.Tensor]:
  """Builds the `loss_fn` of a `FunctionalModel`: the mean over examples.

  Args:
    example_losses_fn: Function from output and labels to `ExampleLosses`.
    roles: Roles of the labels; padding does not enter the mean.
  """

  def loss_fn(output, label, sample_weight=None):
    _refuse(sample_weight)
    loss = example_losses_fn(output, label).loss
    if roles.padding is None:
      return tf.reduce_mean(loss)
    is_example = tf.cast(roles.is_example(label), loss.dtype)
    return tf.math.divide_no_nan(
      tf.reduce_sum(loss * is_example), tf.reduce_sum(is_example)
    )

  return loss_fn


def build_metrics_fns(
  example_losses_fn: ExampleLossesFn, roles: label_roles.LabelRoles
) -> tuple[Callable, Callable, Callable]:
  """Builds the `metrics_fns` of a `FunctionalModel`.

  The metrics are `loss`, the mean over included examples, `accuracy`, the
  fraction of correct ones among included and scored examples, `num_examples`,
  and `num_excluded_examples`, those that are not included.

  Args:
    example_losses_fn: Function from output and labels to `ExampleLosses`.
    roles: Roles of the labels.

  Returns:
    The functions `initialize`, `update` and `finalize`.
  """

  @tf.function
  def initialize():
    counts = ['num_correct', 'num_included', 'num_examples']
    if roles.unscored:
      counts.append('num_scored')
    return collections.OrderedDict(
      loss=tf.constant(0.0),
      **{name: tf.constant(0, tf.int64) for name in counts},
    )

  @tf.function
  def update(state, labels, batch_output, sample_weight=None):
    _refuse(sample_weight)
    losses = example_losses_fn(batch_output.predictions, labels)
    is_example = roles.is_example(labels)
    is_included = losses.is_included & is_example
    is_scored = is_included & roles.is_scored(labels)
    is_correct = losses.is_correct & is_scored & roles.may_be_correct(labels)
    added = collections.OrderedDict(
      loss=tf.reduce_sum(tf.where(is_example, losses.loss, 0.0)),
      num_correct=_count(is_correct),
      num_included=_count(is_included),
      num_examples=_count(is_example),
    )
    if roles.unscored:
      added['num_scored'] = _count(is_scored)
    return tf.nest.map_structure(tf.add, state, added)

  @tf.function
  def finalize(state):
    included = tf.cast(state['num_included'], tf.float32)
    correct = tf.cast(state['num_correct'], tf.float32)
    scored = included
    if roles.unscored:
      scored = tf.cast(state['num_scored'], tf.float32)
    return collections.OrderedDict(
      loss=tf.math.divide_no_nan(state['loss'], included),
      accuracy=tf.math.divide_no_nan(correct, scored),
      num_examples=state['num_examples'],
      num_excluded_examples=state['num_examples'] - state['num_included'],
    )

  return initialize, update, finalize


def _refuse(sample_weight: Any) -> None:
  """Raises `ValueError` for weights of examples, which no loop of TFF gives."""
  if sample_weight is not None:
    raise ValueError(
      'Expected no sample_weight with a row model, found one: leave it out, '
      'since all examples of a client weigh the same; weight clients by '
      'client_weighting.'
    )


def _count(mask: tf.Tensor) -> tf.Tensor:
  return tf.reduce_sum(tf.cast(mask, tf.int64))
