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

  def test_optional_flags_are_in_use_where_given(self):
    flags.FLAGS([''])
    self.assertNotIn('client_momentum', self._names())
    flags.FLAGS(
      [
        '',
        '--client_momentum=0.5',
        '--client_clip_norm=2',
        '--proximal_strength=0.1',
        '--client_weighting=uniform',
        '--server_optimizer=adamw',
        '--server_weight_decay=0.1',
        '--client_learning_rate_schedule=5:0.1',
        '--server_learning_rate_schedule=exponential:0.9',
      ]
    )
    optimizer_flags.check_flags()
    self.assertContainsSubset(
      {
        'client_momentum',
        'client_clip_norm',
        'proximal_strength',
        'client_weighting',
        'server_epsilon',
        'server_weight_decay',
        'client_learning_rate_schedule',
        'server_learning_rate_schedule',
      },
      self._names(),
    )

  def test_refuses_flags_that_do_not_go_together(self):
    for arguments, message in (
      (
        ['--client_optimizer=adam', '--client_momentum=0.5'],
        'no --client_momentum with --client_optimizer=adam',
      ),
      (
        ['--server_optimizer=yogi', '--server_weight_decay=0.5'],
        'no --server_weight_decay with --server_optimizer=yogi',
      ),
      (['--server_learning_rate_schedule=1'], 'Expected ROUND:FACTOR'),
      (
        ['--client_learning_rate_schedule=exponential:1.5', '--rounds=1000'],
        'finite in float32 in all of 1000 rounds',
      ),
    ):
      with flagsaver.flagsaver():
        flags.FLAGS(['', *arguments])
        with self.assertRaisesRegex(runner.UsageError, message):
          optimizer_flags.check_flags()

  def test_refuses_values_out_of_range(self):
    for argument in (
      '--client_momentum=1',
      '--client_clip_norm=0',
      '--proximal_strength=nan',
      '--proximal_strength=-1',
      '--server_weight_decay=-1',
    ):
      with self.assertRaises(flags.Error):
        flags.FLAGS(['', argument])


if __name__ == '__main__':
  absltest.main()
