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
"""The one place where tensorflow-model-optimization enters.

Stages implement `AdaptiveEncodingStageInterface` of its `tensor_encoding`, so
that each also works in TFF's own `tff.aggregators.EncodedSumFactory`. Newer TFF
drops that library; what the rest of this package needs of it is here.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow_model_optimization.python.core.internal import tensor_encoding

from tff_methods.common import seeds

GatherEncoder = tensor_encoding.core.GatherEncoder


class Stage(tensor_encoding.core.AdaptiveEncodingStageInterface):
  """Base of this package's stages: no state, nothing that commutes with sum."""

  compressible_tensors_keys = []
  commutes_with_sum = False
  decode_needs_input_shape = False
  state_update_aggregation_modes = {}

  def initial_state(self):
    return {}

  def update_state(self, state, state_update_tensors):
    del state_update_tensors  # Unused.
    return state

  def get_params(self, state):
    del state  # Unused.
    return {}, {}


class SeededStage(Stage):
  """Base of stages that draw at random: a fresh key every round.

  State: `round`, an `int32` count of the rounds so far. Encode params: `key`,
  `int32[2]`, the same for all clients of a round.
  """

  def __init__(self, seed: Sequence[int]):
    """Initializes the stage.

    Args:
      seed: Integers that no other stage of the model has, such as (base seed,
        index of the tensor).
    """
    # The class is a part of the seed, so that stages of one tensor differ.
    self._key = seeds.key(*seed, int.from_bytes(self.name.encode()))

  def initial_state(self):
    return {'round': tf.constant(0, tf.int32)}

  def update_state(self, state, state_update_tensors):
    del state_update_tensors  # Unused.
    return {'round': state['round'] + 1}

  def get_params(self, state):
    key = seeds.fold_in(self._key, state['round'])
    return {'key': key}, {}


def chain(
  stages: Sequence[tuple[Stage, str]], value_spec: tf.TensorSpec
) -> GatherEncoder:
  """Composes stages, each encoding one tensor that the one before produced.

  Args:
    stages: Pairs `(stage, key)`, the first stage first; `key` names the encoded
      tensor that the next stage encodes further (the last one's is unused).
      No stage at all sends the values as they are.
    value_spec: The `tf.TensorSpec` of the values to encode.

  Returns:
    A `GatherEncoder`.
  """
  if not stages:
    return identity_encoder(value_spec)
  stages = list(stages)
  stage, _ = stages.pop()
  encoder = tensor_encoding.core.Encoder(stage, {})
  while stages:
    stage, key = stages.pop()
    encoder = tensor_encoding.core.Encoder(stage, {key: encoder})
  # It encodes zeros to learn the types: in a graph that nobody runs.
  with tf.Graph().as_default():
    return GatherEncoder.from_encoder(encoder, value_spec)


def identity_encoder(value_spec: tf.TensorSpec) -> GatherEncoder:
  """Returns an encoder that sends values of any dtype as they are."""
  identity = tensor_encoding.encoders.identity()
  return tensor_encoding.encoders.as_gather_encoder(identity, value_spec)


def encode_with_key(encoder: GatherEncoder, x: tf.Tensor, key: tf.Tensor):
  """Encodes a value with randomness from a key, instead of from a round count.

  For values that are decoded one by one by whoever has the key, so that nothing
  but what is returned has to travel.

  Args:
    encoder: Of stages of this package.
    x: The value.
    key: `int32[2]`.

  Returns:
    The encoded tensors, for `decode_with_key`.
  """
  encode_params, _, _ = encoder.get_params(_keyed_state(encoder, key))
  encoded, _ = encoder.encode(x, encode_params)
  return encoded


def decode_with_key(
  encoder: GatherEncoder, encoded, key: tf.Tensor
) -> tf.Tensor:
  """Inverts `encode_with_key`, given the same key."""
  _, before_sum, after_sum = encoder.get_params(_keyed_state(encoder, key))
  partly_decoded = encoder.decode_before_sum(encoded, before_sum)
  return encoder.decode_after_sum(partly_decoded, after_sum, 1)


def _keyed_state(encoder: GatherEncoder, key: tf.Tensor):
  # All that a state of these stages has is a count of rounds, which serves to
  # draw afresh in each.
  word = seeds.random_words(key, 1)[0]
  return tf.nest.map_structure(lambda _: word, encoder.initial_state())


def map_in_sequence(fn: Callable[..., Any], *sequences: Sequence[Any]) -> list:
  """Applies `fn` to the elements of sequences, one after the other.

  TensorFlow would otherwise work on all tensors of a model at once, and hold
  what it needs for all of them in memory.

  Args:
    fn: A function of one element of each sequence.
    *sequences: Of the same length. The elements of the first are structures of
      tensors; each is held back until the results before it are there.

  Returns:
    The list of the results.
  """
  results = []
  for first, *others in zip(*sequences, strict=True):
    with tf.control_dependencies(tf.nest.flatten(results[-1:])):
      first = tf.nest.map_structure(tf.identity, first)
    results.append(fn(first, *others))
  return results
