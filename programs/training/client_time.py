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
"""Time that one client takes in a round, for simulated time.

Clients of a round run side by side in the in-process runtime, and TFF's C++
runtime does not tell their times. A round of one client has no such company.
"""

from collections.abc import Sequence
import statistics
import time
from typing import Any

from programs.training import data_source
from programs.training import program_logic
from tff_methods import simulation

# Of clients, whose data differ; the first round also compiles.
_NUM_ROUNDS = 5


def measure(
  process: simulation.ClientIdProcess,
  state: program_logic.ProgramState,
  schedule: program_logic.Schedule,
) -> float:
  """Returns the median duration of rounds of one client each, in seconds.

  It includes encoding and decoding, and the server's steps. The results of the
  rounds are dropped; clients with states keep those of `state`.

  Args:
    process: The process.
    state: State of the program from which the rounds start.
    schedule: Cohort sizes.
  """
  iterator = data_source.copy_iterator(state.data_iterator)
  clients: Any = iterator.select(schedule.cohort_size(int(state.round_num) + 1))
  durations = [
    _seconds_of_round(process, state.server_state, [client])
    for client in [clients[0], *clients[:_NUM_ROUNDS]]
  ]
  return statistics.median(durations[1:])


def _seconds_of_round(
  process: simulation.ClientIdProcess,
  server_state: Any,
  clients: Sequence[str],
) -> float:
  start = time.monotonic()
  process.next(server_state, clients)
  return time.monotonic() - start
