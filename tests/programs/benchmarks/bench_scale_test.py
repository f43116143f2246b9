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

import contextlib
import os
import tempfile
from unittest import mock

from absl.testing import absltest
import pytest

from programs.benchmarks import bench_memory
from programs.benchmarks import bench_scale
from programs.benchmarks import scale_sizes
from tasks import client_database
from tests.tff_methods import linear_model
from tff_methods.runtime import remote_context
from tff_methods.runtime import workers


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

  @pytest.mark.slow
  @absltest.skipIf(len(os.sched_getaffinity(0)) < 2, 'Takes two cores.')
  def test_workers_are_bound_to_cores(self):
    first, second = sorted(os.sched_getaffinity(0))[:2]
    started, found = [], []

    class Worker(workers.LocalWorker):
      def __init__(self):
        super().__init__()
        started.append(self)

    def create_context(addresses):
      found.append([_cores(w.pid) for w in started[-len(addresses) :]])
      return remote_context.create_remote_context(addresses)

    with (
      mock.patch.object(workers, 'LocalWorker', Worker),
      mock.patch.object(bench_scale, 'remote_context') as module,
    ):
      module.create_remote_context = create_context
      seconds = bench_scale.time_workers(
        (linear_model.model_fn, linear_model.datasets()), repeats=1
      )
    self.assertSequenceEqual(
      list(seconds),
      [
        bench_scale.ONE_WORKER,
        bench_scale.TWO_WORKERS,
        bench_scale.SHARED_CORE,
      ],
    )
    self.assertEqual(
      found, [[{first}], [{first}, {second}], [{first}, {first}]]
    )


def _cores(pid: int) -> set[int]:
  """Returns the cores that threads of a process may run on."""
  cores = set()
  for thread in os.listdir(f'/proc/{pid}/task'):
    with contextlib.suppress(ProcessLookupError):  # It has ended meanwhile.
      cores |= os.sched_getaffinity(int(thread))
  return cores


if __name__ == '__main__':
  absltest.main()
