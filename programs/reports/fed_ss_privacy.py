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
"""Leakage of a client's classes through the rows it requests.

Waghmare et al. (2022), "Efficient Image Representation Learning with
Federated Sampled Softmax", section 3.3.
"""

import numpy as np
import tensorflow as tf

from tff_methods import retrieval


def posterior(
  num_positives: int, num_classes: int, num_candidates: int, num_requests: int
) -> float:
  """Returns the probability that an always requested class is a positive.

  A positive is among the candidates of every request; another class is among
  them with probability `m / (n - |P|)`, independently in each request. Bayes'
  rule with the prior `|P| / n` gives
  `|P| / (|P| + (n - |P|) (m / (n - |P|))^t)`.

  Args:
    num_positives: `|P|`, the number of the client's own classes.
    num_classes: `n`, above `|P|`.
    num_candidates: `|S| = |P| + m`, the number of requested classes.
    num_requests: `t`, the number of requests by the same client; 0 gives the
      prior.
  """
  num_others = num_classes - num_positives
  chance = (num_candidates - num_positives) / num_others
  return num_positives / (num_positives + num_others * chance**num_requests)


def measure_posterior(
  num_positives: int,
  num_classes: int,
  num_candidates: int,
  num_requests: int,
  *,
  num_clients: int,
  seed: int,
) -> np.ndarray:
  """Measures `posterior` on candidates sampled by simulated clients.

  Args:
    num_positives: `|P|`, the number of each client's own classes, which are
      drawn at random.
    num_classes: `n`, above `|P|`.
    num_candidates: `|S|`, the number of requested classes.
    num_requests: Number of requests per client.
    num_clients: Number of simulated clients.
    seed: Seed of the clients' classes and of their requests.

  Returns:
    `float64[num_requests]`: the fraction of positives among the classes that
    clients requested in each of their first 1, 2, ... requests.
  """

  @tf.function
  def draw(keys, positives):
    return tf.map_fn(
      lambda key: (
        retrieval.sample_candidates(
          key, positives, num_classes, num_candidates
        ).keys
      ),
      keys,
    )

  rng = np.random.default_rng([seed, num_candidates])
  num_positive, num_asked = np.zeros([2, num_requests], np.int64)
  for _ in range(num_clients):
    positives = rng.permutation(num_classes)[:num_positives]
    keys = rng.integers(-(2**31), 2**31, size=[num_requests, 2])
    drawn = draw(tf.constant(keys, tf.int32), tf.constant(positives, tf.int32))
    asked = np.zeros([num_requests, num_classes], bool)
    np.put_along_axis(asked, drawn.numpy(), True, axis=1)
    always_asked = np.logical_and.accumulate(asked)
    num_positive += always_asked[:, positives].sum(axis=1)
    num_asked += always_asked.sum(axis=1)
  return num_positive / num_asked
