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
"""Tests for bench_select."""

from unittest import mock

from absl.testing import absltest
import pytest

from programs.benchmarks import bench_select


class BenchSelectTest(absltest.TestCase):
  def test_times_each_retrieval_mode(self):
    with (
      mock.patch.object(bench_select, 'NUM_CLIENTS', 2),
      mock.patch.object(bench_select, 'NUM_ROWS', 20),
      mock.patch.object(bench_select, 'NUM_KEYS', 5),
    ):
      seconds = bench_select.time_retrievals(repeats=1)
    self.assertSetEqual(
      set(seconds),
      {
        'tff.federated_select alone',
        "'select', as rounds have it",
        "'broadcast', as rounds have it",
      },
    )
    self.assertGreater(min(seconds.values()), 0)

  @pytest.mark.slow
  def test_memory_of_a_client_does_not_grow_with_the_classes(self):
    few, many = map(bench_select.peak_client_bytes, bench_select.MEMORY_CLASSES)
    self.assertLess(many, 1.2 * few)


if __name__ == '__main__':
  absltest.main()
