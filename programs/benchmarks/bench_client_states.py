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
"""Benchmark of what keeping client states in files adds to a round."""

from collections.abc import Mapping, Sequence
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_timing
from tff_methods import algorithms
from tff_methods import runtime
from tff_methods import simulation

NUM_CLIENTS = 100
_NUM_EXAMPLES = 100
DICTIONARY = 'DHQC, states in a dictionary'
PLAIN = 'TFF mean, no states'
_CLIENT_IDS = [str(i) for i in range(NUM_CLIENTS)]


class _Dictionary:
  """Stands in for the store: what it costs to keep states in no files."""

  def __init__(self):
    self._states = {}

  def read(self, client_ids: Sequence[str], round_num: int):
    del round_num  # The last one's.
    return [self._states.get(client_id) for client_id in client_ids]

  def write(self, round_num: int, states: Mapping[str, list[np.ndarray]]):
    del round_num
    self._states.update(states)


def time_rounds(repeats: int) -> dict[str, float]:
  """Times rounds of DHQC with a CNN of 843,658 weights.

  Args:
    repeats: How many rounds of each candidate; they take turns.

  Returns:
    By candidate the median seconds of a round of `NUM_CLIENTS` clients, each of
    which has a state of as many `float32` as the model has weights.
  """
  runtime.set_local_context()
  model_fn, datasets = bench_rounds.cnn_workload()
  optimizer = tff.learning.optimizers.build_sgdm(0.1)
  process = algorithms.build_dhqc_fed_avg(model_fn, optimizer)
  with tempfile.TemporaryDirectory() as directory:
    stores = {
      DICTIONARY: _Dictionary(),
      'DHQC, states in files': simulation.ClientStateStore(directory),
    }
    data = _dataset_computation(datasets)
    runs = {
      name: _rounds(simulation.StoredClientStates(process, data, store))
      for name, store in stores.items()
    }
    runs[PLAIN] = _rounds(_plain(model_fn, optimizer, data))
    runs['states in and out alone'] = _round_trip(process)
    # The first round compiles and the second is the first to read states.
    return bench_timing.medians(runs, repeats, warm_up=2)


def measure(repeats: int) -> list[list[str]]:
  """Measures; returns the rows of the table of `programs.bench`.

  Args:
    repeats: How often everything is timed.
  """
  seconds = time_rounds(repeats)
  dictionary = seconds[DICTIONARY]
  return [
    [
      f'a round of {NUM_CLIENTS} clients with states: CNN, 843,658 weights',
      candidate,
      f'{1000 * value:.0f} ms',
      f'{value / dictionary:.3f} x in a dictionary',
    ]
    for candidate, value in seconds.items()
  ]


def _plain(model_fn, optimizer, dataset_computation):
  return tff.simulation.compose_dataset_computation_with_learning_process(
    dataset_computation,
    tff.learning.algorithms.build_weighted_fed_avg(
      model_fn,
      optimizer,
      loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
    ),
  )


def _rounds(process):
  """Returns the function that runs one round more."""
  state = process.initialize()

  def run():
    nonlocal state
    state = process.next(state, _CLIENT_IDS).state

  return run


def _round_trip(process):
  """Returns the function that has clients take their states and return them."""
  member = process.initial_client_state.type_signature.result

  @tff.tensorflow.computation(member)
  def touch(state):
    return tf.nest.map_structure(lambda x: x + 1, state)

  @tff.federated_computation(tff.FederatedType(member, tff.CLIENTS))
  def touch_all(states):
    return tff.federated_map(touch, states)

  states = [process.initial_client_state()] * NUM_CLIENTS
  return lambda: touch_all(states)


def _dataset_computation(datasets: list[tf.data.Dataset]) -> tff.Computation:
  """Returns `(str -> B*)`: the same for all, which takes as long to train."""
  arrays = next(iter(datasets[0].unbatch().batch(_NUM_EXAMPLES)))

  @tff.tensorflow.computation(tf.string)
  def dataset_computation(client_id):
    del client_id
    constants = tuple(tf.constant(array.numpy()) for array in arrays)
    return tf.data.Dataset.from_tensor_slices(constants).batch(20)

  return dataset_computation
