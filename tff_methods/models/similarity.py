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
"""Similarities of embeddings and rows."""

import dataclasses
from typing import Protocol

import tensorflow as tf


class Similarity(Protocol):
  """Score of each pair of an embedding and a row.

  To be searched by a `retrieval.RowIndex`, it also maps embeddings and rows to
  vectors whose inner product is the score, up to one positive factor.
  """

  def __call__(self, embeddings: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Maps `float32[..., d]` and `float32[k, d]` to `float32[..., k]`."""

  def embedding_vectors(self, embeddings: tf.Tensor) -> tf.Tensor:
    """Maps `float32[..., d]` to the vectors of embeddings."""

  def row_vectors(self, rows: tf.Tensor) -> tf.Tensor:
    """Maps `float32[k, d]` to the vectors of rows."""


@dataclasses.dataclass(frozen=True)
class DotProduct:
  """Dot product of embedding and row, as in a dense layer."""

  def __call__(self, embeddings: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """See `Similarity`."""
    embeddings, rows = map(tf.convert_to_tensor, (embeddings, rows))
    # One matrix product: tf.einsum makes a batch of them, one per embedding.
    flat = tf.reshape(embeddings, [-1, rows.shape[1]])
    scores = tf.matmul(flat, rows, transpose_b=True)
    shape = tf.concat([tf.shape(embeddings)[:-1], tf.shape(rows)[:1]], 0)
    return tf.ensure_shape(
      tf.reshape(scores, shape),
      embeddings.shape[:-1].concatenate(rows.shape[:1]),
    )

  def embedding_vectors(self, embeddings: tf.Tensor) -> tf.Tensor:
    """See `Similarity`."""
    return embeddings

  def row_vectors(self, rows: tf.Tensor) -> tf.Tensor:
    """See `Similarity`."""
    return rows


@dataclasses.dataclass(frozen=True)
class ScaledCosine:
  """Cosine of the angle between embedding and row, times a scale.

  Wang et al. (2017), "NormFace". Scores depend on directions only, so the scale
  sets how sharp a softmax of scores can be.

  Attributes:
    scale: Factor of the cosine, above 0.
  """

  scale: float = 20.0

  def __post_init__(self) -> None:
    if not 0 < self.scale < float('inf'):
      raise ValueError(
        f'Expected scale to be positive and finite, found {self.scale!r}.'
      )

  def __call__(self, embeddings: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """See `Similarity`."""
    return self.scale * DotProduct()(
      self.embedding_vectors(embeddings), self.row_vectors(rows)
    )

  def embedding_vectors(self, embeddings: tf.Tensor) -> tf.Tensor:
    """See `Similarity`."""
    return tf.math.l2_normalize(embeddings, axis=-1)

  def row_vectors(self, rows: tf.Tensor) -> tf.Tensor:
    """See `Similarity`."""
    return tf.math.l2_normalize(rows, axis=-1)
