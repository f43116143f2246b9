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
r"""Reports how far clients' labels are apart, before and after hashing.

  python -m programs.label_divergence --task=delicious --data_dir=data \
    --output_dir=/tmp/divergence

After Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", Theorem 2:
the Kullback-Leibler divergence of the labels of two clients, in the mean over
all ordered pairs, and of their buckets. A client's share of a label is that of
its positives, of which each label counts one more: the theorem supposes that
each client has all labels. Prints a table, and draws divergence.png. Exit
codes: 0, 2 if what is asked for cannot be done.
"""

import atexit
from collections.abc import Sequence
import itertools
import os
from typing import NamedTuple

from absl import flags
import numpy as np
import rich.progress

from programs.command_line import common_flags
from programs.command_line import runner
from programs.command_line import task_flags
from programs.reports import figures
from programs.reports import report_arguments
from programs.reports import tables
import tasks
from tff_methods import label_hashing
from tff_methods import runtime

_NUM_DRAWS = flags.DEFINE_integer(
  'num_draws',
  10,
  'Hash tables that are drawn for each number of buckets.',
  lower_bound=1,
)
_BUCKET_COUNTS = flags.DEFINE_list(
  'bucket_counts',
  None,
  'Numbers of buckets; by default powers of two up to the number of labels.',
)
flags.adopt_module_key_flags(common_flags)
flags.adopt_module_key_flags(task_flags)


class Divergence(NamedTuple):
  """The mean over pairs of clients, of the tables of so many buckets.

  Attributes:
    num_buckets: B.
    mean: Over tables, in nats.
    deviation: The standard deviation over tables.
    largest_ratio: The largest, over pairs and tables, of the divergence of
      buckets to that of labels. Theorem 2: less than 1.
  """

  num_buckets: int
  mean: float
  deviation: float
  largest_ratio: float


def main() -> int:
  """Reports as the flags say; returns the exit code."""
  runner.check_given(task_flags.TASK, common_flags.OUTPUT_DIR)
  report_arguments.make_output_dir()
  task = task_flags.build_task(
    tasks.MultiLabelTask,
    'with many labels',
    'delicious',
    epochs=1,
  )
  sizes = _bucket_counts(task.num_labels)
  counts = 1 + count_labels(task)
  of_pairs = pairwise(counts)
  before = float(np.mean(of_pairs))
  divergences = [
    measure(counts, of_pairs, size, _NUM_DRAWS.value, task_flags.SEED.value)
    for size in sizes
  ]
  _print(task.num_labels, before, divergences)
  _draw(
    os.path.join(common_flags.OUTPUT_DIR.value, 'divergence.png'),
    task.num_labels,
    before,
    divergences,
  )
  return 0


def count_labels(task: tasks.MultiLabelTask) -> np.ndarray:
  """Returns the positives of each label that each client has, `[K, p]`."""
  data = task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)
  counts = []
  for client_id in rich.progress.track(data.client_ids, 'Counting labels'):
    total = np.zeros([task.num_labels], np.int64)
    for _, labels in data.create_tf_dataset_for_client(client_id):
      found = labels.numpy()
      found = found[found != label_hashing.PADDING]
      total += np.bincount(found, minlength=task.num_labels)
    counts.append(total)
  return np.stack(counts)


def pairwise(distributions: np.ndarray) -> np.ndarray:
  """Returns the divergence of each ordered pair of clients.

  Args:
    distributions: `[K, ..., n]`, of sums of any size.

  Returns:
    `float64[K (K - 1), ...]`, in nats.
  """
  return np.stack(
    [
      label_hashing.kl_divergence(first, second)
      for first, second in itertools.permutations(distributions, 2)
    ]
  )


def measure(
  counts: np.ndarray,
  before: np.ndarray,
  num_buckets: int,
  num_tables: int,
  seed: int,
) -> Divergence:
  """Measures the divergence of clients' buckets.

  Args:
    counts: `[K, p]`, above 0, of the labels of each client.
    before: What `pairwise` returns of them.
    num_buckets: Of each table.
    num_tables: How many are drawn.
    seed: Of the draw.
  """
  label_hash = label_hashing.LabelHash.draw(
    counts.shape[1], num_tables, num_buckets, seed
  )
  of_pairs = pairwise(
    np.stack([label_hashing.hashed_distribution(c, label_hash) for c in counts])
  )
  before = before[:, np.newaxis]
  of_tables = of_pairs.mean(axis=0)
  return Divergence(
    num_buckets,
    float(of_tables.mean()),
    float(of_tables.std(ddof=1)) if num_tables > 1 else 0.0,
    # Clients that are alike stay so.
    float(
      np.divide(of_pairs, before, where=before > 0, out=0 * of_pairs).max()
    ),
  )


def _bucket_counts(num_labels: int) -> list[int]:
  if _BUCKET_COUNTS.value is None:
    return [2**i for i in range(2, num_labels.bit_length())]
  sizes = [int(n) if n.isdecimal() else 0 for n in _BUCKET_COUNTS.value]
  if not sizes or not all(0 < size <= num_labels for size in sizes):
    raise runner.UsageError(
      f'Expected --bucket_counts from 1 to {num_labels}, the labels of the '
      f'task, separated by commas, found {",".join(_BUCKET_COUNTS.value)}.'
    )
  return sizes


def _print(
  num_labels: int, before: float, divergences: Sequence[Divergence]
) -> None:
  rows = [
    [
      f'{d.num_buckets:,}',
      f'{d.mean:.4f} (± {d.deviation:.4f})',
      f'{d.mean / before:.3f}',
      f'{d.largest_ratio:.3f}',
    ]
    for d in divergences
  ]
  rows.append([f'{num_labels:,}, not hashed', f'{before:.4f}', '1', '1'])
  tables.print_table(
    ['buckets', 'divergence, nats', 'of that of labels', 'at most'], rows
  )


def _draw(
  path: str,
  num_labels: int,
  before: float,
  divergences: Sequence[Divergence],
) -> None:
  figures.save_curves(
    path,
    {
      'hashed': figures.Curve(
        [d.num_buckets for d in divergences],
        [d.mean for d in divergences],
        [d.deviation for d in divergences],
      ),
      'not hashed': figures.Curve(
        [divergences[0].num_buckets, num_labels], [before, before]
      ),
    },
    x_label='buckets',
    y_label='KL divergence of two clients, nats',
    log_x=True,
  )


if __name__ == '__main__':
  # Also where the flags are refused: what TFF's import made prints errors else.
  atexit.register(runtime.end_workers)
  runner.run(main)
