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
"""Bodies of next-token models.

A body maps the rows of the input tokens to embeddings. Bodies are functional
models of plain TensorFlow ops, since those that TFF makes of Keras models work
in graphs only. Initial weights follow from a seed alone, and there is no
dropout.
"""

from collections.abc import Callable
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import options as options_lib
from tasks.text import vocabulary as vocabulary_lib

EMBEDDING_SIZE = 96
FFN_DIM = 1536
LSTM_UNITS = 256
TOKENS_SPEC = tf.TensorSpec([None, vocabulary_lib.SEQUENCE_LENGTH], tf.int32)

_NUM_HEADS = options_lib.NUM_HEADS
_EPSILON = 1e-6


class BlockWeights(NamedTuple):
  """Trainable weights of a block of the Transformer; `d`: embedding size.

  Attributes:
    qkv: `[d, 3 d]`, projection to queries, keys and values.
    qkv_bias: `[3 d]`.
    attended: `[d, d]`, output projection of the attention.
    attended_bias: `[d]`.
    attention_scale: `[d]`, scale of the layer norm after the attention.
    attention_offset: `[d]`, offset of the same layer norm.
    hidden: `[d, ffn_dim]`, first layer of the feed-forward network.
    hidden_bias: `[ffn_dim]`.
    output: `[ffn_dim, d]`, second layer of the feed-forward network.
    output_bias: `[d]`.
    ffn_scale: `[d]`, scale of the layer norm after the feed-forward network.
    ffn_offset: `[d]`, offset of the same layer norm.
  """

  qkv: tf.Tensor
  qkv_bias: tf.Tensor
  attended: tf.Tensor
  attended_bias: tf.Tensor
  attention_scale: tf.Tensor
  attention_offset: tf.Tensor
  hidden: tf.Tensor
  hidden_bias: tf.Tensor
  output: tf.Tensor
  output_bias: tf.Tensor
  ffn_scale: tf.Tensor
  ffn_offset: tf.Tensor


class LstmWeights(NamedTuple):
  """Trainable weights of the LSTM, `d`: embedding size, `u`: units.

  Attributes:
    kernel: `[d, 4 u]`, from a row to input gate, forget gate, candidate and
      output gate.
    recurrent: `[u, 4 u]`, from the state to the same.
    bias: `[4 u]`.
    projection: `[u, d]`, from the state to the output embedding.
    projection_bias: `[d]`.
  """

  kernel: tf.Tensor
  recurrent: tf.Tensor
  bias: tf.Tensor
  projection: tf.Tensor
  projection_bias: tf.Tensor


def transformer_body(
  seed: int,
  ffn_dim: int = FFN_DIM,
  num_blocks: int = 1,
  embedding_dim: int = EMBEDDING_SIZE,
) -> tff.learning.models.FunctionalModel:
  """Builds a causal Transformer of one or more blocks.

  A block has 334,176 weights with 1536 units in the feed-forward network and
  embeddings of 96; positions have 1,920. Three blocks are the model of the
  next-word experiments in "Adaptive Sparse Federated Learning in Large Output
  Spaces via Hashing", section 4.1: queries, keys and values of size 96 and a
  feed-forward network of 1536 units; "330K parameters for each attention
  block", and by its table 1 half of the weights are embeddings of 10,000 words.
  Details that the paper leaves open follow Vaswani et al. (2017): 8 heads, a
  layer norm after each residual sum, ReLU, and rows times the square root of
  their size. But positions are learned, and there is no dropout.

  Args:
    seed: Seed of the initial weights.
    ffn_dim: Width of the feed-forward networks.
    num_blocks: Number of blocks.
    embedding_dim: Size of embeddings, a multiple of 8.

  Returns:
    A model from `float32[batch, 20, embedding_dim]` to the same.
  """
  d, length = embedding_dim, vocabulary_lib.SEQUENCE_LENGTH
  rng = np.random.default_rng(seed)
  positions = normal_rows(rng, [length, d])
  blocks = [_initial_block(rng, d, ffn_dim) for _ in range(num_blocks)]

  def embed(weights, rows):
    positions, *of_blocks = weights
    h = (rows + positions) * math.sqrt(d)
    size = len(BlockWeights._fields)
    for start in range(0, len(of_blocks), size):
      h = _apply_block(BlockWeights(*of_blocks[start : start + size]), h)
    return h

  return _body((positions, *(x for b in blocks for x in b)), embed, d)


def _initial_block(
  rng: np.random.Generator, d: int, ffn_dim: int
) -> BlockWeights:
  return BlockWeights(
    qkv=_glorot_uniform(rng, [d, 3 * d]),
    qkv_bias=_constant(0, 3 * d),
    attended=_glorot_uniform(rng, [d, d]),
    attended_bias=_constant(0, d),
    attention_scale=_constant(1, d),
    attention_offset=_constant(0, d),
    hidden=_glorot_uniform(rng, [d, ffn_dim]),
    hidden_bias=_constant(0, ffn_dim),
    output=_glorot_uniform(rng, [ffn_dim, d]),
    output_bias=_constant(0, d),
    ffn_scale=_constant(1, d),
    ffn_offset=_constant(0, d),
  )


