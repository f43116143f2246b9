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
"""Timing of candidates that take turns, and medians."""

import collections
from collections.abc import Callable, Mapping
import time
from typing import Any, TypeVar

import numpy as np
import psutil

_Name = TypeVar('_Name')


def medians(
  candidates: Mapping[_Name, Callable[[], object]],
  repeats: int,
  *,
  warm_up: int = 1,
  clock: Callable[[], float | np.ndarray] = time.perf_counter,
) -> dict[_Name, Any]:
  """Times candidates that take turns, so that noise affects all of them alike.

  Args:
    candidates: Functions to time, by name.
    repeats: Number of timed calls of each candidate.
    warm_up: Number of calls before, which are not timed: the first calls trace
      and compile.
    clock: Function that returns the time in seconds, or an array of several
      kinds of time.

  Returns:
    By name, the median of the time that a call takes on the clock.
  """
  seconds = collections.defaultdict(list)
  for repeat in range(warm_up + repeats):
    for name, run in candidates.items():
      start = clock()
      run()
      if repeat >= warm_up:
        seconds[name].append(clock() - start)
  return {name: np.median(times, axis=0) for name, times in seconds.items()}


def wall_and_cpu_clock() -> Callable[[], np.ndarray]:
  """Returns a clock of wall time and CPU time, for `medians`.

  CPU time is that of this process and of the processes that it has started so
  far, such as TFF's runtime. The kernel reports times of the latter in ticks,
  usually of 10 ms.

  Returns:
    A function that returns `float64[2]`, both in seconds.
  """
  children = psutil.Process().children(recursive=True)

  def clock():
    times = [process.cpu_times() for process in children]
    cpu = time.process_time() + sum(t.user + t.system for t in times)
    return np.array([time.perf_counter(), cpu])

  return clock
