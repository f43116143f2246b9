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
"""Parts of the report on the labels of a task."""

import functools
import os

import numpy as np

from programs.reports import bucket_collisions
from programs.reports import bucket_positives
from programs.reports import client_divergence
from programs.reports import client_labels
from programs.reports import estimation_error
from programs.reports import label_frequencies
import tasks

_COLLISION_DRAWS = 10


class LabelSections:
  """Parts of the report; each prints a table and draws a PNG file.

  Labels of clients are read once, by the first part that needs them.
  """

  def __init__(
    self,
    task: tasks.MultiLabelTask,
    *,
    num_buckets: int,
    bucket_counts: list[int],
    num_draws: int,
    seed: int,
    output_dir: str,
  ) -> None:
    """Sets what the parts report on.

    Args:
      task: The task.
      num_buckets: Number of buckets of `estimation` and `positives`.
      bucket_counts: Numbers of buckets of `divergence`.
      num_draws: Number of hash tables for each number of buckets; ten times as
        many for `collisions`.
      seed: Seed of all random choices.
      output_dir: Directory of the pictures.
    """
    self._task = task
    self._num_buckets = num_buckets
    self._bucket_counts = bucket_counts
    self._num_draws = num_draws
    self._seed = seed
    self._output_dir = output_dir

  def frequencies(self) -> None:
    """Figure 2: frequencies of labels."""
    label_frequencies.report(
      np.array(self._task.class_counts),
      self._task.num_train_examples,
      frequencies_path=self._path('frequencies'),
      ranks_path=self._path('ranks'),
    )

  def estimation(self) -> None:
    """Theorem 1: errors of means."""
    estimation_error.report(
      self._task,
      self._num_buckets,
      num_draws=self._num_draws,
      seed=self._seed,
      figure_path=self._path('estimation'),
    )

  def positives(self) -> None:
    """Lemma 1: positives of buckets."""
    bucket_positives.report(
      client_labels.join(self._clients),
      self._task.num_labels,
      self._num_buckets,
      num_tables=self._num_draws,
      seed=self._seed,
      figure_path=self._path('positives'),
    )

  def collisions(self) -> None:
    """Lemma 2: labels that share all buckets."""
    bucket_collisions.report(
      self._task.num_labels,
      num_draws=_COLLISION_DRAWS * self._num_draws,
      seed=self._seed,
      figure_path=self._path('collisions'),
    )

  def divergence(self) -> None:
    """Theorem 2: divergence between clients."""
    client_divergence.report(
      self._clients,
      self._task.num_labels,
      self._bucket_counts,
      num_tables=self._num_draws,
      seed=self._seed,
      figure_path=self._path('divergence'),
    )

  @functools.cached_property
  def _clients(self) -> list[client_labels.Positives]:
    return client_labels.read(self._task)

  def _path(self, name: str) -> str:
    return os.path.join(self._output_dir, f'{name}.png')
