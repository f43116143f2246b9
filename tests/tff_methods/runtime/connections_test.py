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
"""Tests for connections, with workers on this machine."""

import os
import signal
import threading
from unittest import mock

from absl.testing import absltest
import grpc
import numpy as np
import portpicker
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.runtime import connections
from tff_methods.runtime import workers


@tff.tensorflow.computation(np.float32)
def _square_root(x):
  with tf.control_dependencies([tf.debugging.Assert(x >= 0, ['no root'])]):
    return tf.sqrt(x)


@tff.tensorflow.computation(np.int32)
def _count_indefinitely(i):
  return tf.while_loop(lambda i: True, lambda i: i % 1000 + 1, [i])[0]


class WorkerConnectionTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._worker = self._start_worker()
    self._connection = self._connect()

  def _start_worker(self) -> workers.LocalWorker:
    worker = workers.LocalWorker()
    self.addCleanup(worker.end)
    return worker

  def _connect(self) -> connections.WorkerConnection:
    return connections.WorkerConnection(
      self._worker.channel, connections.build_compiler()
    )

  def test_runs_computations(self):
    self.assertEqual(self._connection.invoke(_square_root, 9.0), 3.0)

  def test_raises_errors_of_computations(self):
    with self.assertRaisesRegex(grpc.RpcError, 'no root') as raised:
      self._connection.invoke(_square_root, -9.0)
    self.assertNotIsInstance(raised.exception, connections.WorkerLostError)
    self.assertEqual(self._connection.invoke(_square_root, 4.0), 2.0)

  def test_worker_dies_between_calls(self):
    self._worker.end()
    for _ in range(2):
      with self.assertRaises(connections.WorkerLostError):
        self._connection.invoke(_square_root, 9.0)

  def test_worker_dies_during_a_call(self):
    threading.Timer(1.0, os.kill, [self._worker.pid, signal.SIGKILL]).start()
    with self.assertRaises(connections.WorkerLostError):
      self._connection.invoke(_count_indefinitely, 0)

  def test_channel_closes_during_and_before_a_call(self):
    threading.Timer(1.0, self._worker.channel.close).start()
    with self.assertRaises(connections.WorkerLostError):
      self._connection.invoke(_count_indefinitely, 0)
    with self.assertRaises(connections.WorkerLostError):
      self._connection.invoke(_square_root, 9.0)

  def test_worker_is_replaced_by_another(self):
    self.assertEqual(self._connection.invoke(_square_root, 9.0), 3.0)
    first = self._worker
    os.kill(first.pid, signal.SIGKILL)  # `end` would close the channel.
    first.wait_for_end()
    with mock.patch.object(
      portpicker, 'pick_unused_port', return_value=first.port
    ):
      self._worker = self._start_worker()
    grpc.channel_ready_future(first.channel).result(timeout=30)
    with self.assertRaises(connections.WorkerLostError):
      self._connection.invoke(_square_root, 9.0)
    self.assertEqual(self._connect().invoke(_square_root, 9.0), 3.0)


if __name__ == '__main__':
  absltest.main()
