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
"""Gradient noise of federated sampled softmax.

Waghmare et al. (2022), "Efficient Image Representation Learning with
Federated Sampled Softmax", appendix A.3.
"""

from collections.abc import Sequence
import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.reports import fed_ss_client_data
from tff_methods import algorithms
from tff_methods import models
from tff_methods import options as options_lib

COHORT_SIZE = 10


class NoiseLevels(NamedTuple):
  """Relative errors `||g_full - g_ss|| / ||g_full||` of an update.

  Attributes:
    model: Relative error over all trainable weights.
    body: Relative error over the weights of the body.
    rows: Relative error over the rows of the output layer.
  """

  model: float
  body: float
  rows: float


class GradientNoise:
  """Distance of a FedSS update from the full-softmax update (appendix A.3).

  The update is the mean over a cohort of `COHORT_SIZE` clients that all hold
  the same examples and draw independent negatives. Clients take one step of SGD
  with learning rate 1, and so does the server: changes of the weights are
  negative gradients. The cohort is simulated by one client in `COHORT_SIZE`
  rounds, each from the same weights, because the negatives of a round are a
  function of the client's data.
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
      weights: Weights at which the gradients are taken.
      base_seed: Seed of the negatives.
    """
    self._row_model = row_model
    self._weights = weights
    self._base_seed = base_seed
    # One trace serves all batches with the same number of classes.
    self._build_process = functools.cache(self._build_process)

  def full_change(self, batch: fed_ss_client_data.Batch) -> list[np.ndarray]:
    """Returns the change of the trainable weights in a full-softmax round.

    Args:
      batch: The examples of the client, and their classes.
    """
    return self._mean_change(self._build_process(None), batch, num_rounds=1)

  def __call__(
    self,
    batch: fed_ss_client_data.Batch,
    num_negatives: int,
    full_change: Sequence[np.ndarray],
  ) -> NoiseLevels:
    """Measures the noise of one cohort.

    Args:
      batch: The examples of each client, and their classes.
      num_negatives: `|N|`, the number of negatives of each client.
      full_change: The result of `full_change` for the same batch.

    Returns:
      The relative distances of the cohort's mean change from `full_change`.
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

  def num_classes_in(self, batch: fed_ss_client_data.Batch) -> int:
    """Returns `|P|`, the number of distinct classes in a batch."""
    return np.unique(self._row_model.classes_in(batch)).size

  def _build_process(
    self, num_candidates: int | None
  ) -> tff.learning.templates.LearningProcess:
    return algorithms.build_fed_ss(
      self._row_model,
      tff.learning.optimizers.build_sgdm(1.0),
      tff.learning.optimizers.build_sgdm(1.0),
      options=options_lib.FedSsOptions(
        variant='full_softmax' if num_candidates is None else 'fed_ss',
        num_sampled_classes=num_candidates,
        # Faster than 'select' in a simulation, with the same result.
        retrieval_mode='broadcast',
        base_seed=self._base_seed,
      ),
    )

  def _mean_change(
    self,
    process: tff.learning.templates.LearningProcess,
    batch: fed_ss_client_data.Batch,
    num_rounds: int,
  ) -> list[np.ndarray]:
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(len(batch[0]))
    before = [np.asarray(w, np.float64) for w in self._weights.trainable]
    sums = [np.zeros_like(w) for w in before]
    state = process.initialize()
    for _ in range(num_rounds):
      # The state keeps counting rounds, so negatives differ between rounds.
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
