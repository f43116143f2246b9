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
"""Divergence of clients' label distributions, before and after hashing.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", Theorem 2.
"""

import numpy as np

from tff_methods.label_hashing import hash_functions


def hashed_distribution(
  distribution: np.ndarray, label_hash: hash_functions.LabelHash
) -> np.ndarray:
  """Returns the distribution over buckets of a distribution over classes.

  Args:
    distribution: `[p]`, share or count of each class, the paper's pi.
    label_hash: Hash functions from p classes to buckets.

  Returns:
    `float64[R, B]`, share or count of each bucket, the paper's omega.

  Raises:
    ValueError: If `distribution` does not have the classes of `label_hash`.
  """
  distribution = np.asarray(distribution, np.float64)
  if distribution.shape != (label_hash.num_classes,):
    raise ValueError(
      f'Expected a distribution of shape ({label_hash.num_classes},), that of '
      f'the classes that are hashed, found {distribution.shape}: give each '
      'class its share, 0 included.'
    )
  return np.stack(
    [
      np.bincount(buckets, distribution, minlength=label_hash.num_buckets)
      for buckets in label_hash.buckets()
    ]
  )


def kl_divergence(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """Returns the Kullback-Leibler divergence of distributions, in nats.

  `KL(first || second) = sum_i first_i log(first_i / second_i)`. By the log-sum
  inequality it never grows when elements are summed into buckets. Theorem 2
  states that it shrinks; it is unchanged if, within each bucket, the two have
  all classes in the same ratio.

  Args:
    first: `[..., n]`, at least 0, with a sum above 0; scaled to a sum of 1.
    second: `[..., n]`, at least 0, with a sum above 0; scaled to a sum of 1.

  Returns:
    `float64[...]`; infinite if the second is 0 where the first is not.
  """
  first, second = (
    np.asarray(x, np.float64) / np.sum(x, axis=-1, keepdims=True)
    for x in (first, second)
  )
  with np.errstate(divide='ignore', invalid='ignore'):
    terms = first * (np.log(first) - np.log(second))
  return np.where(first > 0, terms, 0.0).sum(axis=-1)
