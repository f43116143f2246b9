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

import tensorflow_federated as tff


def released_rounds(process, client_ids, state_dir: str) -> list[int]:
  """Trains two rounds of two clients; returns those whose metrics it released.

  Args:
    process: A learning process whose clients' data are client ids.
    client_ids: Those to sample from.
    state_dir: Where program states are saved.
  """
  context = tff.program.NativeFederatedContext(
    tff.backends.native.create_async_local_cpp_execution_context()
  )
  metrics_manager = tff.program.MemoryReleaseManager()
  with tff.framework.get_context_stack().install(context):
    asyncio.run(
      tff.learning.programs.train_model(
        train_process=process,
        train_data_source=tff.program.ClientIdDataSource(client_ids),
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
