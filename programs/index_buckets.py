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
r"""Shows which classes share a bucket of hash tables, such as related words.

  python -m programs.index_buckets --task=python_tokens --vocab_size=5000 \
    --weights=/tmp/run/model_weights.npz

After the appendix of Xu et al. (2022), "Adaptive Sparse Federated Learning in
Large Output Spaces via Hashing". Hashes the rows of a trained model once, and
prints the buckets whose rows are most alike, by the mean cosine of all pairs,
and how alike pairs are in the mean. Exit codes: 0, 2 if what is asked for
cannot be done.
"""

import atexit
from collections.abc import Iterable
from typing import NamedTuple

from absl import flags
import numpy as np
import tensorflow as tf

from programs.command_line import common_flags
from programs.command_line import runner
from programs.command_line import task_flags
from programs.methods import row_methods
from programs.reports import tables
from programs.runs import saved_weights
import tasks
from tff_methods import retrieval
from tff_methods import runtime

_WEIGHTS = flags.DEFINE_string(
  'weights', None, 'The model_weights.npz of a run of the task.'
)
_NUM_SHOWN = flags.DEFINE_integer(
  'num_shown', 15, 'How many buckets to show.', lower_bound=1
)
_NUM_CLASSES = flags.DEFINE_integer(
  'num_classes',
  1000,
  'Of so many classes, the first ones: of words, the most frequent.',
  lower_bound=1,
)
flags.adopt_module_key_flags(common_flags)
flags.adopt_module_key_flags(task_flags)

_DEFAULT_BITS, _DEFAULT_TRANSFORM = 8, 'none'  # Which tells cosines.
_LEAST_MEMBERS, _MOST_MEMBERS = 3, 8


class Bucket(NamedTuple):
  """Classes with the same code.

  Attributes:
    cosine: The mean over pairs of their rows.
    classes: Ascending.
  """

  cosine: float
  classes: tuple[int, ...]


def main() -> int:
  """Shows what the flags ask for; returns the exit code."""
  runner.check_given(task_flags.TASK, _WEIGHTS)
  weights = saved_weights.load(_WEIGHTS.value)
  task = task_flags.build_task(
    tasks.RowTask,
    'whose model has a row for each class',
    'python_tokens',
  )
  model = task.row_model
  saved_weights.check_fit('--weights', weights, model.full_model())
  vectors = model.row_vectors(tf.constant(weights.trainable[-1])).numpy()
  vectors = vectors[: _NUM_CLASSES.value]
  found = buckets(
    vectors,
    row_methods.HASH_BITS.value or _DEFAULT_BITS,
    row_methods.HASH_TRANSFORM.value or _DEFAULT_TRANSFORM,
    task_flags.SEED.value,
  )
  names = task.class_names or tuple(map(str, range(len(vectors))))
  tables.print_table(
    ['mean cosine', 'bucket'],
    [
      [f'{bucket.cosine:.2f}', '  '.join(names[c] for c in bucket.classes)]
      for bucket in _most_alike(found, _NUM_SHOWN.value)
    ],
  )
  print(
    f'Of {len(vectors):,} classes in {len(found):,} buckets pairs of the same '
    f'bucket have a mean cosine of {_mean_within(found):.3f}, all pairs of '
    f'{mean_cosine(vectors):.3f}.'
  )
  return 0


def buckets(
  vectors: np.ndarray, num_bits: int, transform: str, seed: int
) -> list[Bucket]:
  """Hashes vectors; returns the buckets that have any, of one table.

  Args:
    vectors: `float32[n, d]`.
    num_bits: Of a code.
    transform: One of `retrieval.TRANSFORMS`.
    seed: Of the projections.
  """
  index = retrieval.SimHash(
    num_bits, 1, transform, bucket_capacity=len(vectors)
  )
  key = np.array([seed, 0], np.uint32).view(np.int32)
  built = index.build(tf.constant(key), tf.constant(vectors))
  ids = built.tables.ids.numpy()[0]
  offsets = built.tables.offsets.numpy()[0]
  members = np.split(ids, offsets[1:-1])
  return [
    Bucket(mean_cosine(vectors[m]), tuple(sorted(m.tolist())))
    for m in members
    if m.size
  ]


def mean_cosine(vectors: np.ndarray) -> float:
  """Returns the mean over all pairs of vectors, NaN if there are none."""
  n = len(vectors)
  if n < 2:
    return float('nan')
  directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
  total = np.square(directions.sum(axis=0, dtype=np.float64)).sum()
  return float((total - n) / (n * (n - 1)))


def _most_alike(found: Iterable[Bucket], number: int) -> list[Bucket]:
  """Those of the highest cosine, of buckets neither tiny nor huge."""
  shown = [
    b for b in found if _LEAST_MEMBERS <= len(b.classes) <= _MOST_MEMBERS
  ]
  return sorted(shown, key=lambda b: -b.cosine)[:number]


def _mean_within(found: Iterable[Bucket]) -> float:
  """The mean cosine over all pairs that share a bucket."""
  pairs = np.array([len(b.classes) * (len(b.classes) - 1) for b in found])
  cosines = np.nan_to_num([b.cosine for b in found])
  return float((pairs * cosines).sum() / max(pairs.sum(), 1))


if __name__ == '__main__':
  # Also where the flags are refused: what TFF's import made prints errors else.
  atexit.register(runtime.end_workers)
  runner.run(main)
