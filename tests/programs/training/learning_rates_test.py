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
"""Tests for learning_rates."""

import collections

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized
import numpy as np

from programs.command_line import runner
from programs.training import learning_rates
from programs.training import optimizer_flags


class LearningRatesTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())

  def _factors(self, value: str, num_rounds: int) -> list[float]:
    flags.FLAGS(['', f'--client_learning_rate_schedule={value}'])
    schedule = learning_rates.parse(learning_rates.CLIENT_SCHEDULE)
    return [schedule.factor(i + 1) for i in range(num_rounds)]

  def test_none_by_default(self):
    flags.FLAGS([''])
    for flag in (
      learning_rates.CLIENT_SCHEDULE,
      learning_rates.SERVER_SCHEDULE,
    ):
      self.assertIsNone(learning_rates.parse(flag))

  def test_factors_from_rounds_on(self):
    self.assertEqual(self._factors('2:0.5,4:0.1', 5), [1.0, 0.5, 0.5, 0.1, 0.1])
    self.assertEqual(self._factors('1:2', 2), [2.0, 2.0])

  def test_powers(self):
    np.testing.assert_allclose(
      self._factors('exponential:0.5', 4), [1.0, 0.5, 0.25, 0.125]
    )

  @parameterized.parameters(
    '',
    '1',
    '0.5',
    '2:0.5,2:0.1',
    '4:0.5,2:0.1',
    '0:1',
    '1:0',
    '1:-1',
    '1:nan',
    '1:inf',
    '1:2:3',
    'cosine:1',
    'exponential:0.5,2:1',
    'exponential:0',
  )
  def test_refuses(self, value):
    with self.assertRaisesRegex(
      runner.UsageError,
      r'^Expected ROUND:FACTOR.*--client_learning_rate_schedule, found .*\.$',
    ):
      self._factors(value, 1)

  @parameterized.parameters(
    # 1.5^220 > 2^128 > 1.5^218.
    ('exponential:1.5', 219, True),
    ('exponential:1.5', 221, False),
    ('exponential:1.5', 10_000, False),
    ('exponential:0.5', 10_000, True),
    ('10:1e39', 9, True),
    ('10:1e39', 10, False),
  )
  def test_refuses_rates_that_overflow(self, value, num_rounds, is_taken):
    flags.FLAGS(
      [
        '',
        f'--server_learning_rate_schedule={value}',
        '--server_learning_rate=1',
      ]
    )
    arguments = (
      learning_rates.SERVER_SCHEDULE,
      optimizer_flags.SERVER_LEARNING_RATE,
      num_rounds,
    )
    if is_taken:
      learning_rates.check_finite(*arguments)
    else:
      with self.assertRaisesRegex(
        runner.UsageError,
        f'finite in float32 in all of {num_rounds} rounds, found .*; lower',
      ):
        learning_rates.check_finite(*arguments)

  def test_sets_the_rate_of_states(self):
    hparams = collections.OrderedDict(
      learning_rate=np.float32(1.0), momentum=np.float32(0.5)
    )
    found = learning_rates.with_rate(hparams, 0.25)
    self.assertEqual(found, hparams | {'learning_rate': 0.25})
    self.assertIsInstance(found['learning_rate'], np.float32)
    self.assertIsInstance(found, collections.OrderedDict)
    state = collections.OrderedDict(hparams=hparams, round=3)
    self.assertEqual(
      learning_rates.with_rate(state, 0.25), state | {'hparams': found}
    )
    self.assertEqual(hparams['learning_rate'], 1.0)


if __name__ == '__main__':
  absltest.main()
