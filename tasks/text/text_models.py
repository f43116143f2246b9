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
"""Row models of the next token: bodies and rows.

A body maps the rows of the input tokens to embeddings, which are scored against
the same rows, unless the input has a table of its own. Initial weights follow
from a seed alone.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from tasks.text import text_bodies
from tasks.text import vocabulary as vocabulary_lib
from tff_methods import models

# Name of the table of the input, unless the rows of the output are.
INPUT_TABLE = 'tokens'


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


def transformer(
  seed: int,
  vocabulary: vocabulary_lib.Vocabulary,
  ffn_dim: int = text_bodies.FFN_DIM,
  num_blocks: int = 1,
  embedding_dim: int = text_bodies.EMBEDDING_SIZE,
  is_tied: bool = True,
) -> models.RowModel:
  """Builds the Transformer with shared embeddings; see `text_bodies`.

  Accuracy excludes out-of-vocabulary words and ends of sentences, following the
  paper: "we use the accuracy with the out-of-vocabulary, padding, EOS and BOS
  tokens masked".

  Args:
    seed: Seed of the initial weights.
    vocabulary: Vocabulary of the task.
    ffn_dim: Width of the feed-forward networks.
    num_blocks: Number of blocks.
    embedding_dim: Size of the rows, a multiple of 8.
    is_tied: If true, the rows also embed the input; otherwise the input has a
      table of its own, `INPUT_TABLE`.

  Returns:
    A `RowModel`.
  """
  return models.RowModel(
    text_bodies.transformer_body(seed, ffn_dim, num_blocks, embedding_dim),
    _rows(seed, vocabulary, embedding_dim),
    **_input_rows(seed, vocabulary, embedding_dim, is_tied),
    label_roles=label_roles('transformer', vocabulary),
    input_spec=(text_bodies.TOKENS_SPEC, text_bodies.TOKENS_SPEC),
  )


def lstm(
  seed: int,
  vocabulary: vocabulary_lib.Vocabulary,
  embedding_dim: int = text_bodies.EMBEDDING_SIZE,
  is_tied: bool = True,
) -> models.RowModel:
  """Builds the LSTM with shared embeddings of length 1; see `text_bodies`.

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
    embedding_dim: Size of the rows.
    is_tied: If true, the rows also embed the input; otherwise the input has a
      table of its own, `INPUT_TABLE`.

  Returns:
    A `RowModel`.
  """
  rows = _rows(seed, vocabulary, embedding_dim)
  return models.RowModel(
    text_bodies.lstm_body(seed, embedding_dim),
    rows / np.linalg.norm(rows, axis=1, keepdims=True),
    similarity=UnitRows(),
    **_input_rows(seed, vocabulary, embedding_dim, is_tied),
    label_roles=label_roles('lstm', vocabulary),
    input_spec=(text_bodies.TOKENS_SPEC, text_bodies.TOKENS_SPEC),
  )


def label_roles(
  token_model: str | None, vocabulary: vocabulary_lib.Vocabulary
) -> models.LabelRoles:
  """Returns the roles of labels in the accuracy of a model.

  Args:
    token_model: `'lstm'` or `'transformer'`.
    vocabulary: Vocabulary of the task.
  """
  unknown = vocabulary.out_of_vocabulary
  if token_model == 'lstm':
    return models.LabelRoles(vocabulary.padding, never_correct=(unknown,))
  return models.LabelRoles(
    vocabulary.padding,
    unscored=(unknown, vocabulary.beginning, vocabulary.end),
  )


def weight_names(
  token_model: str | None, num_blocks: int = 1, is_tied: bool = True
) -> list[str]:
  """Returns the names of the trainable weights of a model.

  Args:
    token_model: `'lstm'` or `'transformer'`.
    num_blocks: Number of blocks of the Transformer.
    is_tied: False if the input has a table of its own.
  """
  tables = ['rows'] if is_tied else ['input_rows', 'rows']
  if token_model == 'lstm':
    return [*text_bodies.LstmWeights._fields, *tables]
  blocks = [
    name if i == 0 else f'{name}_{i + 1}'
    for i in range(num_blocks)
    for name in text_bodies.BlockWeights._fields
  ]
  return ['positions', *blocks, *tables]


def _rows(
  seed: int, vocabulary: vocabulary_lib.Vocabulary, embedding_dim: int
) -> np.ndarray:
  # A different stream from the weights of the body.
  rng = np.random.default_rng([seed, vocabulary.num_classes])
  return text_bodies.normal_rows(rng, [vocabulary.num_classes, embedding_dim])


def _input_rows(
  seed: int,
  vocabulary: vocabulary_lib.Vocabulary,
  embedding_dim: int,
  is_tied: bool,
) -> dict[str, Any]:
  """Returns the arguments of `RowModel` that embed the input."""
  if is_tied:
    return {'rows_embed_input': True}
  # A third stream.
  rng = np.random.default_rng([seed, vocabulary.num_classes, 1])
  rows = text_bodies.normal_rows(rng, [vocabulary.num_classes, embedding_dim])
  return {'input_tables': {INPUT_TABLE: models.InputTable(rows)}}
