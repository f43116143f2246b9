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
"""Tests for bench_timing."""

import time

from absl.testing import absltest

from programs.benchmarks import bench_timing


class MediansTest(absltest.TestCase):
  def test_candidates_take_turns_and_warm_up_does_not_count(self):
    now, calls = [0.0], []
    # Durations of the calls of each candidate, the warm-up first.
    durations = {'a': [90.0, 5.0, 1.0, 2.0], 'b': [80.0, 3.0, 3.0, 7.0]}

    def run(name):
      calls.append(name)
      now[0] += durations[name].pop(0)

    medians = bench_timing.medians(
      {name: lambda name=name: run(name) for name in ('a', 'b')},
      3,
      clock=lambda: now[0],
    )
    self.assertEqual(medians, {'a': 2.0, 'b': 3.0})
    self.assertEqual(calls, ['a', 'b'] * 4)


class WallAndCpuClockTest(absltest.TestCase):
  def test_cpu_time_counts_work_and_not_sleep(self):
    clock = bench_timing.wall_and_cpu_clock()
    start = clock()
    time.sleep(0.3)
    slept = clock()
    end = time.process_time() + 0.3
    while time.process_time() < end:
      pass
    worked = clock()
    wall, cpu = slept - start
    self.assertGreaterEqual(wall, 0.3)
    self.assertLess(cpu, 0.3)
    wall, cpu = worked - slept
    self.assertGreaterEqual(wall, 0.25)
    self.assertBetween(cpu, 0.2, 1.0)

  def test_work_shorter_than_a_tick_has_cpu_time(self):
    clock = bench_timing.wall_and_cpu_clock()
    for _ in range(10):
      start = clock()
      sum(range(1000))
      self.assertGreater(clock()[1] - start[1], 0.0)


if __name__ == '__main__':
  absltest.main()
