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
"""Flags of reports on runs: the target, and the network of simulated time."""

from collections.abc import Collection, Mapping
import dataclasses
import math
import re

from absl import flags

from programs.command_line import runner
from programs.reports import comparison
from programs.reports import simulated_time
from tasks import catalog
from tff_methods import options as options_lib

TARGET = flags.DEFINE_string(
  'target',
  None,
  'METRIC=VALUE, as accuracy=0.95: adds the rounds, the bytes and, with a '
  'network, the simulated seconds until a test metric first reaches the value.',
)
NETWORK = flags.DEFINE_enum(
  'network',
  None,
  list(simulated_time.PRESETS),
  'Network of simulated time, with published rates. Default: that of '
  '--uplink_mbps, --downlink_mbps and --latency_ms, if given, else none.',
)
UPLINK = flags.DEFINE_float(
  'uplink_mbps', None, 'Median uplink of clients, in 10^6 bits per second.'
)
DOWNLINK = flags.DEFINE_float(
  'downlink_mbps', None, 'Median downlink of clients, in 10^6 bits per second.'
)
LATENCY = flags.DEFINE_float(
  'latency_ms',
  None,
  'Delay of each download and each upload, in milliseconds.',
  lower_bound=0,
)
SPREAD = flags.DEFINE_float(
  'link_spread',
  0.5,
  "Standard deviation of the logarithm of clients' rates; 0: all the same.",
  lower_bound=0,
  upper_bound=10,
)
CLIENT_SECONDS = flags.DEFINE_multi_string(
  'client_seconds',
  [],
  'Seconds that a client computes in a round, or NAME:SECONDS for the run of '
  'that name; "measured": those that the run of the first seed measures once, '
  'after training. Repeat the flag for several. Default: 0.',
)
SERVER_SECONDS = flags.DEFINE_float(
  'server_seconds',
  0,
  'Seconds that the server takes for a round.',
  lower_bound=0,
)
for _finite_flag in ('latency_ms', 'link_spread', 'server_seconds'):
  flags.register_validator(
    _finite_flag,
    lambda value: value is None or math.isfinite(value),
    'Expected a finite number.',
  )
_LINK_FLAGS = (UPLINK, DOWNLINK, LATENCY)
_TIME_FLAGS = (SPREAD, CLIENT_SECONDS, SERVER_SECONDS)
_MEASURED = 'measured'
_SECONDS = re.compile(r'(?:(?P<name>[^:]+):)?(?P<seconds>[^:]+)')
_TARGET = re.compile(r'(?P<metric>\w+)=(?P<value>[^=]+)')
_RANKING = re.compile('recall_at_(5|10|50)|ndcg_at_50')
_PRECISION = re.compile(
  rf'((in)?frequent_|({"|".join(options_lib.DECODINGS)})_)?'
  'precision_at_[135]|mean_precision'
)

for holder in (UPLINK, DOWNLINK):
  flags.register_validator(
    holder.name, runner.positive, 'Expected a positive number.'
  )


def target(tasks: Collection[str]) -> comparison.Target | None:
  """Returns the target that the flags ask for, `None` for none.

  Args:
    tasks: Names of the tasks of the runs.

  Raises:
    UsageError: If it is malformed, or no metric of one of the tasks.
  """
  if TARGET.value is None:
    return None
  match = _TARGET.fullmatch(TARGET.value)
  value = _number(match['value']) if match else None
  if match is None or value is None:
    raise runner.UsageError(
      'Expected METRIC=VALUE in --target, as accuracy=0.95, found '
      f'{TARGET.value!r}.'
    )
  metric = match['metric']
  for task in tasks:
    if not _is_metric(metric, task):
      raise runner.UsageError(
        f'Expected a test metric of {task} in --target, found {metric!r}; give '
        f'{_examples(task)}.'
      )
  return comparison.Target(metric, value)


def measures_clients() -> bool:
  """Returns whether the flags ask for the time of a client to be measured."""
  return _MEASURED in CLIENT_SECONDS.value


