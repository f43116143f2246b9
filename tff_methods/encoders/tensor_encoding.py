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
"""Base classes of stages, and their composition into encoders.

Stages implement `AdaptiveEncodingStageInterface` of `tensor_encoding`, a part
of tensorflow-model-optimization, so that each also works in TFF's own
`tff.aggregators.EncodedSumFactory`. Newer TFF drops that library: no other
module of this package imports it.
"""

import abc
from collections.abc import Callable, Sequence
import contextvars
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from tensorflow_model_optimization.python.core.internal import tensor_encoding

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.common import seeds

# Encoder of one tensor: `encode` on clients, `decode` on the server.
GatherEncoder: TypeAlias = tensor_encoding.core.GatherEncoder

# Tensors by name: states, params and encoded tensors of stages.
Tensors = dict[str, tf.Tensor]

# Salt of the client whose encoding is being traced: see `encode_with_salt`. A
# `GatherEncoder` takes no params but those of the server.
_client_salt = contextvars.ContextVar('client_salt', default=None)


class Stage(tensor_encoding.core.AdaptiveEncodingStageInterface):
  """Base class of stages without a state that do not commute with the sum.

  Attributes:
    name: Name of the stage, unique among stages.
    compressible_tensors_keys: Names of the encoded tensors that other stages
      can encode further.
    commutes_with_sum: True if encoded tensors of several clients can be summed
      before decoding.
    decode_needs_input_shape: True if `decode` needs the shape of the input.
    state_update_aggregation_modes: Modes in which state updates of clients are
      aggregated; empty, since no stage sends any.
  """

  compressible_tensors_keys = []
  commutes_with_sum = False
  decode_needs_input_shape = False
  state_update_aggregation_modes = {}

  def initial_state(self) -> Tensors:
    """Returns the state before the first round."""
    return {}

  def update_state(
    self, state: Tensors, state_update_tensors: Tensors
  ) -> Tensors:
    """Returns the state of the next round."""
    del state_update_tensors  # Unused.
    return state

  def get_params(self, state: Tensors) -> tuple[Tensors, Tensors]:
    """Returns `(encode_params, decode_params)` of the round of a state."""
    del state  # Unused.
    return {}, {}

  @abc.abstractmethod
  def encode(
    self, x: tf.Tensor, encode_params: Tensors
  ) -> tuple[Tensors, Tensors]:
    """Encodes a tensor of a static shape.

    Args:
      x: The tensor.
      encode_params: Params of `get_params`.

    Returns:
      `(encoded_tensors, {})`: no stage sends state updates.
    """

  @abc.abstractmethod
  def decode(
    self,
    encoded_tensors: Tensors,
    decode_params: Tensors,
    num_summands: tf.Tensor | None = None,
    shape: Sequence[int] | None = None,
  ) -> tf.Tensor:
    """Decodes the encoded tensors of `encode`.

    Args:
      encoded_tensors: Encoded tensors of one client, or, if the stage commutes
        with the sum, their sum over clients.
      decode_params: Params of `get_params`.
      num_summands: Number of clients in the sum.
      shape: Shape of the input of `encode`, if the stage needs it.

    Returns:
      A tensor of the shape and dtype of the input of `encode`.
    """


