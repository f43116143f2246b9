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
"""Hash functions from classes to buckets.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", section 4 and
algorithm 2, line 2.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from tff_methods.common import argument_checks
from tff_methods.common import seeds

# Above any int32 class, and small enough for products in int64.
_PRIME = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class LabelHash:
  """R hash functions from p classes to B buckets each.

  The family is that of Carter and Wegman (1979): `h(x) = ((a x + b) mod P) mod
  B`, with the prime `P = 2^31 - 1`, a uniform in `1, ..., P - 1`, and b uniform
  in `0, ..., P - 1`. It is 2-universal: two classes share a bucket with a
  probability of at most 1 / B. The pair `a x + b, a y + b` modulo P is uniform
  among the `P (P - 1)` pairs of distinct values, and each value has at most `(P
  - 1) / B` others with the same remainder modulo B.

  Server and clients share the R pairs (a, b) only. No table of classes is kept
  or sent: a label is hashed by arithmetic.

  Attributes:
    num_classes: Number of classes, the paper's p; at most `2^31 - 1`.
    num_buckets: Number of buckets, the paper's B; at most `num_classes`.
    coefficients: Pairs (a, b), one for each of the R tables.

  Raises:
    TypeError: If a number is not an int.
    ValueError: If a value is out of range.
  """

  num_classes: int
  num_buckets: int
  coefficients: tuple[tuple[int, int], ...]

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    argument_checks.check_int('num_classes', self.num_classes, minimum=1)
    argument_checks.check_int('num_buckets', self.num_buckets, minimum=1)
    if self.num_classes > _PRIME:
      raise ValueError(
        f'Expected num_classes of at most {_PRIME}, found {self.num_classes}: '
        'labels are int32.'
      )
    if self.num_buckets > self.num_classes:
      raise ValueError(
        f'Expected num_buckets of at most {self.num_classes}, the number of '
        f'classes, found {self.num_buckets}: take fewer, or '
        'LabelHash.identity, which has no collisions.'
      )
    if not self.coefficients or not all(
      0 < a < _PRIME and 0 <= b < _PRIME for a, b in self.coefficients
    ):
      raise ValueError(
        f'Expected coefficients (a, b) with 0 < a < {_PRIME} and 0 <= b < '
        f'{_PRIME}, found {self.coefficients}: draw them with '
        'LabelHash.draw.'
      )

  @classmethod
  def draw(
    cls, num_classes: int, num_tables: int, num_buckets: int, seed: int
  ) -> 'LabelHash':
    """Draws independent hash functions.

    Args:
      num_classes: Number of classes, the paper's p; at most `2^31 - 1`.
      num_tables: Number of tables, the paper's R.
      num_buckets: Number of buckets, the paper's B; at most `num_classes`.
      seed: Seed of the functions. With more tables, the first functions stay
        the same.

    Returns:
      A `LabelHash`.

    Raises:
      TypeError: If an argument is not an int.
      ValueError: If an argument is out of range.
    """
    num_tables = argument_checks.check_int('num_tables', num_tables, minimum=1)
    seed = argument_checks.check_int('seed', seed)
    coefficients = tuple(
      (
        1 + _draw_below(_PRIME - 1, seed, table, 0),
        _draw_below(_PRIME, seed, table, 1),
      )
      for table in range(num_tables)
    )
    return cls(num_classes, num_buckets, coefficients)

  @classmethod
  def identity(cls, num_classes: int, num_tables: int = 1) -> 'LabelHash':
    """Returns the hash in which each class is its own bucket.

    Training on its buckets is training on classes: of one network with one
    table, and of an ensemble with more.

    Args:
      num_classes: Number of classes and of buckets.
      num_tables: Number of tables.

    Raises:
      TypeError: If an argument is not an int.
      ValueError: If an argument is out of range.
    """
    num_tables = argument_checks.check_int('num_tables', num_tables, minimum=1)
    return cls(num_classes, num_classes, num_tables * ((1, 0),))

  @property
  def num_tables(self) -> int:
    """The number of tables, the paper's R."""
    return len(self.coefficients)

  def buckets(self) -> np.ndarray:
    """Returns the bucket of each class in each table, `int32[R, p]`."""
    classes = np.arange(self.num_classes, dtype=np.int64)
    return self._hash(classes[np.newaxis]).astype(np.int32)

  def __call__(self, classes: tf.Tensor) -> tf.Tensor:
    """Hashes classes, without a table of all of them.

    Args:
      classes: Integers of any shape, at least 0 and below `num_classes`. These
        bounds are not checked here; `hash_labels` checks them.

    Returns:
      `int32[R, ...]`, the bucket of each class in each table.
    """
    classes = tf.convert_to_tensor(classes)
    flat = tf.reshape(tf.cast(classes, tf.int64), [1, -1])
    buckets = tf.cast(self._hash(flat), tf.int32)
    shape = tf.concat([[self.num_tables], tf.shape(classes)], 0)
    static_shape = tf.TensorShape([self.num_tables]).concatenate(classes.shape)
    return tf.ensure_shape(tf.reshape(buckets, shape), static_shape)

  def _hash(self, classes):
    """Maps `int64[1, m]`, of numpy or TensorFlow, to `int64[R, m]`."""
    coefficients = np.array(self.coefficients, np.int64)
    multipliers, offsets = coefficients[:, :1], coefficients[:, 1:]
    return (multipliers * classes + offsets) % _PRIME % self.num_buckets


def _draw_below(limit: int, *key_parts: int) -> int:
  """Returns a uniform int below `limit`, up to a relative bias of 2^-32."""
  key = seeds.key(*key_parts, int.from_bytes(b'label_hash'))
  return int(key.view(np.uint64)[0]) % limit
