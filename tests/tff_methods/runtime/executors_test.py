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
"""Tests for executors, with workers on this machine."""

import asyncio
import gc

from absl.testing import absltest
import numpy as np
import psutil
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.runtime import executors
from tff_methods.runtime import local_context
from tff_methods.runtime import workers

_MEBIBYTE = 2**20


class _RecordingStub(tff.framework.RemoteExecutorGrpcStub):
  """Records the executors that a worker holds."""

  def __init__(self, channel):
    super().__init__(channel)
    self.held = []
    self.num_created = 0
    self.max_held = 0

  def get_executor(self, request):
    response = super().get_executor(request)
    self.held.append(request.cardinalities[0].cardinality)
    self.num_created += 1
    self.max_held = max(self.max_held, len(self.held))
    return response

  def dispose_executor(self, request):
    # Ids begin with, for example, "clients=7/".
    self.held.remove(int(request.executor.id.split('/')[0].split('=')[1]))
    return super().dispose_executor(request)


def _clients(number: int) -> dict[tff.framework.PlacementLiteral, int]:
  return {tff.CLIENTS: number}


def _round_trip(executor: tff.framework.RemoteExecutor, value: int) -> int:
  """Sends a value to the worker and back."""

  async def send():
    remote_value = await executor.create_value(value, tff.TensorType(np.int32))
    return await remote_value.compute()

  return asyncio.run(send())


class RecentExecutorFactoryTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._worker = workers.LocalWorker()
    self.addCleanup(self._worker.end)
    self._stub = _RecordingStub(self._worker.channel)

    def create_executor(cardinalities):
      executor = executors.ClosingExecutor(self._stub)
      executor.set_cardinalities(cardinalities)
      return executor

    self._factory = executors.RecentExecutorFactory(create_executor)

  def _use(self, *cohort_sizes: int) -> None:
    for size in cohort_sizes:
      executor = self._factory.create_executor(_clients(size))
      self.assertEqual(_round_trip(executor, size), size)

  def test_worker_holds_the_most_recent_executors(self):
    self._use(*range(20, 2, -1))
    self.assertCountEqual(self._stub.held, [5, 4, 3])
    self.assertEqual(self._stub.max_held, 3)

  def test_three_alternating_numbers_need_three_executors(self):
    self._use(*[10, 0, 5, 0] * 3)
    self.assertEqual(self._stub.num_created, 3)
    self._use(7, 0, 5)  # Evicts the executor of 10 clients.
    self.assertEqual(self._stub.num_created, 4)

  def test_executor_in_use_outlives_its_eviction(self):
    in_use = self._factory.create_executor(_clients(9))
    self._use(8, 7, 6, 5)
    self.assertEqual(_round_trip(in_use, 42), 42)
    # Also next to a new one for the same number, which its end leaves open.
    self._use(9)
    del in_use
    self._use(9)
    self.assertCountEqual(self._stub.held, [6, 5, 9])

  def test_cleaned_up_executors_are_closed_once_and_created_again(self):
    closed = self._factory.create_executor(_clients(2))
    self._factory.clean_up_executor(_clients(2))
    self._factory.clean_up_executor(_clients(2))  # Harmless.
    self.assertEmpty(self._stub.held)
    with self.assertRaisesRegex(ValueError, 'set_cardinalities'):
      _round_trip(closed, 1)
    self._use(2)
    del closed
    self._use(2)
    self.assertEqual(self._stub.held, [2])

  def test_end_of_the_worker_releases_executors(self):
    self._use(1, 2)
    self._worker.end()
    del self._factory
    gc.collect()
    self.assertEmpty(self._stub.held)


@tff.tensorflow.computation(np.float32)
def _long_computation(value):
  for i in range(300):
    value = tf.sin(value + i)
  return value


@tff.federated_computation(tff.FederatedType(np.float32, tff.CLIENTS))
def _mean(values):
  return tff.federated_mean(tff.federated_map(_long_computation, values))


class MemoryTest(absltest.TestCase):
  @pytest.mark.slow
  def test_is_bounded_if_the_cohort_shrinks_each_round(self):
    before = set(psutil.Process().children())
    context = local_context.create_local_context()
    (worker,) = set(psutil.Process().children()) - before
    sizes = []
    with tff.framework.get_context_stack().install(context):
      for num_clients in range(50, 20, -1):
        _mean([1.0] * num_clients)
        sizes.append(worker.memory_info().rss / _MEBIBYTE)
    # Without eviction, each number of clients keeps about 8 MiB.
    self.assertLess(sizes[-1] - sizes[4], 100)


if __name__ == '__main__':
  absltest.main()