class SeededStage(Stage):
  """Base class of stages that draw random numbers: a new key in every round.

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

  def initial_state(self) -> Tensors:
    """Returns the state of round 0."""
    return {'round': tf.constant(0, tf.int32)}

  def update_state(
    self, state: Tensors, state_update_tensors: Tensors
  ) -> Tensors:
    """Returns the state of the next round."""
    del state_update_tensors  # Unused.
    return {'round': state['round'] + 1}

  def get_params(self, state: Tensors) -> tuple[Tensors, Tensors]:
    """Returns the key of the round as encode params, and no decode params."""
    key = seeds.fold_in(self._key, state['round'])
    return {'key': key}, {}


class ClientSeededStage(SeededStage):
  """Base class of stages whose random choices differ between clients."""

  def __init__(self, seed: Sequence[int], seed_source: str = 'reproducible'):
    """Initializes the stage.

    Args:
      seed: See `SeededStage`.
      seed_source: Source of a client's key: see `client_key`.

    Raises:
      ValueError: If `seed_source` is not in `options.SEED_SOURCES`.
    """
    super().__init__(seed)
    argument_checks.check_choice(
      'seed_source', seed_source, options_lib.SEED_SOURCES
    )
    self._seed_source = seed_source

  def client_key(self, x: tf.Tensor, encode_params: Tensors) -> tf.Tensor:
    """Returns the key from which a client draws in `encode`.

    Args:
      x: Values to encode. With `'reproducible'`, they are the salt of a client
        that has no other: see `encode_with_salt`.
      encode_params: Params of `get_params`.

    Returns:
      An `int32[2]` key.
    """
    salt = _client_salt.get()
    if salt is None or self._seed_source == 'entropy':
      salt = seeds.client_salt(x, self._seed_source)
    return seeds.fold_salt(encode_params['key'], salt)


def num_elements(shape: Sequence[int] | None) -> int:
  """Returns the number of elements of a shape given to `Stage.decode`."""
  return int(np.prod(shape or (), dtype=np.int64))


def chain(
  stages: Sequence[tuple[Stage, str]], value_spec: tf.TensorSpec
) -> GatherEncoder:
  """Composes stages, each encoding one tensor that its predecessor produced.

  Args:
    stages: Pairs `(stage, key)`, the first stage first; `key` names the encoded
      tensor that the next stage encodes further (unused for the last stage).
      Without any stage, values are sent unencoded.
    value_spec: `tf.TensorSpec` of the values to encode.

  Returns:
    A `GatherEncoder`.
  """
  if not stages:
    return identity_encoder(value_spec)
  stages = list(stages)
  stage, _ = stages.pop()
  encoder = _Encoder(stage, {})
  while stages:
    stage, key = stages.pop()
    encoder = _Encoder(stage, {key: encoder})
  # It encodes zeros to infer the types: in a graph that is never run.
  with tf.Graph().as_default():
    gather_encoder = GatherEncoder.from_encoder(encoder, value_spec)
  encoder.end_inference()
  return gather_encoder


class _OwnParams(dict):
  """Encode params, as `_Encoder.get_params` returns them."""


class _Encoder(tensor_encoding.core.Encoder):
  """Encoder that traces its encoding once to infer shapes.

  A `GatherEncoder` encodes zeros for the shapes of the stages' inputs: twice
  when it is made, and in each `get_params`, most of whose operations were those
  of the encoding. Static shapes are the same each time.
  """

  def __init__(self, stage: Stage, children: dict[str, Any]):
    """Initializes the encoder, which infers until `end_inference`."""
    super().__init__(stage, children)
    self._is_inferring = True
    self._encoded: Any = None  # Result of `encode` for zeros.

  def end_inference(self) -> None:
    """Keeps static shapes, and no tensor of the graph that inferred them."""
    *_, shapes = self._encoded
    is_static = not any(map(tf.is_tensor, tf.nest.flatten(shapes)))
    self._is_inferring = False
    self._encoded = (None, None, shapes) if is_static else None

  def get_params(self, state, name=None):
    """Returns `(encode_params, decode_params)`."""
    encode_params, decode_params = super().get_params(state, name)
    return _OwnParams(encode_params), decode_params

  def encode(self, x, encode_params, name=None):
    """Encodes a tensor; see the base class.

    A `GatherEncoder` hands on the very params of `get_params` in its own
    `get_params` alone, where only the shapes are of use.
    """
    if self._is_inferring:
      self._encoded = self._encoded or super().encode(x, encode_params, name)
      return self._encoded
    if self._encoded and isinstance(encode_params, _OwnParams):
      return self._encoded
    return super().encode(x, encode_params, name)


def identity_encoder(value_spec: tf.TensorSpec) -> GatherEncoder:
  """Returns an encoder that sends values of any dtype unencoded."""
  identity = tensor_encoding.encoders.identity()
  return tensor_encoding.encoders.as_gather_encoder(identity, value_spec)


def encode_with_salt(
  encoder: GatherEncoder,
  x: tf.Tensor,
  encode_params: Any,
  salt: tf.Tensor | None,
) -> Any:
  """Encodes a value, drawing from a client's salt instead of from the value.

  The last bits of a value depend on the processor, and one bit changes all that
  is drawn from it. The same salt draws the same everywhere.

  Args:
    encoder: Encoder of stages of this package.
    x: Value to encode.
    encode_params: Params of `encoder.get_params`.
    salt: `int32[2]`, of this client; `None` to draw from the value.

  Returns:
    The structure of encoded tensors.
  """
  token = _client_salt.set(salt)
  try:
    return encoder.encode(x, encode_params)[0]
  finally:
    _client_salt.reset(token)


def encode_with_key(
  encoder: GatherEncoder, x: tf.Tensor, key: tf.Tensor
) -> Any:
  """Encodes a value, drawing from a key instead of from the round number.

  For values that a receiver with the same key decodes one by one: no params
  travel besides the encoded tensors.

  Args:
    encoder: Encoder of stages of this package.
    x: Value to encode.
    key: `int32[2]`.

  Returns:
    The structure of encoded tensors that `decode_with_key` takes.
  """
  encode_params, _, _ = encoder.get_params(_keyed_state(encoder, key))
  return encode_with_salt(encoder, x, encode_params, key)


def decode_with_key(
  encoder: GatherEncoder, encoded: Any, key: tf.Tensor
) -> tf.Tensor:
  """Inverts `encode_with_key`, given the same key."""
  _, before_sum, after_sum = encoder.get_params(_keyed_state(encoder, key))
  partly_decoded = encoder.decode_before_sum(encoded, before_sum)
  return encoder.decode_after_sum(partly_decoded, after_sum, 1)


def _keyed_state(encoder: GatherEncoder, key: tf.Tensor) -> Any:
  # States of these stages consist of counts of rounds, which the stages use as
  # randomness alone: a random word in their place serves as well.
  word = seeds.random_words(key, 1)[0]
  return tf.nest.map_structure(lambda _: word, encoder.initial_state())


def map_in_sequence(
  fn: Callable[..., Any], *sequences: Sequence[Any]
) -> list[Any]:
  """Applies `fn` to the elements of sequences, one after the other.

  TensorFlow would otherwise process all tensors of a model at once, and hold
  the intermediate results of all of them in memory.

  Args:
    fn: Function of one element of each sequence.
    *sequences: Sequences of the same length. Elements of the first are
      structures of tensors; each is held back until the preceding result is
      there.

  Returns:
    The list of results.
  """
  results = []
  for first, *others in zip(*sequences, strict=True):
    with tf.control_dependencies(tf.nest.flatten(results[-1:])):
      first = tf.nest.map_structure(tf.identity, first)
    results.append(fn(first, *others))
  return results
