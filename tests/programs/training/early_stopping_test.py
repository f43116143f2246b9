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
"""Tests for early_stopping; program_logic_test has runs that it ends."""

from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow_federated as tff

from programs.training import early_stopping
from programs.training import program_logic


def _state(round_num, best, **metrics):
  return program_logic.ProgramState(
    server_state=(),
    round_num=np.int64(round_num),
    uplink_bytes=np.int64(10 * round_num),
    downlink_bytes=np.int64(20 * round_num),
    seconds=np.float64(0),
    rounds_without_update=np.int64(0),
    lost_updates=np.int64(0),
    metrics=metrics,
    best=best,
    data_iterator=mock.create_autospec(tff.program.FederatedDataSourceIterator),
  )


def _best(metric, values):
  """Returns the best of evaluations with these values, from round 0 on."""
  stopping = early_stopping.EarlyStopping(metric)
  best = early_stopping.first({metric: values[0]})
  for i, value in enumerate(values[1:]):
    best = stopping.update(_state(i + 1, best, **{metric: value}))
  return best


class BestTest(parameterized.TestCase):
  @parameterized.parameters(
    ('accuracy', [0.1, 0.4, 0.3, 0.5, 0.2], 3, 1),
    ('accuracy', [0.1, 0.4, 0.4], 1, 1),  # The first of equal ones.
    ('accuracy', [0.9, 0.4, 0.4], 0, 2),
    ('loss', [3.0, 1.0, 0.5, 2.0], 2, 1),
    ('accuracy', [np.nan, np.nan, 0.1, np.nan], 2, 1),
    ('loss', [np.nan, 2.0, np.nan], 1, 1),
  )
  def test_round_and_evaluations_since(self, metric, values, round_num, since):
    best = _best(metric, values)
    self.assertEqual(best.round_num, round_num)
    self.assertEqual(best.evaluations_since, since)
    self.assertEqual(best.metrics, {metric: values[round_num]})

  def test_has_the_bytes_until_then(self):
    best = _best('accuracy', [0.1, 0.4, 0.5, 0.2])
    self.assertEqual((best.uplink_bytes, best.downlink_bytes), (20, 40))

  @parameterized.parameters((None, False), (1, True), (2, True), (3, False))
  def test_is_over_when_patience_is_exhausted(self, patience, is_over):
    best = _best('accuracy', [0.5, 0.1, 0.1])
    stopping = early_stopping.EarlyStopping(patience=patience)
    self.assertEqual(stopping.is_over(best), is_over)


if __name__ == '__main__':
  absltest.main()
