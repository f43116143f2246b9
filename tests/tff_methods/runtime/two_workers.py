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
"""Remote contexts over workers on this machine, for tests."""

from collections.abc import Sequence

import tensorflow_federated as tff

from tff_methods.runtime import remote_context
from tff_methods.runtime import workers


def create_context() -> tff.framework.SyncContext:
  """Returns a context over two workers, which end with the program."""
  local_workers = start_workers(2)
  context = remote_context.create_remote_context(addresses(local_workers))
  context.local_workers = local_workers  # Keeps the workers alive.
  return context


def start_workers(number: int) -> list[workers.LocalWorker]:
  """Starts workers, which end with their Python objects."""
  return [workers.LocalWorker() for _ in range(number)]


def addresses(local_workers: Sequence[workers.LocalWorker]) -> list[str]:
  """Returns `host:port` of each worker."""
  return [f'localhost:{worker.port}' for worker in local_workers]
