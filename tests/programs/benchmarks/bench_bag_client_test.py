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
"""Tests for bench_bag_client."""

from unittest import mock

from absl.testing import absltest
import numpy as np
import pytest

from programs.benchmarks import bench_bag_client
from programs.benchmarks import bench_memory

# Of the ReLU's bias, the dense layer, and the rows; output rows have a bias.
_BODY, _INPUT_ROW, _OUTPUT_ROW = 64 + 64 * 64 + 64, 64, 65
_ARTISTS = 17_632


class BenchBagClientTest(absltest.TestCase):
  @pytest.mark.slow
  def test_costs_of_a_client(self):
    sent = []

    def run_once(prepare, *arguments):
      sent.append(prepare(*arguments)())
      return 10 * len(sent)

    with (
      mock.patch.object(bench_memory, 'peak_bytes', side_effect=run_once),
      mock.patch.object(bench_memory, 'cpu_seconds', return_value=2.0),
    ):
      table = bench_bag_client.measure(1)
      selected = bench_bag_client.measure_selected()
    self.assertEqual(
      [row[1] for row in table],
      ['all rows', '40 and 1,000 rows', '40 and 1,000 rows, 4 bits'],
    )
    self.assertStartsWith(table[0][2], '0.0 MB at most, 2.00 s of CPU, 9.12 MB')
    self.assertStartsWith(table[2][3], '3.000 x memory, 1.000 x CPU, 0.0')
    full, updates, codes, _ = sent
    shapes = [w.shape for w in full]
    self.assertEqual(shapes[-2:], [(_ARTISTS, 64), (_ARTISTS, 65)])
    # The client's own 40 artists move, and of the output all rows do.
    self.assertTrue(np.any(updates[-2], axis=1).all())
    self.assertTrue(np.any(updates[-1], axis=1).all())
    self.assertEqual(np.count_nonzero(np.any(full[-2], axis=1)), 40)
    weights = _BODY + 40 * _INPUT_ROW + 1000 * _OUTPUT_ROW
    self.assertBetween(selected.bytes.downlink - 4 * weights, 0, 5000)
    # 4 bits a value of the three large tensors, and their parameters.
    num_bytes = sum(np.asarray(x).nbytes for code in codes for x in _flat(code))
    self.assertBetween(num_bytes, weights / 2, weights / 2 + 20_000)


def _flat(value):
  if isinstance(value, dict):
    return [part for child in value.values() for part in _flat(child)]
  return [value]


if __name__ == '__main__':
  absltest.main()
