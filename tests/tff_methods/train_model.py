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
"""Trains a process under `tff.learning.programs.train_model`."""

import asyncio

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff


def released_rounds(process, dataset_fn, state_dir: str) -> list[int]:
  """Trains two rounds of two clients; returns the rounds with released metrics.

  Args:
    process: A learning process.
    dataset_fn: Function that returns a data set of batches `(x, y)`, called
      inside a computation. Each of three clients has it with another small
      number added to x.
    state_dir: Directory of the program states.
  """

  @tff.tensorflow.computation(np.str_)
  def client_data(client_id):
    shift = 0.01 * tf.strings.to_number(client_id)
    return dataset_fn().map(lambda x, y: (x + shift, y))

  process = tff.simulation.compose_dataset_computation_with_learning_process(
    client_data, process
  )
  context = tff.program.NativeFederatedContext(
    tff.backends.native.create_async_local_cpp_execution_context()
  )
  metrics_manager = tff.program.MemoryReleaseManager()
  with tff.framework.get_context_stack().install(context):
    asyncio.run(
      tff.learning.programs.train_model(
        train_process=process,
        train_data_source=tff.program.ClientIdDataSource(['0', '1', '2']),
        train_per_round_clients=2,
        train_total_rounds=2,
        program_state_manager=tff.program.FileProgramStateManager(state_dir),
        model_output_manager=tff.program.MemoryReleaseManager(),
        train_metrics_manager=metrics_manager,
        evaluation_manager=None,
        evaluation_periodicity=1,
      )
    )
  return list(metrics_manager.values())
