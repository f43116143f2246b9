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
"""The execution context over workers on several machines."""

from collections.abc import Sequence
import functools

import grpc
import tensorflow_federated as tff

from tff_methods.runtime import parts
from tff_methods.runtime import worker_pool

_MAX_PORT = 65535


def create_remote_context(
  addresses: Sequence[str],
  credentials: grpc.ChannelCredentials | None = None,
  *,
  silence_seconds: float = 30.0,
  patience_seconds: float = 60.0,
) -> tff.framework.SyncContext:
  """Returns a context that shares the clients of a computation among workers.

  A computation with arguments at clients is done in as many parts as there are
  addresses, side by side; the sums of the parts are merged in a fixed order. So
  results depend on the number of addresses, in the last bits, but not on which
  workers are alive. Other computations run whole on one worker.

  The call of a worker that dies is run again by the rest, with the same result.
  Workers that come back are used again.

  A call raises `ValueError` if the computation cannot be done in parts, since
  one aggregation needs the result of another (and there are several addresses);
  `worker_pool.NoWorkersError` after `patience_seconds` without a worker.

  Args:
    addresses: `host:port` of each worker.
    credentials: Of `grpc.ssl_channel_credentials`; by default nothing is
      encrypted, and anyone on the network can have the worker run anything.
    silence_seconds: After how long without an answer a worker is lost. One that
      ends, or whose machine says that nobody listens, is lost at once.
    patience_seconds: How long to wait for a worker when none is there.

  Raises:
    ValueError: If the addresses are not `host:port`, or one is there twice.
    NoWorkersError: If no worker answers in time.
  """
  check_addresses(addresses)
  pool = worker_pool.WorkerPool(
    addresses,
    credentials,
    silence_seconds=silence_seconds,
    patience_seconds=patience_seconds,
  )
  return _RemoteContext(pool, num_parts=len(addresses))


def set_remote_context(
  addresses: Sequence[str],
  credentials: grpc.ChannelCredentials | None = None,
  **options: float,
) -> None:
  """Makes a context of `create_remote_context` this thread's default."""
  tff.framework.set_default_context(
    create_remote_context(addresses, credentials, **options)
  )


def check_mergeable(comp: tff.Computation) -> None:
  """Raises `ValueError` unless several workers can share the computation.

  They can if no aggregation needs the result of another. A context raises the
  same at the first call; this tells it when a process is built.
  """
  if parts.has_client_arguments(comp):
    parts.split_computation(comp)


def check_addresses(addresses: Sequence[str]) -> None:
  """Raises `ValueError` unless these are addresses of different workers."""
  if not addresses:
    raise ValueError('Expected addresses of workers, found none; give one.')
  for address in addresses:
    host, _, port = address.rpartition(':')
    if not (host and port.isdecimal() and 0 < int(port) <= _MAX_PORT):
      raise ValueError(
        f'Expected host:port of a worker, found {address!r}; give it as '
        'localhost:10000.'
      )
  if len(set(addresses)) < len(addresses):
    raise ValueError(
      f'Expected different workers, found {",".join(addresses)}; leave out '
      'what is there twice.'
    )


class _RemoteContext(tff.framework.SyncContext):
  """Runs computations in parts on a pool of workers."""

  def __init__(self, pool: worker_pool.WorkerPool, num_parts: int):
    self._pool = pool
    self._num_parts = num_parts

  def invoke(self, comp, arg):
    if self._num_parts == 1 or not parts.has_client_arguments(comp):
      return self._run_one(comp, arg)
    form = parts.split_computation(comp)
    args = parts.split_argument(form, arg, self._num_parts)
    sums = self._pool.run(
      [worker_pool.Call(form.up_to_merge, part) for part in args]
    )
    merged = functools.reduce(
      lambda *pair: self._run_one(
        form.merge, tff.structure.Struct.unnamed(*pair)
      ),
      sums,
    )
    if not parts.has_client_results(form):
      args = args[:1]  # What the server gets is the same from any part.
    results = self._pool.run(
      [
        worker_pool.Call(
          form.after_merge, tff.structure.Struct.unnamed(part, merged)
        )
        for part in args
      ]
    )
    return parts.join_results(form, results)

  def _run_one(self, comp: tff.Computation, arg: object) -> object:
    (result,) = self._pool.run([worker_pool.Call(comp, arg)])
    return result
