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
"""Tests for execution; `train_on_workers_test` runs computations on workers."""

from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
import numpy as np
import tensorflow_federated as tff

from programs.command_line import common_flags
from programs.command_line import execution
from programs.command_line import runner
from programs.network import tls_flags


@tff.tensorflow.computation(np.float32, np.float32)
def _subtract(x, y):
  return x - y


@tff.federated_computation(tff.FederatedType(np.float32, tff.CLIENTS))
def _deviation(values):
  mean = tff.federated_broadcast(tff.federated_mean(values))
  return tff.federated_mean(tff.federated_map(_subtract, (values, mean)))


class SetContextTest(absltest.TestCase):
  def test_refuses_workers_that_are_not_trusted(self):
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()
    with (
      flagsaver.flagsaver((common_flags.WORKERS, ['a:1', 'b:1'])),
      mock.patch.object(
        tls_flags, 'check_workers', side_effect=runner.UsageError('untrusted')
      ) as check,
    ):
      with self.assertRaisesRegex(runner.UsageError, 'untrusted'):
        execution.set_context()
    check.assert_called_once_with(['a:1', 'b:1'])


class CheckMergeableTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  def test_dependent_aggregations(self):
    with flagsaver.flagsaver((common_flags.WORKERS, ['a:1', 'b:1'])):
      with self.assertRaisesRegex(
        runner.UsageError, '--workers: Expected a computation in which no'
      ):
        execution.check_mergeable(_deviation)

  def test_one_worker_and_none_run_anything(self):
    for addresses in (None, ['a:1']):
      with flagsaver.flagsaver((common_flags.WORKERS, addresses)):
        execution.check_mergeable(_deviation)


if __name__ == '__main__':
  absltest.main()
