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
"""Tests for local_context."""

import atexit
from concurrent import futures
import contextlib
import io
import os
import pathlib
import signal
import tempfile
import threading
import time

from absl.testing import absltest
import grpc
import numpy as np
import psutil
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.runtime import in_process
from tff_methods.runtime import local_context
from tff_methods.runtime import workers


@tff.federated_computation(tff.FederatedType(np.float32, tff.CLIENTS))
def _mean(values):
  return tff.federated_mean(values)


@tff.federated_computation()
def _num_clients():
  return tff.federated_sum(tff.federated_value(1, tff.CLIENTS))


def _build_wait(path: str) -> tff.Computation:
  """Builds a computation that keeps a worker busy until a file is there."""

  @tff.tensorflow.computation
  def wait():
    def num_found(previous):
      # A path that depends on the loop: a constant is looked up only once.
      suffix = tf.strings.substr('', 0, previous)
      return tf.size(tf.io.matching_files(tf.strings.join([path, suffix])))

    return tf.while_loop(lambda found: tf.equal(found, 0), num_found, [0])[0]

  return wait


@tff.tensorflow.computation(np.float32)
def _check_number(value):
  return tf.debugging.check_numerics(value, 'no number')


def _wait_until_busy(worker: workers.LocalWorker) -> None:
  process = psutil.Process(worker.pid)
  start = process.cpu_times().user
  while process.cpu_times().user < start + 0.2:
    time.sleep(0.01)


def _kill_when_busy(
  worker: workers.LocalWorker, signum: int, path: pathlib.Path
) -> None:
  """Kills a worker while it waits for a file, for which the next one waits."""
  _wait_until_busy(worker)
  os.kill(worker.pid, signum)
  # A process that dumps its core runs on for a moment, in which it would find
  # the file and answer.
  worker.wait_for_end()
  path.touch()


