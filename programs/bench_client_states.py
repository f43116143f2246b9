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

from programs import bench_rounds
from programs import bench_timing
from tff_methods import composers
from tff_methods import processes
from tff_methods import runtime

NUM_CLIENTS = 100
DICTIONARY = 'states in a dictionary'
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
  process = processes.build_dhqc_fed_avg(
    model_fn, tff.learning.optimizers.build_sgdm(0.1)
  )
  with tempfile.TemporaryDirectory() as directory:
    stores = {
      DICTIONARY: _Dictionary(),
      'states in files': composers.ClientStateStore(directory),
    }
    runs = {
      name: _run_rounds(process, _dataset_computation(datasets), store)
      for name, store in stores.items()
    }
    # The first round compiles and the second is the first to read states.
    return bench_timing.medians(runs, repeats, warm_up=2)


def _run_rounds(process, dataset_computation, store):
  """Returns the function that runs one round more."""
  process = composers.StoredClientStates(process, dataset_computation, store)
  state = process.initialize()

  def run():
    nonlocal state
    state = process.next(state, _CLIENT_IDS).state

  return run


def _dataset_computation(datasets: list[tf.data.Dataset]) -> tff.Computation:
  """Returns `(str -> B*)`: the data of clients, some of which share theirs."""
  elements = datasets[0].unbatch().batch(len(_CLIENT_IDS))
  arrays = next(iter(elements))

  @tff.tensorflow.computation(tf.string)
  def dataset_computation(client_id):
    del client_id  # Training takes as long, whatever the data.
    constants = tuple(tf.constant(array.numpy()) for array in arrays)
    return tf.data.Dataset.from_tensor_slices(constants).batch(20)

  return dataset_computation
