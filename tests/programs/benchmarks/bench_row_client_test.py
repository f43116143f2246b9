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
"""Tests for bench_row_client."""

from unittest import mock

from absl.testing import absltest
import pytest

from programs.benchmarks import bench_memory
from programs.benchmarks import bench_row_client

_NUM_ROWS = 400


class BenchRowClientTest(absltest.TestCase):
  @pytest.mark.slow
  def test_costs_of_a_client(self):
    with mock.patch.object(
      bench_memory, 'peak_bytes', side_effect=_run_once
    ) as peak_bytes:
      with mock.patch.object(bench_memory, 'cpu_seconds', return_value=2.0):
        full = bench_row_client.measure_full(_NUM_ROWS)
        selected = bench_row_client.measure_selected(_NUM_ROWS)
    self.assertEqual(peak_bytes.call_count, 2)
    # All weights, as float32: those of the body, and rows of 96.
    weights = 4 * (full.peak_bytes + _NUM_ROWS * 96)
    self.assertBetween(full.bytes.downlink - weights, 0, 100)
    # By default 1,024 queries of 400 / 256 rows, rounded up.
    self.assertEqual(selected.num_entries, 1024 * 2)
    self.assertLess(
      selected.bytes.downlink, weights - 0.7 * 4 * _NUM_ROWS * 96 + 8192 + 4096
    )
    with (
      mock.patch.object(bench_row_client, 'measure_full', return_value=full),
      mock.patch.object(
        bench_row_client, 'measure_selected', return_value=selected
      ),
    ):
      table = bench_row_client.measure(1, [_NUM_ROWS])
    self.assertLen(table, 2)
    self.assertIn('2,048 index entries', table[1][2])


def _run_once(prepare, num_rows):
  """Returns the number of weights in the update of the body."""
  *body, rows = prepare(num_rows)()
  assert rows.shape in ([num_rows, 96], [round(0.3 * num_rows), 96])
  assert all(float(abs(w.numpy()).max()) > 0 for w in [*body, rows])
  return sum(w.numpy().size for w in body)


if __name__ == '__main__':
  absltest.main()
