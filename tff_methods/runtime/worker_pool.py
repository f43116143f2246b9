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
"""Pool of workers that runs calls as long as one worker is alive."""

from collections.abc import Callable, Mapping, Sequence
import functools
import queue
import threading
import time
from typing import Any, NamedTuple

import grpc
import tensorflow_federated as tff

from tff_methods.runtime import connections
from tff_methods.runtime import remote_worker

_POLL_SECONDS = 0.02
_START_SECONDS = 10.0
_RECONNECT_SECONDS = 1.0


class NoWorkersError(RuntimeError):
  """No worker answers, and none came back in time."""


class Call(NamedTuple):
  """A computation and its argument; the result is the same on each worker.

  Attributes:
    comp: Computation to run.
    arg: Argument of the computation; `None` if it takes none.
  """

  comp: tff.Computation
  arg: Any


class _Outcome(NamedTuple):
  """The end of a call on a worker.

  Attributes:
    call_index: Index of the call.
    connection: Connection that ran the call.
    result: Result, if `error` is `None`.
    error: Exception that the call raised.
  """

  call_index: int
  connection: connections.WorkerConnection
  result: Any
  error: BaseException | None


class WorkerPool:
  """Workers on other machines, with recovery from their loss.

  The calls of a lost worker run again on the remaining ones. A worker that
  returns is used again.
  """

  def __init__(
    self,
    addresses: Sequence[str],
    credentials: grpc.ChannelCredentials | None,
    *,
    silence_seconds: float,
    patience_seconds: float,
  ):
    """Waits until all workers answer, or one does after ten seconds.

    Args:
      addresses: `host:port` of each worker.
      credentials: TLS credentials; with `None` nothing is encrypted.
      silence_seconds: Time without an answer, in seconds, after which a worker
        is lost.
      patience_seconds: Time to wait, in seconds, here and later, while no
        worker answers.

    Raises:
      NoWorkersError: If no worker answers in time.
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
    self._lock = threading.Lock()  # Threads that call `run` take turns.
    start_seconds = min(_START_SECONDS, patience_seconds)
    self._wait_for_expected(start_seconds)
    self._wait_for_any(patience_seconds - start_seconds)

  def run(self, calls: Sequence[Call]) -> list[Any]:
    """Runs calls concurrently, call i on worker i if that one is alive.

    Args:
      calls: Calls to run. Several calls on one worker run in sequence.

    Returns:
      The results, in the order of the calls.

    Raises:
      NoWorkersError: If no worker is alive in time.
      RuntimeError: If a call has lost each worker that ran it, in one more run
        than there are workers.
      Exception: Error of a call on a worker that is not lost.
    """
    for call in calls:
      self._compile(call.comp)  # Once here, not in each thread.
    results: dict[int, Any] = {}
    max_runs = len(self._workers) + 1
    with self._lock:
      self._renew_connections()
      for _ in range(max_runs):
        self._wait_for_any(self._patience_seconds)
        self._run_remaining(calls, results)
        if len(results) == len(calls):
          return [results[i] for i in range(len(calls))]
    raise RuntimeError(
      f'Expected a worker to survive a call, found that {max_runs} runs of it '
      'have each lost theirs: see the output of the workers, and give them '
      'fewer or smaller clients if they run out of memory.'
    )

  def _renew_connections(self) -> None:
    """Replaces connections that broke between calls; workers may be alive."""
    for worker in self._workers:
      if worker.connection is not None and worker.connection.is_lost:
        worker.disconnect()
    self._wait_for_expected(_RECONNECT_SECONDS)

  def _run_remaining(
    self, calls: Sequence[Call], results: dict[int, Any]
  ) -> None:
    """Runs the calls without a result; adds the results of those that end."""
    worker_of = self._assign([i for i in range(len(calls)) if i not in results])
    outcomes = _start_calls(calls, worker_of)
    try:
      while worker_of:
        self._poll()
        try:
          outcome = outcomes.get(timeout=_POLL_SECONDS)
        except queue.Empty:
          continue
        worker = worker_of.pop(outcome.call_index)
        if outcome.error is None:
          results[outcome.call_index] = outcome.result
        elif isinstance(outcome.error, connections.WorkerLostError):
          worker.mark_lost(outcome.connection, str(outcome.error))
        else:
          raise outcome.error
    except BaseException:
      for worker in set(worker_of.values()):
        worker.disconnect()  # Ends calls whose results are no longer needed.
      raise

  def _assign(
    self, indices: Sequence[int]
  ) -> dict[int, remote_worker.RemoteWorker]:
    """Assigns a worker to each call: the same each time while it is alive."""
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
    self, condition: Callable[[], Any], timeout_seconds: float
  ) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while True:
      self._poll()
      if condition():
        return True
      if time.monotonic() > deadline:
        return False
      time.sleep(_POLL_SECONDS)

  def _wait_for_expected(self, timeout_seconds: float) -> None:
    """Waits for all workers but those that the log reports as missing."""

    def expected() -> list[remote_worker.RemoteWorker]:
      return [
        w
        for w in self._workers
        if w.connection is None and not w.is_reported_missing
      ]

    self._poll_until(lambda: not expected(), timeout_seconds)
    if self._living():  # Else `NoWorkersError` reports all, if none comes back.
      for worker in expected():
        worker.report_missing()

  def _wait_for_any(self, timeout_seconds: float) -> None:
    if not self._poll_until(self._living, timeout_seconds):
      problems = ', '.join(f'{w.address} ({w.problem})' for w in self._workers)
      raise NoWorkersError(
        f'Expected an answer from a worker within {self._patience_seconds} '
        f'seconds, found none from {problems}: start `python -m '
        'programs.worker` there, or give certificates of the same authority, '
        'for these host names, on both sides or on neither.'
      )


def _start_calls(
  calls: Sequence[Call],
  worker_of: Mapping[int, remote_worker.RemoteWorker],
) -> queue.SimpleQueue:
  """Starts one thread for each worker; returns the queue of `_Outcome`s."""
  outcomes = queue.SimpleQueue()
  for worker in set(worker_of.values()):
    own_calls = {i: calls[i] for i, w in worker_of.items() if w is worker}
    threading.Thread(
      target=_run_calls,
      args=(worker.connection, own_calls, outcomes),
      daemon=True,
    ).start()
  return outcomes


def _run_calls(
  connection: connections.WorkerConnection,
  calls: Mapping[int, Call],
  outcomes: queue.SimpleQueue,
) -> None:
  """Runs calls on a worker in sequence, by index; enqueues their outcomes."""
  for i, call in calls.items():
    try:
      result = connection.invoke(*call)
      outcomes.put(_Outcome(i, connection, result, None))
    except BaseException as e:  # Raised again in the thread that called `run`.
      outcomes.put(_Outcome(i, connection, None, e))
