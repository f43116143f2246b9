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
"""Tests for bench_scale, at tiny sizes."""

import tempfile
from unittest import mock

from absl.testing import absltest
import pytest

from programs.benchmarks import bench_memory
from programs.benchmarks import bench_scale
from programs.benchmarks import scale_sizes
from tasks import client_database


class BenchScaleTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    # Measured in processes of their own, which import TFF.
    self.enterContext(
      mock.patch.object(bench_memory, 'peak_bytes', return_value=7)
    )

  @pytest.mark.slow
  def test_cohorts_of_registered_clients(self):
    sizes = scale_sizes.Sizes(cohorts=[2, 4], registered=[5, 6])
    costs = bench_scale.measure_cohorts(sizes, repeats=1)
    self.assertCountEqual(costs, [(5, 2), (5, 4), (6, 2), (6, 4)])
    for cost in costs.values():
      self.assertGreater(cost.seconds, 0)
      self.assertEqual(cost.peak_bytes, 7)

  def test_clients_are_those_of_the_file(self):
    with tempfile.TemporaryDirectory() as directory:
      path = bench_scale.write_clients(directory, 3)
      data = client_database.load_train_data(path)
      self.assertLen(data.client_ids, 3)
      dataset = data.create_tf_dataset_for_client('2')
      self.assertLen(list(dataset), bench_scale._NUM_EXAMPLES)

  @pytest.mark.slow
  def test_weights_and_rows(self):
    for measure in (bench_scale.measure_weights, bench_scale.measure_rows):
      self.assertGreater(measure(25, repeats=1).seconds, 0)


if __name__ == '__main__':
  absltest.main()
