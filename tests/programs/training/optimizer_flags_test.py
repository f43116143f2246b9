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
"""Tests of the flags of optimizers."""

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver

from programs.command_line import runner
from programs.training import optimizer_flags


class OptimizerFlagsTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())

  def _names(self) -> list[str]:
    return [flag.name for flag in optimizer_flags.flags_in_use()]

  def test_flags_in_use_are_those_of_the_server_optimizer(self):
    flags.FLAGS([''])
    self.assertIn('server_momentum', self._names())
    self.assertNotIn('server_epsilon', self._names())
    flags.FLAGS(['', '--server_optimizer=adam'])
    self.assertNotIn('server_momentum', self._names())
    self.assertIn('server_epsilon', self._names())

  def test_refuses_flags_of_the_other_server_optimizer(self):
    flags.FLAGS(['', '--server_optimizer=adam', '--server_epsilon=0.1'])
    optimizer_flags.check_flags()
    flags.FLAGS(['', '--server_momentum=0.9'])
    with self.assertRaisesRegex(
      runner.UsageError,
      'no --server_momentum with --server_optimizer=adam, found 0.9',
    ):
      optimizer_flags.check_flags()


if __name__ == '__main__':
  absltest.main()
