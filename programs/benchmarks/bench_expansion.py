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
"""Benchmark of the expansion of structured updates on the server."""

import collections
from collections.abc import Sequence
import functools
import math

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_timing
from tff_methods import aggregators
from tff_methods import runtime
from tff_methods import update_spaces

NUM_CLIENTS = 100
SHAPE = (1000, 1000)
DENSE = 'TFF mean of full updates'

# A process, and the values of the clients.
_Aggregation = tuple[tff.templates.AggregationProcess, Sequence[object]]


def time_clients(repeats: int) -> dict[str, float]:
  """Times the aggregation of updates of one matrix from many clients.

  Args:
    repeats: Number of timed aggregations of each candidate; they take turns.

  Returns:
    By candidate, the median seconds per client to receive its update, expand it
    to the full update and add it to the sum.
  """
  runtime.set_local_context()
  rng = np.random.default_rng(0)
  runs = {
    'random mask, 6.25 %': _structured(update_spaces.RandomMask(0.0625), rng),
    'low rank, 8': _structured(update_spaces.LowRank(rank=8), rng),
    DENSE: _dense(rng),
  }
  weights = [1.0] * NUM_CLIENTS
  seconds = bench_timing.medians(
    {
      name: functools.partial(
        process.next, process.initialize(), values, weights
      )
      for name, (process, values) in runs.items()
    },
    repeats,
  )
  return {name: value / NUM_CLIENTS for name, value in seconds.items()}


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  seconds = time_clients(repeats)
  dense = seconds[DENSE]
  num_weights = math.prod(SHAPE)
  return [
    [
      f'the server, for each of {NUM_CLIENTS} clients: {num_weights:,} weights',
      candidate,
      f'{1000 * value:.2f} ms',
      f'{value / dense:.2f} x TFF mean',
    ]
    for candidate, value in seconds.items()
  ]


def _structured(
  space: update_spaces.UpdateSpace, rng: np.random.Generator
) -> _Aggregation:
  model_space = update_spaces.ModelSpace(space, [tf.TensorSpec(SHAPE)])
  values = [
    collections.OrderedDict(
      key=rng.integers(2**31, size=2, dtype=np.int32),
      parameters=tuple(
        rng.standard_normal(spec.shape, np.float32)
        for spec in model_space.parameter_specs
      ),
    )
    for _ in range(NUM_CLIENTS)
  ]
  return _create(aggregators.StructuredUpdateFactory(model_space), values)


def _dense(rng: np.random.Generator) -> _Aggregation:
  update = rng.standard_normal(SHAPE, np.float32)
  return _create(tff.aggregators.MeanFactory(), [update] * NUM_CLIENTS)


def _create(
  factory: tff.aggregators.WeightedAggregationFactory,
  values: Sequence[object],
) -> _Aggregation:
  specs = tf.nest.map_structure(
    lambda x: tf.TensorSpec(x.shape, x.dtype), values[0]
  )
  value_type = tff.types.tensorflow_to_type(specs)
  return factory.create(value_type, tff.TensorType(np.float32)), values