class LocalContextTest(absltest.TestCase):
  def _install(self, context: tff.framework.SyncContext) -> None:
    self.enter_context(tff.framework.get_context_stack().install(context))

  def test_runs_computations_with_any_number_of_clients(self):
    self._install(local_context.create_local_context())
    self.assertEqual(_mean([1.0, 2.0, 6.0]), 3.0)
    self.assertEqual(_mean([1.0]), 1.0)

  def test_has_no_clients_without_client_arguments(self):
    self._install(local_context.create_local_context())
    self.assertEqual(_num_clients(), 0)

  def test_ends_workers_at_exit(self):
    with absltest.mock.patch.object(atexit, 'register') as register:
      local_context.create_local_context()
    self.assertIn(absltest.mock.call(workers.end_workers), register.mock_calls)

  def test_sets_the_default(self):
    local_context.set_local_context()
    self.assertEqual(_mean([1.0, 3.0]), 2.0)

  def _set(self, *args, gpus=(), **kwargs) -> str:
    """Sets a context with mocked GPUs; returns the printed line."""
    line = io.StringIO()
    with (
      absltest.mock.patch.object(
        tf.config, 'list_physical_devices', return_value=gpus
      ),
      contextlib.redirect_stderr(line),
    ):
      local_context.set_local_context(*args, **kwargs)
    return line.getvalue()

  def test_device_cpu_selects_the_in_process_runtime(self):
    line = self._set('cpu', max_concurrent_clients=2)
    self.assertRegex(
      line,
      r'^Runtime: in this process, on /device:CPU:0, with [^\n]* kernels\.\n$',
    )
    self.assertEqual(_mean([1.0, 3.0]), 2.0)
    self.assertIsInstance(
      tff.framework.get_context_stack().current, in_process.InProcessContext
    )

  def test_auto_selects_the_gpu_if_present(self):
    with absltest.mock.patch.object(
      in_process, 'create_in_process_context'
    ) as create:
      create.return_value = in_process.InProcessContext(['/device:GPU:0'], 1)
      line = self._set(gpus=['a GPU'])
    create.assert_called_once_with('gpu', None)
    self.assertEqual(line, 'Runtime: in this process, on /device:GPU:0.\n')

  def test_auto_selects_the_cpp_runtime_without_a_gpu(self):
    line = self._set()
    self.assertRegex(
      line, r"^Runtime: TFF's C\+\+ runtime[^\n]*no GPU\), with [^\n]*\.\n$"
    )
    self.assertEqual(_mean([1.0, 3.0]), 2.0)

  def test_max_concurrent_clients_of_the_cpp_runtime_raises(self):
    with self.assertRaisesRegex(
      ValueError, '^Expected no `max_concurrent_clients`[^\n]*found 2:[^\n]*$'
    ):
      self._set(max_concurrent_clients=2)

  def test_repeats_a_call_whose_worker_dies(self):
    started = self._install_with_workers()
    path = self._directory() / 'killed'
    wait = _build_wait(str(path))
    path.touch()
    self.assertEqual(wait(), 1)
    for signum in (signal.SIGSEGV, signal.SIGKILL):
      path.unlink()
      *_, worker = started
      killer = threading.Thread(
        target=_kill_when_busy, args=(worker, signum, path)
      )
      killer.start()
      with self.assertLogs(level='WARNING') as logs:
        self.assertEqual(wait(), 1)
      killer.join()
      (line,) = logs.output
      self.assertRegex(
        line,
        f'pid {worker.pid} ended by {signum.name}.* pid {started[-1].pid} runs',
      )
    self.assertLen(started, 3)

  def test_replaces_a_worker_that_dies_between_calls(self):
    started = self._install_with_workers()
    self.assertEqual(_mean([1.0, 2.0]), 1.5)
    os.kill(started[0].pid, signal.SIGKILL)
    self.assertEqual(_mean([1.0, 3.0]), 2.0)
    self.assertEqual(_mean([1.0, 5.0]), 3.0)
    self.assertLen(started, 2)

  def test_raises_if_each_worker_dies(self):
    class Mortal(workers.LocalWorker):
      def __init__(self, **kwargs):
        super().__init__(**kwargs)
        os.kill(self.pid, signal.SIGABRT)

    started = self._install_with_workers(Mortal)
    with self.assertRaisesRegex(RuntimeError, 'each died.*by SIGABRT: use'):
      _mean([1.0, 2.0])
    self.assertLen(started, 3)

  def test_starts_no_worker_after_end_workers(self):
    started = self._install_with_workers()
    workers.end_workers()
    with self.assertRaisesRegex(RuntimeError, 'has ended it: set a new'):
      _mean([1.0, 2.0])
    self.assertLen(started, 1)

  def test_concurrent_calls_share_one_replacement(self):
    started = self._install_with_workers()
    context = tff.framework.get_context_stack().current
    os.kill(started[0].pid, signal.SIGKILL)

    def run(value):
      with tff.framework.get_context_stack().install(context):
        return _mean([value, value])

    with futures.ThreadPoolExecutor(4) as executor:
      values = [1.0, 2.0, 3.0, 4.0]
      self.assertEqual(list(executor.map(run, values)), values)
    self.assertLen(started, 2)

  def test_errors_of_computations_are_raised_at_once(self):
    started = self._install_with_workers()
    with self.assertRaisesRegex(grpc.RpcError, 'no number'):
      _check_number(np.nan)
    self.assertLen(started, 1)

  def test_replaces_a_worker_that_grows_with_the_same_results(self):
    values = list(np.linspace(0.1, 1.7, 5, dtype=np.float32))
    self._install(local_context.create_local_context())
    expected = _mean(values)
    started = self._install_with_workers()
    with (
      absltest.mock.patch.object(local_context, '_NUM_FIRST_CALLS', 2),
      # Any size counts as grown.
      absltest.mock.patch.object(local_context, '_MAX_GROWTH_BYTES', -(2**40)),
      self.assertLogs('absl', 'INFO') as logs,
    ):
      found = [_mean(values) for _ in range(5)]
    self.assertEqual(found, [expected] * 5)
    # The first worker runs two calls, and so does each one that follows.
    self.assertLen(started, 3)
    self.assertEqual(
      [worker.was_ended for worker in started], [True, True, False]
    )
    self.assertRegex(
      '\n'.join(logs.output),
      f'pid {started[0].pid} has grown by .* pid {started[1].pid} replaces it',
    )

  def test_keeps_a_worker_that_runs_a_call(self):
    started = self._install_with_workers()
    context = tff.framework.get_context_stack().current
    path = self._directory() / 'end'
    wait = _build_wait(str(path))

    def run():
      with tff.framework.get_context_stack().install(context):
        return wait()

    with (
      absltest.mock.patch.object(local_context, '_NUM_FIRST_CALLS', 0),
      absltest.mock.patch.object(local_context, '_MAX_GROWTH_BYTES', 2**40),
      futures.ThreadPoolExecutor(1) as executor,
    ):
      running = executor.submit(run)
      _wait_until_busy(started[0])
      threading.Timer(1.0, path.touch).start()
      with absltest.mock.patch.object(
        local_context, '_MAX_GROWTH_BYTES', -(2**40)
      ):
        self.assertEqual(_mean([1.0, 3.0]), 2.0)
      self.assertEqual(running.result(), 1)
    self.assertLen(started, 1)

  def test_replaced_default_contexts_release_threads_and_descriptors(self):
    def count():
      return (
        len(os.listdir('/proc/self/fd')),
        threading.active_count(),
        len(psutil.Process().children()),
      )

    for device in ('auto', 'cpu'):
      counts = []
      for _ in range(10):
        self._set(device)
        self.assertEqual(_mean([1.0, 3.0]), 2.0)
        counts.append(count())
      # A pool's idle threads end soon, but not at once.
      for _ in range(100):
        if count() <= counts[0]:
          break
        time.sleep(0.05)
      for before, after in zip(counts[0], count(), strict=True):
        self.assertLessEqual(after, before)

  def _directory(self) -> pathlib.Path:
    return pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

  def _install_with_workers(self, worker_class=workers.LocalWorker):
    """Returns a list of the workers that the context starts."""
    started = []

    def start(**kwargs):
      started.append(worker_class(**kwargs))
      return started[-1]

    self.enter_context(
      absltest.mock.patch.object(workers, 'LocalWorker', start)
    )
    self._install(local_context.create_local_context())
    return started


if __name__ == '__main__':
  absltest.main()
