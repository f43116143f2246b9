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
"""How noisy the updates of federated sampled softmax are.

Waghmare et al. (2022), "Efficient Image Representation Learning with
Federated Sampled Softmax", appendix A.3.
"""

from collections.abc import Iterator, Sequence
import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

import tasks
from tff_methods import algorithms
from tff_methods import models

COHORT_SIZE = 10

_Batch = tuple[np.ndarray, np.ndarray]


class NoiseLevels(NamedTuple):
  """`||g_full - g_ss|| / ||g_full||`, of all weights and of either part."""

  model: float
  body: float
  rows: float


class GradientNoise:
  """How far an update of FedSS is from the one with all classes (A.3).

  Of a cohort of `COHORT_SIZE` clients that all hold the same examples, and draw
  negatives of their own. Clients take one step of SGD, of rate 1, and so does
  the server: changes of the weights are gradients. A cohort is one client in as
  many rounds, each from the same weights, since in a round negatives follow
  from the data.
  """

  def __init__(
    self,
    row_model: models.RowModel,
    weights: tff.learning.models.ModelWeights,
    base_seed: int,
  ):
    """Initializes the measure.

    Args:
      row_model: The model.
      weights: Where the gradients are taken.
      base_seed: Of the negatives.
    """
    self._row_model = row_model
    self._weights = weights
    self._base_seed = base_seed
    # What is traced serves all batches with as many classes.
    self._build_process = functools.cache(self._build_process)

  def full_change(self, batch: _Batch) -> list[np.ndarray]:
    """Returns what a round with all classes adds to the trainable weights."""
    return self._mean_change(self._build_process(None), batch, num_rounds=1)

  def __call__(
    self, batch: _Batch, num_negatives: int, full_change: list[np.ndarray]
  ) -> NoiseLevels:
    """Measures one cohort.

    Args:
      batch: The examples of each client, and their classes.
      num_negatives: The paper's `|N|`, of each client.
      full_change: That of the batch.

    Returns:
      The distances of the mean change from `full_change`.
    """
    num_candidates = self.num_classes_in(batch) + num_negatives
    change = self._mean_change(
      self._build_process(num_candidates), batch, COHORT_SIZE
    )
    return NoiseLevels(
      *(
        _relative_distance(change[part], full_change[part])
        for part in (slice(None), slice(-1), slice(-1, None))
      )
    )

  def num_classes_in(self, batch: _Batch) -> int:
    """The paper's `|P|`, of a client with this batch."""
    return np.unique(self._row_model.classes_in(batch)).size

  def _build_process(self, num_candidates):
    return algorithms.build_fed_ss(
      self._row_model,
      tff.learning.optimizers.build_sgdm(1.0),
      tff.learning.optimizers.build_sgdm(1.0),
      variant='full_softmax' if num_candidates is None else 'fed_ss',
      num_sampled_classes=num_candidates,
      # Faster in a simulation, with the same result.
      retrieval_mode='broadcast',
      base_seed=self._base_seed,
    )

  def _mean_change(self, process, batch, num_rounds):
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(len(batch[0]))
    before = [np.asarray(w, np.float64) for w in self._weights.trainable]
    sums = [np.zeros_like(w) for w in before]
    state = process.initialize()
    for _ in range(num_rounds):
      # The state goes on counting rounds, by which negatives differ.
      state = process.set_model_weights(state, self._weights)
      state = process.next(state, [dataset]).state
      after = process.get_model_weights(state).trainable
      for total, old, new in zip(sums, before, after, strict=True):
        total += new - old
    return [total / num_rounds for total in sums]


def _relative_distance(
  estimate: Sequence[np.ndarray], exact: Sequence[np.ndarray]
) -> float:
  flat_estimate, flat_exact = (
    np.concatenate([a.ravel() for a in arrays]) for arrays in (estimate, exact)
  )
  error = np.linalg.norm(flat_estimate - flat_exact)
  return float(error / np.linalg.norm(flat_exact))


def client_batches(task: tasks.RowTask, size: int) -> Iterator[_Batch]:
  """Yields the first `size` examples of each client that has as many."""
  data = task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)
  for client_id in data.client_ids:
    dataset = data.create_tf_dataset_for_client(client_id).unbatch()
    yield from (
      dataset.batch(size, drop_remainder=True).take(1).as_numpy_iterator()
    )