def _apply_block(w: BlockWeights, h: tf.Tensor) -> tf.Tensor:
  """Returns the output of a block, `float32[batch, length, d]`."""
  h = _layer_norm(h + _attend(w, h), w.attention_scale, w.attention_offset)
  hidden = tf.nn.relu(_dense(h, w.hidden, w.hidden_bias))
  h += _dense(hidden, w.output, w.output_bias)
  return _layer_norm(h, w.ffn_scale, w.ffn_offset)


def lstm_body(
  seed: int, embedding_dim: int = EMBEDDING_SIZE
) -> tff.learning.models.FunctionalModel:
  """Builds an LSTM of 256 units with a dense output layer.

  With embeddings of 96 it has 386,144 weights.

  It is the model of Konečný et al. (2016), "Federated Learning: Strategies for
  Improving Communication Efficiency", section 4.2: from the embedding of a
  word, of size 96, and a state of size 256 to the next state and an "output
  embedding" of size 96. Input rows are scaled to length 1.

  Args:
    seed: Seed of the initial weights.
    embedding_dim: Size of embeddings.

  Returns:
    A model from `float32[batch, 20, embedding_dim]` to the same.
  """
  d, units = embedding_dim, LSTM_UNITS
  rng = np.random.default_rng(seed)
  # The forget gate is open at first (Jozefowicz et al., 2015).
  bias = _constant(0, 4 * units)
  bias[units : 2 * units] = 1.0
  initial = LstmWeights(
    kernel=_glorot_uniform(rng, [d, 4 * units]),
    recurrent=_glorot_uniform(rng, [units, 4 * units]),
    bias=bias,
    projection=_glorot_uniform(rng, [units, d]),
    projection_bias=_constant(0, d),
  )

  def embed(weights, rows):
    w = LstmWeights(*weights)
    inputs = _dense(tf.math.l2_normalize(rows, axis=-1), w.kernel, w.bias)
    state = cell = tf.zeros([tf.shape(rows)[0], units])
    states = []
    for gates in tf.unstack(inputs, axis=1):
      i, f, candidate, o = tf.split(gates + state @ w.recurrent, 4, axis=-1)
      cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(candidate)
      state = tf.sigmoid(o) * tf.tanh(cell)
      states.append(state)
    return _dense(tf.stack(states, axis=1), w.projection, w.projection_bias)

  return _body(initial, embed, d)


def _body(
  initial_weights: tuple[np.ndarray, ...],
  embed: Callable[[tuple[tf.Tensor, ...], tf.Tensor], tf.Tensor],
  embedding_dim: int,
) -> tff.learning.models.FunctionalModel:
  @tf.function
  def predict_on_batch(model_weights, x, training=True):
    del training  # Layers are the same in training and evaluation.
    return embed(model_weights[0], x)

  def loss(output, label, sample_weight=None):
    raise NotImplementedError(
      'Expected a body inside of a row model, found one to train by itself: '
      'use `models.RowModel`.'
    )

  rows_spec = tf.TensorSpec([*TOKENS_SPEC.shape, embedding_dim], tf.float32)
  return tff.learning.models.FunctionalModel(
    initial_weights=(tuple(initial_weights), ()),
    predict_on_batch_fn=predict_on_batch,
    loss_fn=loss,
    input_spec=(rows_spec, TOKENS_SPEC),
  )


def _attend(w: BlockWeights, h: tf.Tensor) -> tf.Tensor:
  """Returns the output of causal multi-head self-attention."""
  _, length, embedding_dim = h.shape
  head_size = embedding_dim // _NUM_HEADS
  qkv = tf.reshape(
    _dense(h, w.qkv, w.qkv_bias), [-1, length, 3, _NUM_HEADS, head_size]
  )
  q, k, v = tf.unstack(qkv, axis=2)
  scores = tf.einsum('bqhs,bkhs->bhqk', q, k) / math.sqrt(head_size)
  is_seen = np.tri(length, dtype=bool)
  weights = tf.nn.softmax(tf.where(is_seen, scores, scores.dtype.min))
  attended = tf.einsum('bhqk,bkhs->bqhs', weights, v)
  attended = tf.reshape(attended, [-1, length, embedding_dim])
  return _dense(attended, w.attended, w.attended_bias)


def _layer_norm(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
  mean, variance = tf.nn.moments(x, axes=-1, keepdims=True)
  return (x - mean) * tf.math.rsqrt(variance + _EPSILON) * scale + offset


def _dense(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
  return tf.tensordot(x, kernel, axes=1) + bias


def normal_rows(rng: np.random.Generator, shape: list[int]) -> np.ndarray:
  """Draws normal rows whose length is about 1."""
  return rng.normal(scale=shape[-1] ** -0.5, size=shape).astype(np.float32)


def _glorot_uniform(rng: np.random.Generator, shape: list[int]) -> np.ndarray:
  limit = math.sqrt(6 / sum(shape))
  return rng.uniform(-limit, limit, shape).astype(np.float32)


def _constant(value: float, size: int) -> np.ndarray:
  return np.full(size, value, np.float32)
