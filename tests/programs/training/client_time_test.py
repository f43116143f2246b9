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
"""Tests of the measured time of a client; no time passes."""

import collections
import time
from unittest import mock

from absl.testing import absltest
import numpy as np
import tensorflow_federated as tff

from programs.training import client_time
from programs.training import early_stopping
from programs.training import program_logic

_SECONDS = {'a': 3.0, 'b': 5.0, 'c': 4.0, 'd': 90.0, 'e': 2.0, 'f': 1.0}


class ClientTimeTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._now = 0.0
    self._rounds = []
    self.enter_context(
      mock.patch.object(time, 'monotonic', side_effect=lambda: self._now)
    )

  def _next(self, state, client_ids):
    self._now += _SECONDS[client_ids[0]] + (0 if self._rounds else 60)
    self._rounds.append((state, client_ids))

  def _measure(self, clients):
    iterator = mock.create_autospec(
      tff.program.FederatedDataSourceIterator, instance=True
    )
    iterator.__deepcopy__ = lambda memo: mock.Mock(select={9: clients}.get)
    schedule = program_logic.Schedule(7, 1, 1, {8: 9}.__getitem__)
    metrics = collections.OrderedDict(accuracy=np.float32(0.5))
    state = program_logic.ProgramState(
      *('state', np.int64(7), np.int64(0), np.int64(0), np.float64(0)),
      *(np.int64(0), np.int64(0), metrics, early_stopping.first(metrics)),
      iterator,
    )
    return client_time.measure(mock.Mock(next=self._next), state, schedule)

  def test_median_of_rounds_of_one_client_after_one_that_compiles(self):
    self.assertEqual(self._measure(list('abcdef')), 4.0)
    self.assertEqual(self._rounds, [('state', [client]) for client in 'aabcde'])

  def test_fewer_clients(self):
    self.assertEqual(self._measure(['b']), 5.0)
    self.assertEqual(self._rounds, [('state', ['b'])] * 2)


if __name__ == '__main__':
  absltest.main()
