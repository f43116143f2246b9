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
"""Mean average precision of retrieval by embeddings."""

import numpy as np
import tensorflow as tf

_QUERIES_AT_ONCE = 512


def mean_average_precision_at_r(
  embeddings: np.ndarray, labels: np.ndarray, r: int = 10
) -> float:
  """Returns MAP@R, the mean average precision of the nearest `r` images.

  Waghmare et al. (2022), "Efficient Image Representation Learning with
  Federated Sampled Softmax", equation 9, after Musgrave et al. (2020), "A
  Metric Learning Reality Check". Each image is a query against all others. The
  value of a query is `1/r * sum_i P(i)`, over the positions `i` among its `r`
  nearest images that are of its class, where `P(i)` is the share of the class
  among the nearest `i`. MAP@R is the mean over all queries. Thus a class of `r`
  images or fewer cannot reach 1.

  Distances are Euclidean, between embeddings scaled to length 1, and compared
  in float32. Of equally near images the one with the lower index comes first.

  Args:
    embeddings: `float[num, d]`, of any length. An embedding of length 0 is
      equally far from all others.
    labels: `int[num]`, classes of the images.
    r: Number of images that are retrieved for a query, below `num`.

  Returns:
    A number from 0 to 1; NaN if an embedding is not finite.

  Raises:
    TypeError: If `r` or the labels are not integers.
    ValueError: If shapes do not fit, or `r` is not from 1 to `num - 1`.
  """
  embeddings, labels = np.asarray(embeddings, np.float32), np.asarray(labels)
  _check_arguments(embeddings, labels, r)
  if not np.isfinite(embeddings).all():
    return float('nan')
  # Between vectors of length 1, a smaller distance is a larger cosine.
  lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1)
  unit = embeddings / np.where(lengths > 0, lengths, 1.0)[:, np.newaxis]
  unit = tf.constant(unit, tf.float32)
  total = sum(
    _sum_of_precisions(unit, labels, start, r)
    for start in range(0, len(labels), _QUERIES_AT_ONCE)
  )
  return float(total / (r * len(labels)))


def _sum_of_precisions(
  unit: tf.Tensor, labels: np.ndarray, start: int, r: int
) -> float:
  """Returns the sum of P(i) of equation 9 over a batch of queries and all i."""
  queries = unit[start : start + _QUERIES_AT_ONCE]
  own = np.arange(start, start + len(queries))
  cosines = tf.linalg.matmul(queries, unit, transpose_b=True)
  cosines = tf.tensor_scatter_nd_update(
    cosines,
    np.stack([np.arange(len(own)), own], axis=1),
    np.full(len(own), -np.inf, np.float32),
  )
  # Among equal values, `top_k` puts the lower index first.
  nearest = tf.math.top_k(cosines, r).indices.numpy()
  is_correct = labels[nearest] == labels[own][:, np.newaxis]
  precisions = np.cumsum(is_correct, axis=1) / np.arange(1, r + 1)
  return np.sum(precisions * is_correct)


def _check_arguments(
  embeddings: np.ndarray, labels: np.ndarray, r: int
) -> None:
  if isinstance(r, bool) or not isinstance(r, int):
    raise TypeError(f'Expected `r` to be an integer, found {r!r}.')
  if not np.issubdtype(labels.dtype, np.integer):
    raise TypeError(f'Expected integer labels, found {labels.dtype}.')
  if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1]:
    raise ValueError(
      'Expected embeddings of shape [num, d] and labels of shape [num], found '
      f'{list(embeddings.shape)} and {list(labels.shape)}.'
    )
  if not 0 < r < len(labels):
    raise ValueError(
      f'Expected `r` from 1 to {len(labels) - 1}, the number of other images, '
      f'found {r}.'
    )
