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
"""Bodies and rows of next-token models.

A body maps the rows of the input tokens to embeddings, which are scored against
the same rows. Bodies are functional models of plain TensorFlow ops, since those
that TFF makes of Keras models work in graphs only. Initial weights follow from
a seed alone, and there is no dropout.
"""

from collections.abc import Callable
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks.text import vocabulary as vocabulary_lib
from tff_methods import models

EMBEDDING_SIZE = 96
FFN_DIM = 1536
LSTM_UNITS = 256

_NUM_HEADS = 8
_EPSILON = 1e-6
_TOKENS_SPEC = tf.TensorSpec([None, vocabulary_lib.SEQUENCE_LENGTH], tf.int32)


class UnitRows:
  """Similarity: inner product of an embedding and a row scaled to length 1."""

  def __call__(self, embeddings: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """See `models.Similarity`."""
    return models.DotProduct()(embeddings, self.row_vectors(rows))

  def embedding_vectors(self, embeddings: tf.Tensor) -> tf.Tensor:
    """See `models.Similarity`."""
    return embeddings

  def row_vectors(self, rows: tf.Tensor) -> tf.Tensor:
    """See `models.Similarity`."""
    return tf.math.l2_normalize(rows, axis=-1)


class _TransformerWeights(NamedTuple):
  """Trainable weights of the Transformer; `d` is the embedding size.

  Attributes:
    positions: `[sequence length, d]`, position embeddings, added to the rows.
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

  positions: tf.Tensor
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


class _LstmWeights(NamedTuple):
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
  seed: int, ffn_dim: int = FFN_DIM
) -> tff.learning.models.FunctionalModel:
  """Builds one block of a causal Transformer.

  It has 336,096 weights with 1536 units in the feed-forward network. It is the
  model of the next-word experiments in "Adaptive Sparse Federated Learning in
  Large Output Spaces via Hashing", section 4.1: queries, keys and values of
  size 96 and a feed-forward network of 1536 units; "330K parameters for each
  attention block". Details that the paper leaves open follow Vaswani et al.
  (2017): 8 heads, a layer norm after each residual sum, ReLU, and rows times
  the square root of their size. But positions are learned, and there is no
  dropout.

  Args:
    seed: Seed of the initial weights.
    ffn_dim: Width of the feed-forward network.

  Returns:
    A model from `float32[batch, 20, 96]` to the same.
  """
  d, length = EMBEDDING_SIZE, vocabulary_lib.SEQUENCE_LENGTH
  rng = np.random.default_rng(seed)
  initial = _TransformerWeights(
    positions=_normal(rng, [length, d]),
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

  def embed(weights, rows):
    w = _TransformerWeights(*weights)
    h = (rows + w.positions) * math.sqrt(d)
    h = _layer_norm(h + _attend(w, h), w.attention_scale, w.attention_offset)
    hidden = tf.nn.relu(_dense(h, w.hidden, w.hidden_bias))
    h += _dense(hidden, w.output, w.output_bias)
    return _layer_norm(h, w.ffn_scale, w.ffn_offset)

  return _body(initial, embed)


def lstm_body(seed: int) -> tff.learning.models.FunctionalModel:
  """Builds an LSTM of 256 units with a dense output layer: 386,144 weights.

  It is the model of Konečný et al. (2016), "Federated Learning: Strategies for
  Improving Communication Efficiency", section 4.2: from the embedding of a
  word, of size 96, and a state of size 256 to the next state and an "output
  embedding" of size 96. Input rows are scaled to length 1.

  Args:
    seed: Seed of the initial weights.

  Returns:
    A model from `float32[batch, 20, 96]` to the same.
  """
  d, units = EMBEDDING_SIZE, LSTM_UNITS
  rng = np.random.default_rng(seed)
  # The forget gate is open at first (Jozefowicz et al., 2015).
  bias = _constant(0, 4 * units)
  bias[units : 2 * units] = 1.0
  initial = _LstmWeights(
    kernel=_glorot_uniform(rng, [d, 4 * units]),
    recurrent=_glorot_uniform(rng, [units, 4 * units]),
    bias=bias,
    projection=_glorot_uniform(rng, [units, d]),
    projection_bias=_constant(0, d),
  )

  def embed(weights, rows):
    w = _LstmWeights(*weights)
    inputs = _dense(tf.math.l2_normalize(rows, axis=-1), w.kernel, w.bias)
    state = cell = tf.zeros([tf.shape(rows)[0], units])
    states = []
    for gates in tf.unstack(inputs, axis=1):
      i, f, candidate, o = tf.split(gates + state @ w.recurrent, 4, axis=-1)
      cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(candidate)
      state = tf.sigmoid(o) * tf.tanh(cell)
      states.append(state)
    return _dense(tf.stack(states, axis=1), w.projection, w.projection_bias)

  return _body(initial, embed)


def transformer(
  seed: int, vocabulary: vocabulary_lib.Vocabulary, ffn_dim: int = FFN_DIM
) -> models.RowModel:
  """Builds the Transformer with shared embeddings; see `transformer_body`.

  Accuracy excludes out-of-vocabulary words and ends of sentences, following the
  paper: "we use the accuracy with the out-of-vocabulary, padding, EOS and BOS
  tokens masked".

  Args:
    seed: Seed of the initial weights.
    vocabulary: Vocabulary of the task.
    ffn_dim: Width of the feed-forward network.

  Returns:
    A `RowModel` with rows of size 96.
  """
  return models.RowModel(
    transformer_body(seed, ffn_dim),
    _rows(seed, vocabulary),
    rows_embed_input=True,
    label_roles=models.LabelRoles(
      padding=vocabulary.padding,
      unscored=(
        vocabulary.out_of_vocabulary,
        vocabulary.beginning,
        vocabulary.end,
      ),
    ),
    input_spec=(_TOKENS_SPEC, _TOKENS_SPEC),
  )


def lstm(seed: int, vocabulary: vocabulary_lib.Vocabulary) -> models.RowModel:
  """Builds the LSTM with shared embeddings of length 1; see `lstm_body`.

  "We train these models to restrict the word embeddings to have a fixed L2 norm
  of 1.0": initial rows have length 1, and the model scales rows to length 1
  wherever it uses them. So the restriction holds with any optimizer and any
  update of the weights.

  Accuracy is the paper's AccuracyTop1: "we always count it as a mistake if the
  true next word is not in the dictionary, even if the model predicts
  'unknown'". The end of a sentence counts like any other token.

  Args:
    seed: Seed of the initial weights.
    vocabulary: Vocabulary of the task.

  Returns:
    A `RowModel` with rows of size 96.
  """
  rows = _rows(seed, vocabulary)
  return models.RowModel(
    lstm_body(seed),
    rows / np.linalg.norm(rows, axis=1, keepdims=True),
    similarity=UnitRows(),
    rows_embed_input=True,
    label_roles=models.LabelRoles(
      padding=vocabulary.padding,
      never_correct=(vocabulary.out_of_vocabulary,),
    ),
    input_spec=(_TOKENS_SPEC, _TOKENS_SPEC),
  )


def weight_names(token_model: str | None) -> list[str]:
  """Returns the names of the trainable weights of a model.

  Args:
    token_model: `'lstm'` or `'transformer'`.
  """
  is_lstm = token_model == 'lstm'
  body = _LstmWeights if is_lstm else _TransformerWeights
  return [*body._fields, 'rows']


def _body(
  initial_weights: NamedTuple,
  embed: Callable[[tuple[tf.Tensor, ...], tf.Tensor], tf.Tensor],
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

  rows_spec = tf.TensorSpec([*_TOKENS_SPEC.shape, EMBEDDING_SIZE], tf.float32)
  return tff.learning.models.FunctionalModel(
    initial_weights=(tuple(initial_weights), ()),
    predict_on_batch_fn=predict_on_batch,
    loss_fn=loss,
    input_spec=(rows_spec, _TOKENS_SPEC),
  )


def _attend(w: _TransformerWeights, h: tf.Tensor) -> tf.Tensor:
  """Returns the output of causal multi-head self-attention."""
  length = h.shape[1]
  head_size = EMBEDDING_SIZE // _NUM_HEADS
  qkv = tf.reshape(
    _dense(h, w.qkv, w.qkv_bias), [-1, length, 3, _NUM_HEADS, head_size]
  )
  q, k, v = tf.unstack(qkv, axis=2)
  scores = tf.einsum('bqhs,bkhs->bhqk', q, k) / math.sqrt(head_size)
  is_seen = np.tri(length, dtype=bool)
  weights = tf.nn.softmax(tf.where(is_seen, scores, scores.dtype.min))
  attended = tf.einsum('bhqk,bkhs->bqhs', weights, v)
  attended = tf.reshape(attended, [-1, length, EMBEDDING_SIZE])
  return _dense(attended, w.attended, w.attended_bias)


def _layer_norm(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
  mean, variance = tf.nn.moments(x, axes=-1, keepdims=True)
  return (x - mean) * tf.math.rsqrt(variance + _EPSILON) * scale + offset


def _dense(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
  return tf.tensordot(x, kernel, axes=1) + bias


def _rows(seed: int, vocabulary: vocabulary_lib.Vocabulary) -> np.ndarray:
  # A different stream from the weights of the body.
  rng = np.random.default_rng([seed, vocabulary.num_classes])
  return _normal(rng, [vocabulary.num_classes, EMBEDDING_SIZE])


def _normal(rng: np.random.Generator, shape: list[int]) -> np.ndarray:
  """Draws normal rows whose length is about 1."""
  return rng.normal(scale=shape[-1] ** -0.5, size=shape).astype(np.float32)


def _glorot_uniform(rng: np.random.Generator, shape: list[int]) -> np.ndarray:
  limit = math.sqrt(6 / sum(shape))
  return rng.uniform(-limit, limit, shape).astype(np.float32)


def _constant(value: float, size: int) -> np.ndarray:
  return np.full(size, value, np.float32)
