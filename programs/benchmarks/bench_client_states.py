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
"""Benchmark of the cost of client states in a round."""

from collections.abc import Callable, Mapping, Sequence
import contextlib
import tempfile
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_timing
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods import simulation
from tff_methods import templates

NUM_CLIENTS = 20
_NUM_EXAMPLES = 100
_CACHE_BYTES = 2**30  # As in `programs.train`.
DICTIONARY = 'DHQC, states in a dictionary'
PLAIN = 'TFF mean, no states'
_CLIENT_IDS = [str(i) for i in range(NUM_CLIENTS)]


class _InMemoryStore:
  """Client states in a dictionary, with the interface of `ClientStateStore`."""

  def __init__(self) -> None:
    self._states = {}
    self.last_round = 0

  def any_state(self, round_num: int) -> list[np.ndarray] | None:
    del round_num
    return next(iter(self._states.values()), None)

  def read(
    self, client_ids: Sequence[str], round_num: int
  ) -> list[list[np.ndarray] | None]:
    del round_num  # Only the last states are kept.
    return [self._states.get(client_id) for client_id in client_ids]

  def write(
    self, round_num: int, states: Mapping[str, list[np.ndarray]]
  ) -> None:
    self.last_round = round_num
    self._states.update(states)


def time_rounds(repeats: int) -> dict[str, np.ndarray]:
  """Times rounds in process of methods with client states, with a CNN.

  Args:
    repeats: Number of timed rounds of each candidate; they take turns.

  Returns:
    By candidate, `float64[2]`: the median seconds of wall time and of CPU time
    of a round of `NUM_CLIENTS` clients. The state of a client has as many
    `float32` values as the model has weights, 843,658, and twice as many in
    DGC.
  """
  tff.framework.set_default_context(runtime.create_in_process_context('cpu'))
  model_fn, datasets = bench_rounds.cnn_workload()
  optimizer = tff.learning.optimizers.build_sgdm(0.1)
  dhqc = algorithms.build_dhqc_fed_avg(model_fn, optimizer)
  # Without warm-up, whose fractions are compiled one after the other.
  dgc = algorithms.build_dgc_fed_avg(
    model_fn, optimizer, options=options_lib.DgcOptions(warm_up_fractions=())
  )
  data = _dataset_computation(datasets)
  with contextlib.ExitStack() as stack:

    def in_files():
      directory = stack.enter_context(tempfile.TemporaryDirectory())
      return simulation.ClientStateStore(directory, _CACHE_BYTES)

    candidates: dict[str, tuple[templates.ClientStateProcess, Any]] = {
      DICTIONARY: (dhqc, _InMemoryStore()),
      'DHQC, states in files': (dhqc, in_files()),
      'DGC, states in a dictionary': (dgc, _InMemoryStore()),
      'DGC, states in files': (dgc, in_files()),
    }
    runs: dict[str, Callable[[], object]] = {
      name: _rounds(simulation.compose_client_id_process(process, data, store))
      for name, (process, store) in candidates.items()
    }
    runs[PLAIN] = _rounds(_plain(model_fn, optimizer, data))
    runs['DHQC, states in and out alone'] = _round_trip(dhqc)
    # The first round traces, and the second is the first to read states.
    clock = bench_timing.wall_and_cpu_clock()
    return bench_timing.medians(runs, repeats, warm_up=2, clock=clock)


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  seconds = time_rounds(repeats)
  plain_wall, plain_cpu = seconds[PLAIN]
  return [
    [
      f'a round of {NUM_CLIENTS} clients with states: CNN, 843,658 weights',
      candidate,
      f'{1000 * wall:.0f} ms',
      f'{wall / plain_wall:.2f} x {PLAIN}, '
      f'{cpu / plain_cpu:.2f} x its CPU time',
    ]
    for candidate, (wall, cpu) in seconds.items()
  ]


def _plain(
  model_fn: templates.Model,
  optimizer: tff.learning.optimizers.Optimizer,
  dataset_computation: tff.Computation,
) -> tff.learning.templates.LearningProcess:
  return tff.simulation.compose_dataset_computation_with_learning_process(
    dataset_computation,
    tff.learning.algorithms.build_weighted_fed_avg(
      model_fn,
      optimizer,
      loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
    ),
  )


def _rounds(
  process: simulation.ClientIdProcess | tff.learning.templates.LearningProcess,
) -> Callable[[], None]:
  """Returns a function that runs the next round."""
  state = process.initialize()

  def run():
    nonlocal state
    state = process.next(state, _CLIENT_IDS).state

  return run


def _round_trip(process: templates.ClientStateProcess) -> Callable[[], object]:
  """Returns a function that sends states to clients and back, changed."""
  member = process.initial_client_state.type_signature.result

  @tff.tensorflow.computation(member)
  def add_one(state):
    return tf.nest.map_structure(lambda x: x + 1, state)

  @tff.federated_computation(tff.FederatedType(member, tff.CLIENTS))
  def add_one_to_all(states):
    return tff.federated_map(add_one, states)

  states = [process.initial_client_state()] * NUM_CLIENTS
  return lambda: add_one_to_all(states)


def _dataset_computation(datasets: list[tf.data.Dataset]) -> tff.Computation:
  """Returns `(str -> B*)`, a computation of the same batches for each id."""
  arrays = next(iter(datasets[0].unbatch().batch(_NUM_EXAMPLES)))

  @tff.tensorflow.computation(tf.string)
  def dataset_computation(client_id):
    del client_id
    constants = tuple(tf.constant(array.numpy()) for array in arrays)
    return tf.data.Dataset.from_tensor_slices(constants).batch(20)

  return dataset_computation
