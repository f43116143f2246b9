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
"""Frequencies of labels, and how much rare labels contribute.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", figure 2.
"""

from typing import NamedTuple

import numpy as np

from programs.reports import figures
from programs.reports import tables

_MAX_POINTS = 200


class PowerLaw(NamedTuple):
  """Fit of counts, from a least count on, to a power law.

  Attributes:
    exponent: Exponent alpha of `P(count) ~ count^-alpha`.
    distance: Kolmogorov-Smirnov distance of counts and fit.
    num_fitted: Number of counts that are at least the least one.
  """

  exponent: float
  distance: float
  num_fitted: int


def report(
  label_counts: np.ndarray,
  num_examples: int,
  *,
  frequencies_path: str,
  ranks_path: str,
) -> None:
  """Prints the frequencies of labels and draws figure 2 of the paper.

  Args:
    label_counts: `[num_labels]`, number of training examples of each label.
    num_examples: Number of training examples.
    frequencies_path: Path of a PNG file: for each frequency, the share of
      labels that are as rare, and the share of positives that these have.
    ranks_path: Path of a PNG file: the count of each label, by its rank.
  """
  counts = np.sort(label_counts[label_counts > 0])
  fit = fit_power_law(counts)
  below = counts < 0.01 * num_examples
  tables.print_table(
    ['labels', 'value'],
    [
      ['training examples', f'{num_examples:,}'],
      ['labels with examples', f'{counts.size:,}'],
      ['positives', f'{counts.sum():,}'],
      ['examples of a label, median', f'{np.median(counts):,.0f}'],
      ['most examples of a label', f'{counts[-1]:,}'],
      ['labels of less than 0.01 of the examples', f'{below.mean():.4f}'],
      ['their share of positives', f'{counts[below].sum() / counts.sum():.4f}'],
      [
        f'exponent of a power law, fitted to {fit.num_fitted:,} labels',
        f'{fit.exponent:.2f} (distance {fit.distance:.3f})',
      ],
    ],
  )
  _draw_frequencies(frequencies_path, counts, num_examples)
  ranks = _spread_indices(counts.size)
  figures.save_curves(
    ranks_path,
    {
      'labels': figures.Curve(
        (ranks + 1).tolist(), counts[::-1][ranks].tolist()
      )
    },
    x_label='rank of the label',
    y_label='training examples',
    log_x=True,
    log_y=True,
  )


def fit_power_law(counts: np.ndarray, least: int = 10) -> PowerLaw:
  """Fits counts of at least `least` to a power law, by maximum likelihood.

  Clauset et al. (2009), "Power-Law Distributions in Empirical Data", equation
  3.7, for counts that are not too small; `alpha = 1 + n / sum ln(x / (least -
  1/2))`.

  Args:
    counts: Positive integers.
    least: Least count that is fitted; lowered to the largest count.

  Returns:
    The fit.
  """
  least = min(least, int(counts.max()))
  tail = np.sort(counts[counts >= least]).astype(np.float64)
  start = least - 0.5
  exponent = 1 + tail.size / np.log(tail / start).sum()
  # Share of larger counts, at each distinct count.
  values, numbers = np.unique(tail, return_counts=True)
  empirical = 1 - np.cumsum(numbers) / tail.size
  fitted = ((values + 0.5) / start) ** (1 - exponent)
  return PowerLaw(
    float(exponent), float(np.abs(empirical - fitted).max()), tail.size
  )


def _draw_frequencies(path: str, counts: np.ndarray, num_examples: int) -> None:
  shown = _spread_indices(counts.size)
  # As rare: of equal counts, the last one has all of them below.
  last = np.searchsorted(counts, counts[shown], side='right')
  totals = np.cumsum(counts)
  x = (counts[shown] / num_examples).tolist()
  figures.save_curves(
    path,
    {
      'labels': figures.Curve(x, (last / counts.size).tolist()),
      'their positives': figures.Curve(
        x, (totals[last - 1] / totals[-1]).tolist()
      ),
    },
    x_label='share of the examples that have a label',
    y_label='share of labels that are as rare',
    log_x=True,
  )


def _spread_indices(size: int) -> np.ndarray:
  """Returns some indices below `size`, evenly spaced on a logarithmic scale."""
  points = np.geomspace(1, size, min(size, _MAX_POINTS))
  from_start = np.unique(points.round().astype(int)) - 1
  return np.unique(np.concatenate([from_start, size - 1 - from_start]))
