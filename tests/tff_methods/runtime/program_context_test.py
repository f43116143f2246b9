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
"""Tests for program_context."""

import asyncio
import threading
import time

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import runtime

_CLIENT_FLOATS = tff.FederatedType(np.float32, tff.CLIENTS)


@tff.federated_computation(_CLIENT_FLOATS)
def _mean_and_sum(values):
  return tff.federated_mean(values), tff.federated_sum(values)


@tff.federated_computation(_CLIENT_FLOATS)
def _identity(values):
  return values


@tff.tensorflow.computation(np.int32)
def _run_indefinitely_from(i):
  return tf.while_loop(lambda i: i >= 0, lambda i: i % 1000, [i])[0]


class _SlowContext(tff.framework.SyncContext):
  """Context whose calls end when they are let."""

  def __init__(self):
    self.may_end = threading.Event()

  def invoke(self, comp, arg):
    self.may_end.wait()
    return np.float32(1), np.float32(2)


class ProgramContextTest(parameterized.TestCase):
  def _run(self, context, function):
    """Runs a coroutine function in the program context of a context."""

    async def run():
      with tff.framework.get_context_stack().install(
        runtime.create_program_context(context)
      ):
        return await function()

    return asyncio.run(run())

  def _context(self, kind: str):
    if kind == 'in_process':
      return runtime.create_in_process_context('cpu')
    return tff.framework.get_context_stack().current

  @parameterized.parameters('in_process', 'default')
  def test_values_are_references_with_the_values_of_the_context(self, kind):
    values = [1.5, 2.25, -7.0]

    async def call():
      tff.program.check_in_federated_context()
      references = _mean_and_sum(values)
      self.assertIsInstance(
        references[0], tff.program.MaterializableValueReference
      )
      return await tff.program.materialize_value(references)

    context = self._context(kind)
    with tff.framework.get_context_stack().install(context):
      expected = _mean_and_sum(values)
    self.assertEqual(self._run(context, call), expected)

  @parameterized.parameters('in_process', 'default')
  def test_references_are_arguments(self, kind):
    @tff.tensorflow.computation(np.float32, np.float32)
    def subtract(x, y):
      return x - y

    async def call():
      mean, total = _mean_and_sum([1.0, 2.0])
      return await tff.program.materialize_value(subtract(total, mean))

    self.assertEqual(self._run(self._context(kind), call), 1.5)

  @parameterized.parameters('in_process', 'default')
  def test_error_of_a_call(self, kind):
    @tff.tensorflow.computation(np.float32)
    def fail(x):
      with tf.control_dependencies([tf.debugging.assert_less(x, 0.0)]):
        return tf.identity(x)

    async def call():
      asyncio.get_running_loop().set_exception_handler(lambda *_: None)
      await tff.program.materialize_value(fail(1.0))

    with self.assertRaisesRegex(Exception, 'assert'):
      self._run(self._context(kind), call)

  def test_values_at_clients_are_refused(self):
    async def call():
      _identity([1.0])

    with self.assertRaisesRegex(ValueError, 'server-placed values'):
      self._run(self._context('in_process'), call)

  def test_event_loop_runs_during_a_call(self):
    context = _SlowContext()

    async def call():
      references = _mean_and_sum([1.0])
      asyncio.get_running_loop().call_later(0.01, context.may_end.set)
      return await tff.program.materialize_value(references)

    self.assertEqual(self._run(context, call), (1, 2))

  @parameterized.parameters('in_process', 'slow')
  def test_a_call_can_be_cancelled(self, kind):
    context = _SlowContext()
    self.addCleanup(context.may_end.set)
    if kind == 'in_process':
      context = self._context(kind)

    async def call():
      comp = _run_indefinitely_from if kind == 'in_process' else _mean_and_sum
      with self.assertRaises(TimeoutError):
        async with asyncio.timeout(0.5):
          await tff.program.materialize_value(
            comp(1) if kind == 'in_process' else comp([1.0])
          )

    start = time.monotonic()
    self._run(context, call)
    self.assertLess(time.monotonic() - start, 60)


if __name__ == '__main__':
  absltest.main()
