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
"""Labels that share a bucket in every hash table.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", lemma 2.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from programs.reports import figures
from programs.reports import tables
from tff_methods import label_hashing

_TABLE_COUNTS = (1, 2, 3, 4, 6, 8)
_PROBABILITY = 0.05
_MAX_CODES = 2**62
# Numbers of buckets, relative to those that the bound asks for.
_FACTORS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4)


class Collisions(NamedTuple):
  """Draws of hash functions under which some two labels are the same.

  Attributes:
    num_tables: Number of hash tables, R.
    num_buckets: Number of buckets, B.
    bound: Bound on the probability, by lemma 2.
    share: Share of the draws.
    num_pairs: Mean number of such pairs over draws, of which the bound is the
      expectation. Hash functions are linear: pairs of the same difference often
      share their buckets together, so that the bound on the share is not tight.
  """

  num_tables: int
  num_buckets: int
  bound: float
  share: float
  num_pairs: float


def report(
  num_labels: int, *, num_draws: int, seed: int, figure_path: str
) -> None:
  """Prints and draws how often labels share all their buckets.

  Args:
    num_labels: Number of labels.
    num_draws: Number of draws of hash functions for each point.
    seed: Seed of the first hash functions.
    figure_path: Path of the PNG file.
  """
  curves, rows = {}, []
  for num_tables in _TABLE_COUNTS:
    required = label_hashing.num_buckets_for(
      num_labels, num_tables, _PROBABILITY
    )
    if required > num_labels:
      rows.append(
        [f'{num_tables}', f'{required:,}', 'more than labels', '', '']
      )
      continue
    bucket_counts = sorted(
      {min(num_labels, max(1, round(f * required))) for f in _FACTORS}
    )
    found = [
      measure(num_labels, num_tables, b, num_draws, seed) for b in bucket_counts
    ]
    rows.extend(
      [
        f'{num_tables}',
        f'{c.num_buckets:,}',
        f'{c.bound:.3f}',
        f'{c.share:.3f}',
        f'{c.num_pairs:.3f}',
      ]
      for c in found
    )
    for name, values in (
      ('bound', [c.bound for c in found]),
      ('measured', [c.share for c in found]),
    ):
      curves[f'R = {num_tables}, {name}'] = figures.Curve(bucket_counts, values)
  tables.print_table(
    [
      f'hash tables of {num_labels:,} labels',
      'buckets',
      'bound',
      f'share of {num_draws} draws',
      'such pairs, mean',
    ],
    rows,
  )
  if curves:
    figures.save_curves(
      figure_path,
      curves,
      x_label='buckets',
      y_label='probability that two labels share all buckets',
      log_x=True,
    )


def measure(
  num_labels: int, num_tables: int, num_buckets: int, num_draws: int, seed: int
) -> Collisions:
  """Draws hash functions and looks for labels that share all buckets.

  Args:
    num_labels: Number of labels.
    num_tables: Number of hash tables.
    num_buckets: Number of buckets of each table.
    num_draws: Number of draws.
    seed: Seed of the first draw.
  """
  num_pairs = num_labels * (num_labels - 1) / 2
  buckets = label_hashing.LabelHash.draw(
    num_labels, num_draws * num_tables, num_buckets, seed
  ).buckets()
  found = [
    num_colliding_pairs(draw, num_buckets)
    for draw in buckets.reshape(num_draws, num_tables, num_labels)
  ]
  return Collisions(
    num_tables,
    num_buckets,
    min(1.0, num_pairs * float(num_buckets) ** -num_tables),
    float(np.count_nonzero(found) / num_draws),
    float(np.mean(found)),
  )


def num_colliding_pairs(
  buckets: Sequence[np.ndarray] | np.ndarray, num_buckets: int
) -> int:
  """Returns the number of pairs of labels with the same bucket in each table.

  Args:
    buckets: `int64[R, p]`, bucket of each label in each table.
    num_buckets: Number of buckets of each table.
  """
  codes, num_codes = np.zeros(1, np.int64), 1
  for of_table in buckets:
    if num_codes > _MAX_CODES // num_buckets:
      _, codes = np.unique(codes, return_inverse=True)
      num_codes = codes.size
    codes = codes * num_buckets + of_table
    num_codes *= num_buckets
  _, counts = np.unique(codes, return_counts=True)
  return int((counts * (counts - 1) // 2).sum())
