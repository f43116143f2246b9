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
"""Simulated time of runs on a network, from the bytes that they sent.

A round takes as long as its slowest client: download, computation and upload,
one after the other, and then the server. Links follow a distribution, and
computation takes a constant time, given or measured on one machine.
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import reprlib

import numpy as np

from programs.command_line import runner
from programs.reports import comparison
from programs.runs import finished_run
from programs.runs import run_files
from programs.training import sampling
from tasks import catalog

_BITS_PER_BYTE = 8
_MEGA = 1e6
_MILLISECONDS = 1e3
_MAX_CLIENTS = 10_000_000  # Each has a link.
# Keeps the links of a seed apart from its other random numbers.
_LINKS = 0x6C696E6B


@dataclasses.dataclass(frozen=True)
class Network:
  """Links of clients.

  Attributes:
    downlink_mbps: Median rate of downloads, in 10^6 bits per second.
    uplink_mbps: Median rate of uploads, in 10^6 bits per second.
    latency_ms: Delay of each download and each upload, in milliseconds.
    spread: Standard deviation of the logarithm of a client's rates. Both rates
      of a client are the medians times the same factor, which is log-normal.
  """

  downlink_mbps: float
  uplink_mbps: float
  latency_ms: float
  spread: float = 0.5


# Sources are in docs/guides/train.md.
PRESETS: Mapping[str, Network] = {
  'lte': Network(downlink_mbps=13, uplink_mbps=6, latency_ms=70),
  'wifi': Network(downlink_mbps=85.73, uplink_mbps=45.74, latency_ms=21),
  'wan': Network(downlink_mbps=6, uplink_mbps=2, latency_ms=100),
}


def build_clock(
  network: Network,
  client_seconds: Callable[[str], float],
  server_seconds: float = 0,
) -> comparison.Clock:
  """Builds the simulated clock of runs.

  The clients of a round are those that `programs.train` samples. All clients of
  a round send, and receive, the same number of bytes.

  Args:
    network: Links of the clients.
    client_seconds: Function from the name of a configuration to the time that a
      client computes in a round, in seconds.
    server_seconds: Time that the server takes for a round, in seconds.

  Returns:
    A function from a run to the seconds until the end of each round, from 0 on.
  """
  clocks: dict[tuple[str, int], Sequence[float]] = {}

  def clock(run: finished_run.FinishedRun) -> Sequence[float]:
    key = run.name, run.seed
    if key not in clocks:
      seconds = round_seconds(run, network, client_seconds(run.name))
      clocks[key] = np.cumsum([0, *(seconds + server_seconds)]).tolist()
    return clocks[key]

  return clock


def measured_seconds(groups: comparison.Groups) -> dict[str, float]:
  """Returns the measured time of a client, by the name of the configuration.

  Args:
    groups: Runs of each configuration, of which one with a time stands for all.
  """
  return {
    name: seconds
    for name, runs in groups.items()
    for run in reversed(runs)
    if (seconds := run.client_seconds) is not None
  }


def round_seconds(
  run: finished_run.FinishedRun, network: Network, client_seconds: float
) -> np.ndarray:
  """Returns the time of the slowest client of each round.

  Args:
    run: The run.
    network: Links of the clients.
    client_seconds: Time that a client computes in a round, in seconds.

  Returns:
    `float64[rounds]`, seconds.

  Raises:
    UsageError: If the run does not say how many clients its task and its rounds
      have.
  """
  num_clients = _num_clients(run)
  cohort_sizes = _cohort_sizes(run, num_clients)
  factors = link_factors(run.seed, num_clients, network.spread)
  sample = sampling.build_sampling_fn(
    _ids(len(factors)),
    max(cohort_sizes, default=1),
    run.seed,
    lambda round_num: cohort_sizes[round_num - 1],
  )
  # All send the same number of bytes, so the slowest link is the last to end.
  slowest = np.array(
    [
      factors[np.array(sample(r), dtype=np.int64)].min()
      for r in range(1, len(run.rows))
    ]
  )
  transfer = np.zeros(len(slowest))
  for direction, rate in (
    ('downlink', network.downlink_mbps),
    ('uplink', network.uplink_mbps),
  ):
    of_all = np.diff([row[f'{direction}_bytes'] for row in run.rows])
    bits = _BITS_PER_BYTE * of_all / np.array(cohort_sizes)
    transfer += bits / (rate * _MEGA)
  latency = 2 * network.latency_ms / _MILLISECONDS
  return latency + client_seconds + transfer / slowest


def link_factors(seed: int, num_clients: int, spread: float) -> np.ndarray:
  """Returns each client's rates as multiples of the medians.

  Args:
    seed: Seed of the run.
    num_clients: Number of clients of the task.
    spread: Standard deviation of their logarithm.

  Returns:
    `float64[num_clients]`, in the order of the sorted client ids.
  """
  rng = np.random.default_rng((seed, _LINKS))
  return rng.lognormal(0, spread, num_clients)


def _ids(num_clients: int) -> list[str]:
  """Returns ids that sort like the ids of the task do."""
  digits = len(str(num_clients))
  return [f'{i:0{digits}d}' for i in range(num_clients)]


def _num_clients(run: finished_run.FinishedRun) -> int:
  num_clients = run.summary.get('num_clients') or run.configuration.get(
    'num_clients'
  )
  if num_clients is None and run.task in catalog.TASK_NAMES:
    num_clients = catalog.defaults(run.task).num_clients
  if not (run_files.is_count(num_clients) and 0 < num_clients <= _MAX_CLIENTS):
    raise _refusal(
      run,
      f'num_clients from 1 to {_MAX_CLIENTS:,} in its summary, found '
      f'{reprlib.repr(num_clients)}',
    )
  return num_clients


def _cohort_sizes(run: finished_run.FinishedRun, num_clients: int) -> list[int]:
  """Returns the number of clients of each round."""
  sizes = [int(row.get('num_clients', 0)) for row in run.rows[1:]]
  for i, size in enumerate(sizes):
    if not 0 < size <= num_clients:
      raise _refusal(
        run,
        f'from 1 to {num_clients} clients in round {i + 1}, found {size}',
      )
  return sizes


def _refusal(run: finished_run.FinishedRun, found: str) -> runner.UsageError:
  return runner.UsageError(
    f'Expected of run {run.name}, seed {run.seed}, {found}: leave out '
    '--network, or run it again.'
  )