def clock(
  names: Collection[str], measured: Mapping[str, float] | None = None
) -> comparison.Clock | None:
  """Returns the clock that the flags ask for, `None` for none.

  Args:
    names: Names of the configurations.
    measured: Measured time of a client of each configuration, in seconds; see
      `simulated_time.measured_seconds`.

  Raises:
    UsageError: If flags are missing, malformed, or do not go together; when
      called, the clock raises it for a run that is to have a measured time and
      has none.
  """
  network = _network()
  if network is None:
    for flag in _TIME_FLAGS:
      if flag.present:
        raise runner.UsageError(
          f'Expected --network with --{flag.name}, found none; give it.'
        )
    return None
  default, by_name = _given_seconds(names)
  measured = measured or {}

  def client_seconds(name: str) -> float:
    if name in by_name or not measures_clients():
      return by_name.get(name, default)
    if name not in measured:
      raise runner.UsageError(
        f'Expected the time of a client in summary.json of {name}, found none; '
        'give its --run_dirs again after programs.train with '
        f'--measure_client_seconds, or --client_seconds={name}:SECONDS.'
      )
    return measured[name]

  return simulated_time.build_clock(
    network, client_seconds, SERVER_SECONDS.value
  )


def describe_network(measured: Mapping[str, float] | None = None) -> str | None:
  """Returns the network and the times of a round as text, `None` for none.

  Args:
    measured: See `clock`.
  """
  network = _network()
  if network is None:
    return None
  name = f'{NETWORK.value}: ' if NETWORK.value else ''
  given = [text for text in CLIENT_SECONDS.value if text != _MEASURED]
  if measures_clients():
    _, by_name = _given_seconds(measured or {})
    given += [
      f'{run}:{seconds:.3g} (measured)'
      for run, seconds in (measured or {}).items()
      if run not in by_name
    ]
  seconds = ', '.join(given) or '0'
  return (
    f'{name}downlink {network.downlink_mbps:g} Mbit/s, uplink '
    f'{network.uplink_mbps:g} Mbit/s, latency {network.latency_ms:g} ms, '
    f'log-normal spread {network.spread:g}; clients compute {seconds} s a '
    f'round, the server {SERVER_SECONDS.value:g} s'
  )


def _examples(task: str) -> str:
  """Returns metrics that runs of a task report, for messages."""
  if task in catalog.MULTI_LABEL_TASK_NAMES:
    return 'loss, mean_precision or [in]frequent_precision_at_<1, 3, 5>'
  if task in catalog.BAG_TASK_NAMES:
    return 'accuracy, loss, recall_at_<5, 10, 50> or ndcg_at_50'
  return 'accuracy, loss or map_at_<r>'


def _is_metric(metric: str, task: str) -> bool:
  """Returns whether runs of a task may report a metric."""
  is_user_task = task == 'folder' or task not in catalog.TASK_NAMES
  if metric in ('accuracy', 'loss') or is_user_task:
    return True
  if task in catalog.MULTI_LABEL_TASK_NAMES:
    return _PRECISION.fullmatch(metric) is not None
  if task in catalog.BAG_TASK_NAMES:
    return _RANKING.fullmatch(metric) is not None
  return task in catalog.ROW_TASK_NAMES and metric.startswith('map_at_')


def _network() -> simulated_time.Network | None:
  given = [flag for flag in _LINK_FLAGS if flag.value is not None]
  if NETWORK.value is not None:
    changes = {flag.name: flag.value for flag in given}
    return dataclasses.replace(
      simulated_time.PRESETS[NETWORK.value], spread=SPREAD.value, **changes
    )
  if not given:
    return None
  for flag in _LINK_FLAGS:
    if flag.value is None:
      raise runner.UsageError(
        f'Expected --{flag.name} with --{given[0].name}, found none; give it, '
        'or --network.'
      )
  return simulated_time.Network(
    DOWNLINK.value, UPLINK.value, LATENCY.value, SPREAD.value
  )


def _given_seconds(
  names: Collection[str],
) -> tuple[float, dict[str, float]]:
  """Returns the given time of all clients, and that of the runs with a name."""
  default, by_name = 0.0, {}
  for text in CLIENT_SECONDS.value:
    if text == _MEASURED:
      continue
    match = _SECONDS.fullmatch(text)
    seconds = _number(match['seconds']) if match else None
    if match is None or seconds is None or seconds < 0:
      raise runner.UsageError(
        'Expected SECONDS, NAME:SECONDS or measured in --client_seconds, found '
        f'{text!r}.'
      )
    if match['name'] is None and measures_clients():
      raise runner.UsageError(
        'Expected either measured or SECONDS in --client_seconds, found both: '
        'leave one out.'
      )
    if match['name'] is None:
      default = seconds
    elif match['name'] in names:
      by_name[match['name']] = seconds
    else:
      raise runner.UsageError(
        'Expected the name of a run in --client_seconds, one of '
        f'{", ".join(names)}, found {match["name"]!r}.'
      )
  return default, by_name


def _number(text: str) -> float | None:
  try:
    value = float(text)
  except ValueError:
    return None
  return value if abs(value) < float('inf') else None
