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
"""Costs of one client in a round: peak memory, CPU time and bytes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_memory
from tff_methods import communication

LEARNING_RATE = 0.1


class ClientCost(NamedTuple):
  """Costs of one client in a round.

  Attributes:
    peak_bytes: Peak memory of its computations, with what it receives and
      sends.
    cpu_seconds: CPU time of its computations.
    bytes: Bytes that it receives and sends.
    num_entries: Index entries that it receives.
  """

  peak_bytes: int
  cpu_seconds: float
  bytes: communication.ClientBytes
  num_entries: int = 0


def measure(
  round_bytes: communication.ClientBytes,
  prepare: Callable[..., Callable[[], object]],
  *arguments: object,
  num_entries: int = 0,
) -> ClientCost:
  """Measures a client in fresh processes.

  Args:
    round_bytes: Bytes that it receives and sends.
    prepare: See `bench_memory.peak_bytes`.
    *arguments: Arguments of `prepare`.
    num_entries: Index entries that it receives.
  """
  return ClientCost(
    bench_memory.peak_bytes(prepare, *arguments),
    bench_memory.cpu_seconds(prepare, *arguments),
    round_bytes,
    num_entries,
  )


def measure_fed_avg(
  model: tff.learning.models.FunctionalModel,
  prepare: Callable[..., Callable[[], object]],
  *arguments: object,
) -> ClientCost:
  """Measures a client of federated averaging, which trains a whole model.

  Args:
    model: The model.
    prepare: See `bench_memory.peak_bytes`.
    *arguments: Arguments of `prepare`.
  """
  process = tff.learning.algorithms.build_weighted_fed_avg(
    model, tff.learning.optimizers.build_sgdm(LEARNING_RATE)
  )
  return measure(communication.traced_bytes(process.next), prepare, *arguments)


def receive(block: tf.Tensor, num_rows: int) -> tf.Tensor:
  """Copies rows into a new buffer, as a client receives them.

  Args:
    block: Some rows, which are repeated.
    num_rows: Number of rows to return.
  """
  return tf.gather(block, tf.range(num_rows) % block.shape[0])


def build_training(
  model: tff.learning.models.FunctionalModel, dataset: tf.data.Dataset
) -> Callable[..., Any]:
  """Builds a function from weights to the update of one epoch of SGD.

  Args:
    model: The model.
    dataset: Batches of the client.
  """

  @tf.function
  def train(weights):
    initial, constants = weights
    trained = initial
    for x, y in iter(dataset):
      with tf.GradientTape() as tape:
        tape.watch(trained)
        output = model.predict_on_batch((trained, constants), x)
        loss = model.loss(output, y)
      gradients = tape.gradient(loss, trained)
      trained = tf.nest.map_structure(
        lambda w, g: w - LEARNING_RATE * tf.convert_to_tensor(g),
        trained,
        gradients,
      )
    return tf.nest.map_structure(tf.subtract, trained, initial)

  return train


def rows(
  measured: str, measures: Mapping[str, Callable[[], ClientCost]], repeats: int
) -> list[list[str]]:
  """Returns rows in the table of `programs.bench`.

  Args:
    measured: First cell of each row.
    measures: Functions that measure a client, by candidate; the first has all
      rows of the model, and is what the others are compared with.
    repeats: Number of calls of each whose median is shown.
  """
  costs = {
    name: _median([measure_one() for _ in range(repeats)])
    for name, measure_one in measures.items()
  }
  full = next(iter(costs.values()))
  return [[measured, name, *_cells(cost, full)] for name, cost in costs.items()]


def _median(costs: Sequence[ClientCost]) -> ClientCost:
  """Returns the first costs with the medians of memory and CPU time."""
  return costs[0]._replace(
    peak_bytes=int(np.median([c.peak_bytes for c in costs])),
    cpu_seconds=float(np.median([c.cpu_seconds for c in costs])),
  )


def _cells(found: ClientCost, full: ClientCost) -> list[str]:
  """Returns the value and the comparison with all rows, as text."""
  entries = ''
  if found.num_entries:
    entries = f', of which {found.num_entries:,} index entries'
  return [
    f'{found.peak_bytes / 1e6:,.1f} MB at most, '
    f'{found.cpu_seconds:.2f} s of CPU, '
    f'{found.bytes.downlink / 1e6:,.2f} MB down{entries}, '
    f'{found.bytes.uplink / 1e6:,.2f} MB up',
    f'{found.peak_bytes / full.peak_bytes:.3f} x memory, '
    f'{found.cpu_seconds / full.cpu_seconds:.3f} x CPU, '
    f'{found.bytes.downlink / full.bytes.downlink:.3f} x down, '
    f'{found.bytes.uplink / full.bytes.uplink:.3f} x up',
  ]
