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
"""Product quantization: rows of a few bytes each, which clients search.

Jégou, Douze and Schmid (2011), "Product Quantization for Nearest Neighbor
Search". The coordinates of a row are cut into parts, and each part is replaced
by the nearest of 256 centroids, which the server finds by k-means. Clients
receive the centroids and one byte for each part of each row, and compute inner
products with the quantized rows.
"""

import dataclasses

import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.retrieval import codebooks
from tff_methods.retrieval import inner_products
from tff_methods.retrieval import row_index


@dataclasses.dataclass(frozen=True)
class ProductQuantization(row_index.IndexWithoutQueries):
  """`RowIndex` of quantized rows, without client queries.

  The score of a row is its largest approximate inner product with any of the
  client's vectors.

  Attributes:
    num_parts: Number of parts, and bytes, of each row.
    num_iterations: Number of iterations of k-means in each build.

  Raises:
    TypeError: If a number is not an int.
    ValueError: If a number is below 1.
  """

  num_parts: int = 8
  num_iterations: int = 4

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    argument_checks.check_int('num_parts', self.num_parts, minimum=1)
    argument_checks.check_int('num_iterations', self.num_iterations, minimum=1)

  def build(self, key: tf.Tensor, rows: tf.Tensor) -> row_index.BuiltIndex:
    """See `RowIndex`: fits centroids, to a random sample of many rows."""
    codebook = codebooks.build(key, rows, self.num_parts, self.num_iterations)
    return row_index.BuiltIndex((), codebook, tf.constant(0))

  def score(
    self,
    client_params: codebooks.Codebook,
    vectors: tf.Tensor,
    hits: tf.Tensor,
    entries: tf.Tensor,
  ) -> row_index.ScoredRows:
    """See `RowIndex`: approximate inner products of all rows."""
    del hits, entries
    centroids, codes = client_params
    num_rows = codes.shape[0]

    def decode(ids):
      return codebooks.decode(centroids, tf.gather(codes, ids))

    padding = self.num_parts * centroids.shape[2] - vectors.shape[1]
    vectors = tf.pad(vectors, [[0, 0], [0, padding]])
    scores = inner_products.largest_inner_products(vectors, decode, num_rows)
    return row_index.ScoredRows(tf.range(num_rows), scores)
