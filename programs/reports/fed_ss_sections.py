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
"""Sections of `fed_ss_report`, each a table and a figure.

A `plan_*` function checks its arguments, raises `UsageError` if they cannot be
used, and returns a function from the path of the figure that computes, prints
and draws the section.
"""

from collections.abc import Callable, Mapping, Sequence
import functools
import itertools
import statistics

import numpy as np
import tensorflow_federated as tff

from programs.command_line import runner
from programs.reports import fed_ss_client_data
from programs.reports import fed_ss_confusion
from programs.reports import fed_ss_gradient_noise
from programs.reports import fed_ss_privacy
from programs.reports import figures
from programs.reports import progress
from programs.reports import tables
from programs.runs import saved_weights
import tasks

_EXAMPLES_PER_BATCH = 32
_NUM_REQUESTS = (1, 2, 3, 5)
_SIMULATED_CLIENTS = 500

_Section = Callable[[str], None]
# The number of negatives, `None` for all; its mean over batches; the noise of
# each batch.
_NoisePoint = tuple[int | None, float, list[fed_ss_gradient_noise.NoiseLevels]]


def plan_gradient_noise(
  task: tasks.RowTask,
  weights: saved_weights.SavedWeights | None,
  num_negatives: Sequence[int | None],
  num_batches: int,
  seed: int,
) -> _Section:
  """Plans the gradient noise by the number of negatives.

  Args:
    task: The task of the model and the clients.
    weights: Weights at which gradients are taken; the initial weights by
      default.
    num_negatives: Numbers of negatives of a client; `None` for all other
      classes.
    num_batches: Number of batches, each of another client.
    seed: Seed of the negatives.

  Returns:
    A function from the path of the figure.

  Raises:
    UsageError: If the weights are not of the task's model, or there are fewer
      batches or negatives than asked for.
  """
  row_model = task.row_model
  full_model = row_model.full_model()
  if weights is None:
    weights = saved_weights.SavedWeights(*full_model.initial_weights)
  saved_weights.check_fit('--weights', weights, full_model)
  noise = fed_ss_gradient_noise.GradientNoise(
    row_model, tff.learning.models.ModelWeights(*weights), seed
  )
  batches = list(
    itertools.islice(
      fed_ss_client_data.client_batches(task, _EXAMPLES_PER_BATCH), num_batches
    )
  )
  if len(batches) < num_batches:
    raise runner.UsageError(
      f'Expected --num_batches of at most {len(batches)}, as many as clients '
      f'with {_EXAMPLES_PER_BATCH} examples, found {num_batches}; lower it.'
    )
  others = [row_model.num_classes - noise.num_classes_in(b) for b in batches]
  highest = max((n for n in num_negatives if n is not None), default=0)
  if highest > min(others):
    raise runner.UsageError(
      f'Expected --num_negatives of at most {min(others)}, the classes that '
      f"are not a client's own, found {highest}; give all for as many."
    )

  return functools.partial(_report_noise, noise, batches, num_negatives, others)


def _report_noise(
  noise: fed_ss_gradient_noise.GradientNoise,
  batches: Sequence[fed_ss_client_data.Batch],
  num_negatives: Sequence[int | None],
  others: Sequence[int],
  path: str,
) -> None:
  full_changes = [noise.full_change(batch) for batch in batches]
  points = []
  for n in progress.track(num_negatives, 'Gradient noise'):
    counts = others if n is None else [n] * len(batches)
    levels = list(map(noise, batches, counts, full_changes))
    points.append((n, statistics.fmean(counts), levels))
  _print_noise(points)
  _draw_noise(path, points)


def _print_noise(points: Sequence[_NoisePoint]) -> None:
  tables.print_table(
    ['|N|', 'relative error of the update', 'of the body', 'of the rows'],
    [
      [
        f'{count:g} (all)' if n is None else f'{n}',
        *(
          f'{statistics.fmean(part):.4f} (± {statistics.stdev(part):.4f})'
          for part in zip(*levels, strict=True)
        ),
      ]
      for n, count, levels in points
    ],
  )
  print(
    f'Cohorts of {fed_ss_gradient_noise.COHORT_SIZE} clients with the same '
    f'{_EXAMPLES_PER_BATCH} examples; mean (± standard deviation) over '
    f'{len(points[0][2])} such batches.'
  )


def _draw_noise(path: str, points: Sequence[_NoisePoint]) -> None:
  counts = [count for _, count, _ in points]
  curves = {}
  for i, name in enumerate(['all weights', 'body', 'rows']):
    values = [[level[i] for level in levels] for _, _, levels in points]
    curves[name] = figures.Curve(
      counts,
      list(map(statistics.fmean, values)),
      list(map(statistics.stdev, values)),
    )
  figures.save_curves(
    path,
    curves,
    x_label='negatives per client',
    y_label='relative error of the update',
    log_x=True,
  )


