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
"""Losses of examples, and the metrics that are made of them."""

import collections
from typing import NamedTuple

import tensorflow as tf


class ExampleLosses(NamedTuple):
  """What is measured of a batch, for each example.

  Attributes:
    loss: `float32[...]`.
    is_correct: `bool[...]`.
    is_included: `bool[...]`, whether its class is among those that are scored.
  """

  loss: tf.Tensor
  is_correct: tf.Tensor
  is_included: tf.Tensor


def full_example_losses(output, labels):
  labels = tf.cast(labels, tf.int32)
  return ExampleLosses(
    tf.nn.sparse_softmax_cross_entropy_with_logits(labels, output),
    tf.equal(tf.argmax(output, axis=-1, output_type=tf.int32), labels),
    tf.ones_like(labels, tf.bool),
  )


def full_loss(output, label, sample_weight=None):
  del sample_weight  # None of TFF's training gives one.
  return tf.reduce_mean(full_example_losses(output, label).loss)


def build_metrics_fns(example_losses_fn):
  """Returns what a `FunctionalModel` takes: initialize, update and finalize."""

  @tf.function
  def initialize():
    return collections.OrderedDict(
      loss=tf.constant(0.0),
      num_correct=tf.constant(0, tf.int64),
      num_included=tf.constant(0, tf.int64),
      num_examples=tf.constant(0, tf.int64),
    )

  @tf.function
  def update(state, labels, batch_output, sample_weight=None):
    del sample_weight
    losses = example_losses_fn(batch_output.predictions, labels)
    return collections.OrderedDict(
      loss=state['loss'] + tf.reduce_sum(losses.loss),
      num_correct=state['num_correct'] + _count(losses.is_correct),
      num_included=state['num_included'] + _count(losses.is_included),
      num_examples=state['num_examples'] + tf.size(losses.loss, tf.int64),
    )

  @tf.function
  def finalize(state):
    included = tf.cast(state['num_included'], tf.float32)
    correct = tf.cast(state['num_correct'], tf.float32)
    return collections.OrderedDict(
      loss=tf.math.divide_no_nan(state['loss'], included),
      accuracy=tf.math.divide_no_nan(correct, included),
      num_examples=state['num_examples'],
      num_excluded_examples=state['num_examples'] - state['num_included'],
    )

  return initialize, update, finalize


def _count(mask: tf.Tensor) -> tf.Tensor:
  return tf.reduce_sum(tf.cast(mask, tf.int64))
