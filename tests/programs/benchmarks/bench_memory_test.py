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
"""Tests for bench_memory."""

from absl.testing import absltest
import numpy as np

from programs.benchmarks import bench_memory

_MEGABYTE = 2**20


def _prepare_to_allocate(num_bytes: int):
  before = np.ones([64 * _MEGABYTE], np.uint8)
  del before  # The higher peak of the preparation does not count.
  return lambda: np.ones([num_bytes], np.uint8).sum()


class PeakBytesTest(absltest.TestCase):
  def test_measures_an_allocation_of_the_function(self):
    peak = bench_memory.peak_bytes(_prepare_to_allocate, 32 * _MEGABYTE)
    self.assertBetween(peak / _MEGABYTE, 31, 34)


if __name__ == '__main__':
  absltest.main()
