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
"""Execution context over workers on several machines."""

from collections.abc import Sequence
import functools
from typing import Any

import grpc
import tensorflow_federated as tff

from tff_methods.common import worker_addresses
from tff_methods.runtime import in_process
from tff_methods.runtime import mergeable_computations
from tff_methods.runtime import worker_pool

# DNS answers within milliseconds; a longer wait is for names that come late.
_RESOLUTION_SECONDS = 3.0


def create_remote_context(
  addresses: Sequence[str],
  credentials: grpc.ChannelCredentials | None = None,
  *,
  silence_seconds: float = 30.0,
  patience_seconds: float = 60.0,
) -> tff.framework.SyncContext:
  """Returns a context that divides the clients of a computation among workers.

  A computation with arguments at clients runs in as many partitions as there
  are addresses, concurrently; this process merges the aggregates of the
  partitions in a fixed order. So the last bits of results depend on the number
  of addresses, but not on which workers are alive. Other computations run on
  one worker.

  If a worker dies during a call, the remaining workers run its part again, with
  the same result. Workers that return are used again.

  A call raises `ValueError` if the computation cannot be partitioned, since one
  aggregation depends on another (and there are several addresses), and
  `worker_pool.NoWorkersError` after `patience_seconds` without a worker.

  Args:
    addresses: `host:port` of each worker.
    credentials: TLS credentials from `grpc.ssl_channel_credentials`. With
      `None` nothing is encrypted, and anyone on the network can run anything on
      the workers.
    silence_seconds: Time without an answer, in seconds, after which a worker is
      lost. A worker that ends, or whose machine refuses the connection, is lost
      at once.
    patience_seconds: Time to wait, in seconds, while no worker answers.

  Raises:
    ValueError: If an address is not `host:port`, or occurs twice.
    NoWorkersError: If no worker answers in time, or if after three seconds no
      host name resolves.
  """
  worker_addresses.check_addresses(addresses)
  try:
    worker_addresses.wait_for_resolution(
      addresses, min(_RESOLUTION_SECONDS, patience_seconds)
    )
  except ValueError as e:
    raise worker_pool.NoWorkersError(str(e)) from e
  pool = worker_pool.WorkerPool(
    addresses,
    credentials,
    silence_seconds=silence_seconds,
    patience_seconds=patience_seconds,
  )
  return _RemoteContext(pool, num_partitions=len(addresses))


def set_remote_context(
  addresses: Sequence[str],
  credentials: grpc.ChannelCredentials | None = None,
  **options: float,
) -> None:
  """Sets this thread's default context to one of `create_remote_context`.

  Args:
    addresses: `host:port` of each worker.
    credentials: TLS credentials; with `None` nothing is encrypted.
    **options: Keyword arguments of `create_remote_context`.

  Raises:
    ValueError: If an address is not `host:port`, or occurs twice.
    NoWorkersError: If no worker answers in time, or if after three seconds no
      host name resolves.
  """
  tff.framework.set_default_context(
    create_remote_context(addresses, credentials, **options)
  )


def check_mergeable(comp: tff.Computation) -> None:
  """Raises `ValueError` if the computation has dependent aggregations.

  Several workers can share a computation if none of its aggregations depends on
  the result of another. A remote context raises the same error at the first
  call; this function finds it when a process is built.

  Args:
    comp: The computation, such as `next` of a process.

  Raises:
    ValueError: If several workers cannot share the computation.
  """
  if mergeable_computations.has_client_arguments(comp):
    mergeable_computations.split_computation(comp)


class _RemoteContext(tff.framework.SyncContext):
  """Context that runs partitions of the clients on a pool of workers."""

  def __init__(self, pool: worker_pool.WorkerPool, num_partitions: int):
    self._pool = pool
    self._num_partitions = num_partitions

  def invoke(self, comp: tff.Computation, arg: Any) -> Any:
    if (
      self._num_partitions == 1
      or not mergeable_computations.has_client_arguments(comp)
    ):
      return self._run_one(comp, arg)
    form = mergeable_computations.split_computation(comp)
    args = mergeable_computations.split_argument(
      form, arg, self._num_partitions
    )
    merged = self._merge(
      form,
      self._pool.run(
        [worker_pool.Call(form.up_to_merge, partition) for partition in args]
      ),
    )
    if not mergeable_computations.has_client_results(form):
      args = args[:1]  # Results at the server are the same for any partition.
    results = self._pool.run(
      [
        worker_pool.Call(
          form.after_merge, tff.structure.Struct.unnamed(partition, merged)
        )
        for partition in args
      ]
    )
    return mergeable_computations.join_results(form, results)

  @functools.cached_property
  def _server(self) -> tff.framework.SyncContext:
    """The context that merges: aggregates need not return to a worker."""
    return in_process.create_in_process_context('cpu')

  def _merge(
    self, form: tff.framework.MergeableCompForm, aggregates: Sequence[Any]
  ) -> Any:
    """Merges the aggregates of the partitions, from first to last."""
    return functools.reduce(
      lambda *pair: self._server.invoke(
        form.merge, tff.structure.Struct.unnamed(*pair)
      ),
      aggregates,
    )

  def _run_one(self, comp: tff.Computation, arg: Any) -> Any:
    (result,) = self._pool.run([worker_pool.Call(comp, arg)])
    return result
