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
"""Number of buckets that keeps classes apart.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", Lemma 2.
"""

import fractions
import math
import numbers

from tff_methods.common import argument_checks


def num_buckets_for(
  num_classes: int, num_tables: int, collision_probability: float
) -> int:
  """Returns the least number of buckets that Lemma 2 requires.

  Classes that share a bucket in each of the R tables always have the same
  score. Two given classes share a bucket of one table with a probability of at
  most 1 / B, since the hash functions are 2-universal, and of all tables with
  at most `B^-R`, since these are independent. There are `p (p - 1) / 2` pairs.
  By the union bound, the probability of any such pair is at most

    `p (p - 1) / 2 * B^-R`,

  which is at most delta if

    `B >= (p (p - 1) / (2 delta))^(1 / R)`.

  The result is exact. If it is above `num_classes`, hashing would only make the
  model larger: take more tables, or `LabelHash.identity`.

  Args:
    num_classes: Number of classes, the paper's p.
    num_tables: Number of hash tables, the paper's R.
    collision_probability: Bound on the probability that any two classes share
      all their buckets, the paper's delta; above 0 and below 1.

  Returns:
    Number of buckets, the paper's B; at least 1.

  Raises:
    TypeError: If a number is not an int, or the probability is not a number.
    ValueError: If an argument is out of range.
  """
  num_classes = argument_checks.check_int('num_classes', num_classes, minimum=1)
  num_tables = argument_checks.check_int('num_tables', num_tables, minimum=1)
  if isinstance(collision_probability, bool) or not isinstance(
    collision_probability, numbers.Real
  ):
    raise TypeError(
      'Expected collision_probability to be a number, found '
      f'{type(collision_probability).__name__}.'
    )
  if not 0 < collision_probability < 1:
    raise ValueError(
      'Expected collision_probability above 0 and below 1, found '
      f'{collision_probability}.'
    )
  delta = fractions.Fraction(float(collision_probability))
  num_pairs = num_classes * (num_classes - 1) // 2
  return max(1, _ceil_root(math.ceil(num_pairs / delta), num_tables))


def _ceil_root(n: int, degree: int) -> int:
  """Returns the least `x` with `x**degree >= n`, by bisection."""
  low, high = 0, 2 ** (n.bit_length() // degree + 1)
  while low < high:
    middle = (low + high) // 2
    if middle**degree >= n:
      high = middle
    else:
      low = middle + 1
  return low
