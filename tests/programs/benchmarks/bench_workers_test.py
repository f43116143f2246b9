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
"""Tests for bench_workers, with a tiny model."""

import contextlib
import os
from unittest import mock

from absl.testing import absltest
import pytest
import tensorflow_federated as tff

from programs.benchmarks import bench_workers
from tests.tff_methods import linear_model
from tff_methods.runtime import remote_context
from tff_methods.runtime import workers


class BenchWorkersTest(absltest.TestCase):
  @pytest.mark.slow
  @absltest.skipIf(len(os.sched_getaffinity(0)) < 2, 'Takes two cores.')
  def test_workers_are_bound_to_cores(self):
    first, second = sorted(os.sched_getaffinity(0))[:2]
    started, found = [], []
    process = tff.learning.algorithms.build_weighted_fed_avg(
      linear_model.model_fn, tff.learning.optimizers.build_sgdm(0.1)
    )

    class Worker(workers.LocalWorker):
      def __init__(self):
        super().__init__()
        started.append(self)

    def create_context(addresses):
      found.append([_cores(w.pid) for w in started[-len(addresses) :]])
      return remote_context.create_remote_context(addresses)

    with (
      mock.patch.object(workers, 'LocalWorker', Worker),
      mock.patch.object(bench_workers, 'remote_context') as module,
    ):
      module.create_remote_context = create_context
      seconds = bench_workers.time_rounds(
        process, linear_model.datasets(), repeats=1
      )
    self.assertSequenceEqual(
      list(seconds),
      [
        bench_workers.ONE_WORKER,
        bench_workers.TWO_WORKERS,
        bench_workers.SHARED_CORE,
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
