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
"""Tests for simulated_time."""

import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from programs.command_line import runner
from programs.reports import comparison
from programs.reports import simulated_time
from programs.runs import finished_run
from programs.training import sampling
from tests.programs.runs import example_runs

# Downloads of 1 MB take 1 s, uploads 2 s, and each has a delay of 0.25 s.
_NETWORK = simulated_time.Network(
  downlink_mbps=8, uplink_mbps=4, latency_ms=250, spread=0
)


class SimulatedTimeTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._path = pathlib.Path(
      self.enter_context(tempfile.TemporaryDirectory()), 'run'
    )

  def _run(self, **kwargs) -> finished_run.FinishedRun:
    return finished_run.read(str(example_runs.write(self._path, **kwargs)))

  def test_measured_time_of_one_seed_stands_for_all(self):
    paths = {
      name: example_runs.write(self._path / name / f'seed_{seed}', seed=seed)
      for name, seed in (('a', 0), ('b', 0), ('c', 0))
    }
    other = example_runs.write(self._path / 'a' / 'seed_1', seed=1)
    example_runs.change_summary(paths['a'], client_seconds=0.5)
    example_runs.change_summary(paths['c'], client_seconds=2)
    groups = comparison.group(
      finished_run.read(str(path)) for path in [*paths.values(), other]
    )
    self.assertEqual(
      simulated_time.measured_seconds(groups), {'a': 0.5, 'c': 2}
    )

  def test_table_computed_by_hand(self):
    # Four rounds of two clients. Each client downloads 5 MB and uploads 1 MB
    # in each round:
    #
    # | part | seconds |
    # | --- | --- |
    # | download: 0.25 + 5 | 5.25 |
    # | computation | 3 |
    # | upload: 0.25 + 2 | 2.25 |
    # | server | 0.5 |
    # | round | 11 |
    run = self._run(downlink_bytes=40_000_000, uplink_bytes=8_000_000)
    clock = simulated_time.build_clock(
      _NETWORK, {'run': 3.0}.__getitem__, server_seconds=0.5
    )
    np.testing.assert_allclose(clock(run), [0, 11, 22, 33, 44])

  def test_slowest_sampled_client_counts(self):
    run = self._run(seed=5, num_clients=3)
    network = simulated_time.Network(8, 4, 250, spread=0.7)
    seconds = simulated_time.round_seconds(run, network, client_seconds=1)
    factors = simulated_time.link_factors(5, 50, 0.7)
    # A client of each round downloads and uploads 10/3 MB.
    of_client = 0.5 + 1 + (10 / 3) / factors + 2 * (10 / 3) / factors
    sample = sampling.build_sampling_fn([f'{i:03d}' for i in range(50)], 3, 5)
    self.assertLen(seconds, 4)
    for round_num in range(1, 5):
      clients = [int(client) for client in sample(round_num)]
      self.assertAlmostEqual(seconds[round_num - 1], max(of_client[clients]))

  def test_links_are_log_normal_around_the_medians(self):
    logarithms = np.log(simulated_time.link_factors(1, 10_000, 0.5))
    # 5 standard errors.
    self.assertAlmostEqual(np.mean(logarithms), 0, delta=0.025)
    self.assertAlmostEqual(np.std(logarithms), 0.5, delta=0.018)
    again = simulated_time.link_factors(1, 10_000, 0.5)
    np.testing.assert_array_equal(np.log(again), logarithms)
    other = simulated_time.link_factors(2, 10_000, 0.5)
    self.assertFalse(np.array_equal(other, again))

  def test_number_of_clients_of_the_summary_comes_first(self):
    example_runs.write(self._path, num_clients=4)
    example_runs.change_summary(self._path, num_clients=3)
    self._assert_refused('from 1 to 3 clients in round 1, found 4')

  @parameterized.parameters(-1, 0, 10**15, '3', 2.0, True)
  def test_impossible_number_of_clients(self, num_clients):
    example_runs.write(self._path, task='shakespeare')
    example_runs.change_configuration(self._path, num_clients=num_clients)
    self._assert_refused('num_clients from 1 to 10,000,000 in its summary')

  def test_rounds_without_a_number_of_clients(self):
    example_runs.write(self._path, num_clients='')
    self._assert_refused('from 1 to 50 clients in round 1, found 0')

  def _assert_refused(self, message):
    run = finished_run.read(str(self._path))
    with self.assertRaisesRegex(
      runner.UsageError, f'^Expected of run run, seed 0, {message}[^\n]*$'
    ):
      simulated_time.round_seconds(run, _NETWORK, 0)

  def test_unknown_number_of_clients(self):
    example_runs.write(self._path, task='shakespeare')
    self._assert_refused('num_clients .*found None')


if __name__ == '__main__':
  absltest.main()
