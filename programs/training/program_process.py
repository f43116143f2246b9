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
"""Processes on client ids, as program logic takes them."""

from typing import Any

import numpy as np
import tensorflow_federated as tff

from programs.training import program_types
from tff_methods import simulation


def of_client_id_process(
  process: simulation.ClientIdProcess, context: tff.framework.SyncContext
) -> program_types.TrainingProcess:
  """Returns a process whose values program logic can await.

  Without client states it is TFF's own `LearningProcess`, whose computations
  run in the current `tff.program.FederatedContext`.

  Args:
    process: Process on client ids.
    context: Context that runs the rounds of a process with client states.
  """
  if process.learning_process is not None:
    return process.learning_process
  return _StatefulProcess(process, context)


class _StatefulProcess:
  """Process with client states, which stay within a round.

  `next` is `(<S@SERVER, {str}@CLIENTS, {C}@CLIENTS> -> <S@SERVER, M@SERVER,
  {C}@CLIENTS>)`. TFF's types of federated programs do not allow for it: a
  `tff.program.FederatedContext` returns no values at clients
  (`tff.program.NativeFederatedContext` raises `ValueError`), and takes values
  at clients from a data source alone. So a round, with the reading and writing
  of the store, runs in an execution context. Values at the server enter and
  leave it as they are, not as references.
  """

  client_data_type = tff.FederatedType(np.str_, tff.CLIENTS)

  def __init__(
    self,
    process: simulation.ClientIdProcess,
    context: tff.framework.SyncContext,
  ):
    self._process = process
    self._context = context

  def initialize(self) -> Any:
    return self._run(self._process.initialize)

  def next(self, state: Any, clients: Any) -> Any:
    return self._run(self._process.next, state, clients)

  def get_model_weights(self, state: Any) -> Any:
    return self._run(self._process.get_model_weights, state)

  def set_model_weights(self, state: Any, weights: Any) -> Any:
    return self._run(self._process.set_model_weights, state, weights)

  def _run(self, function: Any, *args: Any) -> Any:
    with tff.framework.get_context_stack().install(self._context):
      return function(*args)