def plan_privacy(
  task: tasks.RowTask, num_sampled_classes: Sequence[int], seed: int
) -> _Section:
  """Plans the leakage of a client's classes through its requests.

  Simulated clients have as many classes as the median client of the task.

  Args:
    task: The task of the clients.
    num_sampled_classes: Numbers of classes that a client requests.
    seed: Seed of all random draws.

  Returns:
    A function from the path of the figure.

  Raises:
    UsageError: If a client cannot request as many classes.
  """
  num_classes = task.row_model.num_classes
  classes_of = fed_ss_client_data.build_classes_fn(task)
  num_positives = statistics.median_low(
    [classes_of(c).size for c in task.datasets.train_data.client_ids]
  )
  for size in num_sampled_classes:
    if not num_positives < size <= num_classes:
      raise runner.UsageError(
        f'Expected --num_sampled_classes above {num_positives}, the median '
        f'number of classes of a client, and at most {num_classes}, the '
        f'number of all classes, found {size}; choose another number.'
      )

  return functools.partial(
    _report_privacy, num_positives, num_classes, num_sampled_classes, seed
  )


def _report_privacy(
  num_positives: int,
  num_classes: int,
  num_sampled_classes: Sequence[int],
  seed: int,
  path: str,
) -> None:
  rows, curves = [], {}
  for size in progress.track(num_sampled_classes, 'Privacy'):
    measured = fed_ss_privacy.measure_posterior(
      num_positives,
      num_classes,
      size,
      max(_NUM_REQUESTS),
      num_clients=_SIMULATED_CLIENTS,
      seed=seed,
    )
    computed = [
      fed_ss_privacy.posterior(num_positives, num_classes, size, t)
      for t in (0, *_NUM_REQUESTS)
    ]
    curves[f'{size} classes requested'] = figures.Curve(
      (0, *_NUM_REQUESTS), computed
    )
    for t, probability in zip(_NUM_REQUESTS, computed[1:], strict=True):
      fractions = (computed[0], probability, measured[t - 1])
      rows.append([f'{size}', f'{t}', *map(tables.percent, fractions)])
  tables.print_table(
    ['|S|', 'requests', 'prior', 'posterior', 'measured'], rows
  )
  print(
    "Probability that a class is the client's own if all requests have it; "
    f'|P| = {num_positives} of n = {num_classes} classes; measured on '
    f'{_SIMULATED_CLIENTS} clients.'
  )
  figures.save_curves(
    path,
    curves,
    x_label='requests',
    y_label="probability of the client's own",
  )


def plan_confusion(
  task: tasks.RowTask,
  runs: Mapping[str, saved_weights.SavedWeights],
  client_id: str | None,
) -> _Section:
  """Plans the confusion of a client's classes by trained models.

  Args:
    task: The task of the model, the clients and the test images.
    runs: Trained weights, by labels.
    client_id: Id of the client; the first client by default.

  Returns:
    A function from the path of the figure.

  Raises:
    UsageError: If the client is unknown or has a single class, if none of its
      classes has test images, or if weights are not of the task's model.
  """
  client_ids = task.datasets.train_data.client_ids
  if client_id is None:
    client_id = str(client_ids[0])
  if client_id not in client_ids:
    raise runner.UsageError(
      f'Expected --client from {client_ids[0]} to {client_ids[-1]}, found '
      f'{client_id!r}; choose one of them.'
    )
  for label, weights in runs.items():
    saved_weights.check_fit(
      f'--runs={label}', weights, task.row_model.full_model()
    )
  classes = fed_ss_client_data.build_classes_fn(task)(client_id)
  if classes.size < 2:
    raise runner.UsageError(
      f'Expected --client with two classes or more, found {client_id} with '
      f'{classes.size}; choose another.'
    )
  confusion = fed_ss_confusion.build_confusion_fn(task, classes)

  return functools.partial(
    _report_confusion,
    runs,
    confusion,
    client_id,
    classes,
    task.row_model.dimension,
  )


def _report_confusion(
  runs: Mapping[str, saved_weights.SavedWeights],
  confusion: Callable[[saved_weights.SavedWeights], np.ndarray],
  client_id: str,
  classes: np.ndarray,
  dimension: int,
  path: str,
) -> None:
  matrices = {label: confusion(weights) for label, weights in runs.items()}
  rows = []
  for label, weights in runs.items():
    table = weights.trainable[-1][:, :dimension]
    rows.append(
      [
        label,
        tables.percent(float(np.nanmean(np.diagonal(matrices[label])))),
        f'{fed_ss_confusion.mean_cosine(table[classes]):.4f}',
      ]
    )
  tables.print_table(['run', 'mean diagonal', 'mean cosine between rows'], rows)
  print(f'Test images of the {classes.size} classes of client {client_id}.')
  figures.save_matrices(
    path, matrices, x_label='predicted class', y_label='class'
  )
