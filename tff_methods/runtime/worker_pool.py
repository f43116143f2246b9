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
"""Runs calls on several workers, as long as one of them is there."""

from collections.abc import Callable, Mapping, Sequence
import functools
import queue
import threading
import time
from typing import NamedTuple

import grpc
import tensorflow_federated as tff

from tff_methods.runtime import connections
from tff_methods.runtime import remote_worker

_POLL_SECONDS = 0.02
_START_SECONDS = 10.0
_RECONNECT_SECONDS = 1.0


class NoWorkersError(RuntimeError):
  """No worker is there to run computations, and none came in time."""


class Call(NamedTuple):
  """A computation and its argument; the result is the same on each worker."""

  comp: tff.Computation
  arg: object


class WorkerPool:
  """Workers on other machines, and what happens when they die.

  What a dead worker did is done again by the rest. One that comes back is used
  again.
  """

  def __init__(
    self,
    addresses: Sequence[str],
    credentials: grpc.ChannelCredentials | None,
    *,
    silence_seconds: float,
    patience_seconds: float,
  ):
    """Waits until all workers answer, but not long for the last ones.

    Args:
      addresses: `host:port` of each worker.
      credentials: For TLS; `None`: nothing is encrypted.
      silence_seconds: After how long without an answer a worker is lost.
      patience_seconds: How long to wait, here and later, when no worker is
        there.

    Raises:
      NoWorkersError: If none answers in time.
    """
    self._patience_seconds = patience_seconds
    self._compile = connections.build_compiler()
    connect = functools.partial(
      connections.WorkerConnection, compile_fn=self._compile
    )
    self._workers = [
      remote_worker.RemoteWorker(a, connect, credentials, silence_seconds)
      for a in addresses
    ]
    self._lock = threading.Lock()  # Threads that run calls take turns.
    start_seconds = min(_START_SECONDS, patience_seconds)
    self._wait_for_those_expected(start_seconds)
    self._wait_for_one(patience_seconds - start_seconds)

  def run(self, calls: Sequence[Call]) -> list[object]:
    """Runs calls side by side, call i on worker i if that is there.

    Args:
      calls: What to run. A worker that has several runs one after the other.

    Returns:
      The results, in the order of the calls.

    Raises:
      NoWorkersError: If no worker is there in time.
      RuntimeError: If a call has lost each worker that ran it, and was run once
        more than there are workers.
      Exception: What a call raises on a worker that is not lost.
    """
    for call in calls:
      self._compile(call.comp)  # Once here, and not in each thread.
    results = {}
    max_runs = len(self._workers) + 1
    with self._lock:
      self._renew_connections()
      for _ in range(max_runs):
        self._wait_for_one(self._patience_seconds)
        self._run_rest(calls, results)
        if len(results) == len(calls):
          return [results[i] for i in range(len(calls))]
    raise RuntimeError(
      f'Expected a worker to live through a call, found that {max_runs} runs '
      'of it have each lost theirs; see what the workers print, and give them '
      'fewer or smaller clients if they lack memory.'
    )

  def _renew_connections(self) -> None:
    """Replaces those that broke between calls; their workers may be there."""
    for worker in self._workers:
      if worker.connection is not None and worker.connection.is_lost:
        worker.disconnect()
    self._wait_for_those_expected(_RECONNECT_SECONDS)

  def _run_rest(
    self, calls: Sequence[Call], results: dict[int, object]
  ) -> None:
    """Runs the calls that have no result yet; adds those that end well."""
    outcomes = queue.SimpleQueue()
    worker_of = self._assign([i for i in range(len(calls)) if i not in results])
    for worker in set(worker_of.values()):
      own_calls = {i: calls[i] for i, w in worker_of.items() if w is worker}
      threading.Thread(
        target=_serve,
        args=(worker.connection, own_calls, outcomes),
        daemon=True,
      ).start()
    try:
      while worker_of:
        self._poll()
        try:
          i, connection, result, error = outcomes.get(timeout=_POLL_SECONDS)
        except queue.Empty:
          continue
        worker = worker_of.pop(i)
        if error is None:
          results[i] = result
        elif isinstance(error, connections.WorkerLostError):
          worker.lose(connection, str(error))
        else:
          raise error
    except BaseException:
      for worker in set(worker_of.values()):
        worker.disconnect()  # Nobody waits for what it does.
      raise

  def _assign(
    self, indices: Sequence[int]
  ) -> dict[int, remote_worker.RemoteWorker]:
    """A worker for each call: the same one each time, while that is there."""
    living = self._living()
    worker_of = {}
    for i in indices:
      worker = self._workers[i % len(self._workers)]
      if worker not in living:
        worker = living[i % len(living)]
      worker_of[i] = worker
    return worker_of

  def _living(self) -> list[remote_worker.RemoteWorker]:
    return [w for w in self._workers if w.connection is not None]

  def _poll(self) -> None:
    for worker in self._workers:
      worker.poll()

  def _poll_until(
    self, condition: Callable[[], bool], timeout_seconds: float
  ) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while True:
      self._poll()
      if condition():
        return True
      if time.monotonic() > deadline:
        return False
      time.sleep(_POLL_SECONDS)

  def _wait_for_those_expected(self, timeout_seconds: float) -> None:
    """Waits for all but those that the log has told to be missed."""

    def expected():
      return [
        w for w in self._workers if w.connection is None and not w.is_missed
      ]

    self._poll_until(lambda: not expected(), timeout_seconds)
    for worker in expected():
      worker.miss()

  def _wait_for_one(self, timeout_seconds: float) -> None:
    if not self._poll_until(self._living, timeout_seconds):
      problems = ', '.join(f'{w.address} ({w.problem})' for w in self._workers)
      raise NoWorkersError(
        f'Expected an answer from a worker within {self._patience_seconds} '
        f'seconds, found none from {problems}; start `python -m '
        'programs.worker` there, or give certificates of the same authority, '
        'for these host names, on both sides or on neither.'
      )


def _serve(
  connection: connections.WorkerConnection,
  calls: Mapping[int, Call],
  outcomes: queue.SimpleQueue,
) -> None:
  """Runs calls on a worker; puts index, connection, result, error of each."""
  for i, call in calls.items():
    try:
      outcomes.put((i, connection, connection.invoke(*call), None))
    except BaseException as e:  # Raised again where it is waited for.
      outcomes.put((i, connection, None, e))
