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
"""A context that spreads clients over two workers, as over two machines."""

import tensorflow_federated as tff
from tensorflow_federated.python.core.backends.native import compiler
from tensorflow_federated.python.core.environments.tensorflow_frontend import (
  tensorflow_computation,
)

from tff_methods.runtime import workers


def create_context() -> tff.framework.SyncContext:
  """Returns a context of TFF's own over workers that end with the program."""
  contexts = [_create_async_context(workers.LocalWorker()) for _ in range(2)]
  return tff.backends.native.create_mergeable_comp_execution_context(contexts)


def _create_async_context(worker) -> tff.framework.AsyncExecutionContext:
  stub = tff.framework.RemoteExecutorGrpcStub(worker.channel)

  def create_executor(cardinalities):
    worker.check_running()
    cardinalities.setdefault(tff.CLIENTS, 0)
    executor = tff.framework.RemoteExecutor(stub)
    executor.set_cardinalities(cardinalities)
    return executor

  return tff.framework.AsyncExecutionContext(
    executor_fn=tff.framework.ResourceManagingExecutorFactory(create_executor),
    compiler_fn=compiler.desugar_and_transform_to_native,
    transform_args=tensorflow_computation.transform_args,
    transform_result=tensorflow_computation.transform_result,
  )
