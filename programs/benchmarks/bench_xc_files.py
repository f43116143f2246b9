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
"""Benchmark of the files of the Extreme Classification Repository."""

from collections.abc import Callable
import functools
import os
import pathlib
import tempfile
import time
from typing import NamedTuple

import numpy as np

from programs.benchmarks import bench_memory
from programs.reports import tables
import tasks


class Shape(NamedTuple):
  """Sizes of a data set.

  Attributes:
    num_train: Number of training examples.
    num_test: Number of test examples.
    num_features: Number of features.
    num_labels: Number of labels.
    mean_features: Mean number of features of an example.
    mean_labels: Mean number of labels of an example.
  """

  num_train: int
  num_test: int
  num_features: int
  num_labels: int
  mean_features: float
  mean_labels: float


# That of LF-WikiSeeAlsoTitles-320K, rounded.
SHAPE = Shape(693_000, 177_500, 40_000, 320_000, 3.0, 2.1)


class Loading(NamedTuple):
  """Costs of building the task `xc` from files.

  Attributes:
    first_seconds: Time of the first build, which reads the files.
    next_seconds: Time of the next one, from the cache.
    peak_bytes: Memory that the first build adds at its peak.
  """

  first_seconds: float
  next_seconds: float
  peak_bytes: int


def write_files(directory: pathlib.Path, shape: Shape) -> int:
  """Writes random `train.txt` and `test.txt`; returns their size, in bytes.

  The numbers of features and labels of an example are geometric, and labels
  follow a power law, as in the data set.

  Args:
    directory: Directory of the files.
    shape: Sizes of the data set.
  """
  rng = np.random.default_rng(0)
  for name, num_examples in (
    ('train.txt', shape.num_train),
    ('test.txt', shape.num_test),
  ):
    with open(directory / name, 'w') as file:
      file.write(f'{num_examples} {shape.num_features} {shape.num_labels}\n')
      num_labels = rng.geometric(1 / shape.mean_labels, num_examples)
      num_features = rng.geometric(1 / shape.mean_features, num_examples)
      labels = iter(
        _power_law(rng, shape.num_labels, num_labels.sum()).tolist()
      )
      features = iter(
        _power_law(rng, shape.num_features, num_features.sum()).tolist()
      )
      for n, m in zip(num_labels.tolist(), num_features.tolist(), strict=True):
        of_labels = ','.join(str(next(labels)) for _ in range(n))
        of_features = ' '.join(f'{next(features)}:0.5' for _ in range(m))
        file.write(f'{of_labels} {of_features}\n')
  return sum(os.path.getsize(directory / n) for n in ('train.txt', 'test.txt'))


def time_loading(shape: Shape) -> Loading:
  """Builds the task from random files, twice.

  Args:
    shape: Sizes of the data set.
  """
  with tempfile.TemporaryDirectory() as name:
    directory = pathlib.Path(name)
    write_files(directory, shape)
    peak = bench_memory.peak_bytes(_prepare_build, name, 'measured')
    start = time.perf_counter()
    build = _prepare_build(name, 'timed')
    build()
    middle = time.perf_counter()
    build()
    return Loading(middle - start, time.perf_counter() - middle, peak)


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Not used: it takes minutes, so each build is timed once.
  """
  del repeats
  loading = time_loading(SHAPE)
  name = (
    f'{SHAPE.num_train + SHAPE.num_test:,} examples of '
    f'{SHAPE.num_labels:,} labels'
  )
  return [
    [
      f'task xc, {name}',
      'from files',
      f'{loading.first_seconds:.0f} s',
      f'peak {tables.megabytes(loading.peak_bytes, 0)} MB',
    ],
    [f'task xc, {name}', 'from the cache', f'{loading.next_seconds:.0f} s', ''],
  ]


def _power_law(
  rng: np.random.Generator, num_values: int, size: int
) -> np.ndarray:
  """Returns `int64[size]` below `num_values`, small ones more often."""
  return np.floor(num_values ** rng.random(size)).astype(np.int64) - 1


def _prepare_build(data_dir: str, cache: str) -> Callable[[], object]:
  return functools.partial(
    tasks.build_task,
    'xc',
    data_dir=data_dir,
    cache_dir=os.path.join(data_dir, cache),
    # Small layers: the data are measured, not the model.
    options=tasks.TaskOptions(hidden_width=8),
  )
