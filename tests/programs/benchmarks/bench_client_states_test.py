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
"""Tests for bench_client_states."""

from unittest import mock

from absl.testing import absltest
import numpy as np

from programs.benchmarks import bench_client_states
from programs.benchmarks import bench_rounds
from tests.tff_methods import linear_model


class InMemoryStoreTest(absltest.TestCase):
  def test_reads_the_last_states(self):
    store = bench_client_states._InMemoryStore()
    self.assertEqual(store.read(['a', 'b'], 0), [None, None])
    store.write(1, {'a': [np.ones(2)], 'b': [np.zeros(2)]})
    store.write(2, {'b': [np.full([2], 3.0)]})
    ((a,), (b,), c) = store.read(['a', 'b', 'c'], 2)
    np.testing.assert_array_equal(a, np.ones(2))
    np.testing.assert_array_equal(b, np.full([2], 3.0))
    self.assertIsNone(c)


class TimeRoundsTest(absltest.TestCase):
  def test_times_each_candidate(self):
    workload = linear_model.model_fn, linear_model.datasets()
    with (
      mock.patch.object(bench_client_states, 'NUM_CLIENTS', 2),
      mock.patch.object(bench_client_states, '_CLIENT_IDS', ['a', 'b']),
      mock.patch.object(bench_client_states, '_NUM_EXAMPLES', 4),
      mock.patch.object(bench_rounds, 'cnn_workload', return_value=workload),
    ):
      seconds = bench_client_states.time_rounds(repeats=1)
    self.assertLen(seconds, 6)
    self.assertContainsSubset(
      [bench_client_states.DICTIONARY, bench_client_states.PLAIN], seconds
    )
    self.assertGreater(min(wall for wall, _ in seconds.values()), 0)


if __name__ == '__main__':
  absltest.main()
