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
r"""Trains several presets with the same seeds, and prints one table of them.

  python -m programs.compare --output_dir=/tmp/comparison \
    --runs=programs/flagfiles/digits_fed_avg.flags,\
programs/flagfiles/digits_sketched_2bit.flags

Each run is `programs.train` with one of the flag files and one of the seeds, in
a process of its own, in the directory OUTPUT_DIR/NAME/seed_N, where NAME is the
flag file's. Stopped, the same command goes on where it was; finished runs are
not repeated. --data_dir, --cache_dir and --rounds, if given, are for each run,
whatever its flag file says. Exit codes: 0, that of the first run that fails, 2
if what is asked for cannot be done, 130 and 143 after Ctrl-C and SIGTERM.
"""

from collections.abc import Mapping, Sequence
import os
import statistics
import subprocess
import sys

from absl import flags

from programs import common_flags
from programs import reporting
from programs import run_directory
from programs import stop_signals
from programs import usage

_RUNS = flags.DEFINE_list(
  'runs',
  None,
  'Flag files of `programs.train`, without --output_dir and --seed; factors '
  'in the table are against the first one.',
)
_SEEDS = flags.DEFINE_list(
  'seeds', ['0'], 'The table shows means over runs with these seeds.'
)
flags.adopt_module_key_flags(common_flags)
flags.register_validator(
  'seeds',
  lambda seeds: seeds and all(seed.isdecimal() for seed in seeds),
  'Expected non-negative integers, separated by commas.',
)


def main() -> int:
  """Trains and compares as the flags say; returns the exit code."""
  usage.check_given(_RUNS, common_flags.OUTPUT_DIR)
  presets = _named_presets(_RUNS.value)
  summaries = {name: [] for name in presets}
  try:
    with stop_signals.StopSignals() as stop:
      # Seed by seed, so that what is there after a stop can be compared.
      for seed in _SEEDS.value:
        for name, flagfile in presets.items():
          directory = os.path.join(
            common_flags.OUTPUT_DIR.value, name, f'seed_{seed}'
          )
          print(f'{name}, seed {seed}:', flush=True)
          exit_code = _train(flagfile, directory, seed, stop)
          if exit_code:
            return exit_code
          summaries[name].append(run_directory.read_summary(directory))
  except stop_signals.Stopped as e:
    return e.exit_code
  _print_comparison(summaries)
  return 0


def _named_presets(flagfiles: Sequence[str]) -> dict[str, str]:
  """Flag files by their names without folder and ending."""
  presets = {}
  for flagfile in flagfiles:
    name, _ = os.path.splitext(os.path.basename(flagfile))
    if not os.path.isfile(flagfile):
      raise usage.UsageError(
        f'Expected flag files in --runs, found no file {flagfile!r}.'
      )
    if name in presets:
      raise usage.UsageError(
        f'Expected flag files of different names in --runs, found {name!r} '
        'twice; rename one.'
      )
    presets[name] = flagfile
  return presets


def _train(
  flagfile: str, directory: str, seed: str, stop: stop_signals.StopSignals
) -> int:
  """Runs one preset to its end; returns the exit code."""
  handed_on = (
    common_flags.DATA_DIR,
    common_flags.CACHE_DIR,
    common_flags.ROUNDS,
  )
  command = [
    *(sys.executable, '-m', 'programs.train'),
    f'--flagfile={flagfile}',
    f'--seed={seed}',
    f'--output_dir={directory}',
    *(f'--{f.name}={f.value}' for f in handed_on if f.present),
  ]
  # In a session of its own: Ctrl-C is for this program, which hands it on.
  process = subprocess.Popen(command, start_new_session=True)
  try:
    with stop.interruptible():
      return process.wait()
  except stop_signals.Stopped as e:
    process.send_signal(e.signum)
    process.wait()  # It saves what it has done.
    raise


def _print_comparison(
  summaries: Mapping[str, Sequence[Mapping[str, object]]],
) -> None:
  """Prints one row for each preset, of means over its runs."""
  first, *_ = summaries.values()
  first_uplink_bytes = _mean(first, 'uplink_bytes')
  rows = []
  for name, runs in summaries.items():
    uplink_bytes = _mean(runs, 'uplink_bytes')
    rows.append(
      [
        name,
        runs[0]['method'],
        _accuracy([run['metrics']['accuracy'] for run in runs]),
        f'{_mean(runs, "rounds"):.0f}',
        reporting.megabytes(uplink_bytes),
        f'{first_uplink_bytes / uplink_bytes:.2f} x',
        reporting.megabytes(_mean(runs, 'downlink_bytes')),
        f'{_mean(runs, "seconds"):.1f}',
      ]
    )
  header = [
    'run',
    'method',
    'accuracy',
    'rounds',
    'uplink MB',
    'less uplink',
    'downlink MB',
    'seconds',
  ]
  reporting.print_table(header, rows)


def _accuracy(accuracies: Sequence[float]) -> str:
  """The mean, and with several seeds their standard deviation."""
  mean = reporting.percent(statistics.fmean(accuracies))
  if len(accuracies) == 1:
    return mean
  return f'{mean} (± {100 * statistics.stdev(accuracies):.2f})'


def _mean(runs: Sequence[Mapping[str, object]], name: str) -> float:
  return statistics.fmean(run[name] for run in runs)


if __name__ == '__main__':
  usage.run(main)
