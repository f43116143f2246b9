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
r"""Trains presets with the same seeds, and reports on their results.

  python -m programs.compare --output_dir=/tmp/comparison \
    --runs=programs/flagfiles/digits_fed_avg.flags,\
programs/flagfiles/digits_sketched_2bit.flags

Each run is `programs.train` with one of the flag files and one of the seeds, in
its own process, in the directory OUTPUT_DIR/NAME/seed_N, where NAME is that of
the flag file. It ends with a table, and writes to OUTPUT_DIR

  report.html       the table and pictures, for a browser, in one file
  comparison.md     the table
  comparison.csv    a row for each run and seed, with all results and flags
  pictures/         each picture as PNG and SVG

Factors are of the bytes of both directions, with uplink and downlink beside
them. --target=accuracy=0.95 adds what it takes to get there; --network=lte the
simulated time, with --client_seconds=measured that of clients included. To
search a grid, let flags vary:

  --vary=client_learning_rate=0.03,0.1,0.3 --vary=server_learning_rate=0.1,1

runs each file in all six combinations, in directories named after them.
Interrupted or killed, the comparison resumes when the same command is given
again; finished runs are not repeated. All flag files are checked before the
first run. --data_dir, --cache_dir, --rounds, --device with
--max_concurrent_clients, and --workers with --tls_*, if given, apply to each
run and override its flag file. Exit codes: 0; the exit code of the first
failing run; 2 if the request cannot be carried out; 128 + N after stop signal
N, as 130 after Ctrl-C.
"""

from collections.abc import Sequence
import json
import os
import subprocess
import sys

from absl import flags

from programs.command_line import child_process
from programs.command_line import common_flags
from programs.command_line import runner
from programs.command_line import stop_signals
from programs.network import tls_flags
from programs.reports import comparison
from programs.reports import comparison_table
from programs.reports import report_flags
from programs.reports import simulated_time
from programs.reports import tables
from programs.runs import finished_run
from programs.runs import presets
from programs.runs import readable_runs
from programs.runs import run_directory
from programs.runs import run_files
from programs.runs import run_results

# In the directory of a run that is finished: with which flags.
_FLAGS_FILE = 'finished_with.json'

_RUNS = flags.DEFINE_list(
  'runs',
  None,
  'Flag files of `programs.train` without --output_dir and --seed, separated '
  'by commas. Compression factors are relative to the first one.',
)
_VARY = flags.DEFINE_multi_string(
  'vary',
  [],
  'FLAG=VALUE,VALUE,... of `programs.train`: each flag file is run with each '
  'of the values; NAME:FLAG=VALUE,... applies to the file of that name only. '
  'Repeat the flag to run all combinations.',
)
_AT = flags.DEFINE_enum(
  'at',
  'last',
  run_results.AT,
  "Evaluation in the table: each run's last, its best, or the first that "
  'matches the best of the first flag file with the same seed; with the bytes '
  'sent and received until then.',
)
_RUN_DIRS = flags.DEFINE_list(
  'run_dirs',
  [],
  'Directories of finished runs of `programs.train`, separated by commas, that '
  'join those of --runs.',
)
_SEEDS = flags.DEFINE_list(
  'seeds',
  ['0'],
  'Seeds of the runs, separated by commas; the table shows means over them.',
)
flags.adopt_module_key_flags(common_flags)
flags.adopt_module_key_flags(tls_flags)
flags.adopt_module_key_flags(report_flags)
flags.register_validator(
  'run_dirs',
  lambda paths: '' not in paths,
  'Expected paths, separated by commas, found an empty one.',
)
flags.register_validator(
  'seeds',
  lambda seeds: (
    seeds
    and all(runner.is_count(seed, 0, 2**32 - 1) for seed in seeds)
    and len(set(map(int, seeds))) == len(seeds)
  ),
  'Expected different integers from 0 to 2^32 - 1, separated by commas.',
)


def main() -> int:
  """Trains and compares as the flags ask; returns the exit code."""
  if not _RUN_DIRS.value:
    runner.check_given(_RUNS)
  runner.check_given(common_flags.OUTPUT_DIR)
  run_directory.check_writable(common_flags.OUTPUT_DIR.value)
  all_presets = []
  if _RUNS.value is not None:
    all_presets = presets.read(_RUNS.value, _VARY.value)
    for preset in all_presets:
      run_directory.check_writable(_directory(preset, _SEEDS.value[0]))
  names = [preset.name for preset in all_presets]
  names += [finished_run.name_of(path) for path in _RUN_DIRS.value]
  report_flags.clock(names)  # Refuses bad flags.
  tasks = dict.fromkeys(task for p in all_presets for task in _tasks(p))
  if len(tasks) > 1:
    raise runner.UsageError(
      f'Expected flag files of one task in --runs, found {", ".join(tasks)}; '
      'compare each task alone.'
    )
  report_flags.target(tasks)
  try:
    with stop_signals.StopSignals() as stop:
      exit_code = _train_all(all_presets, stop)
      if exit_code:
        return exit_code
      with stop.interruptible():
        return _report(all_presets)
  except stop_signals.Stopped as e:
    return e.exit_code
  except run_files.StorageError as e:
    print(f'compare: {e}', file=sys.stderr)
    return 1


def _train_all(
  all_presets: Sequence[presets.Preset], stop: stop_signals.StopSignals
) -> int:
  """Trains unfinished runs; returns the exit code of a failing one."""
  for preset in all_presets:
    if not all(_is_finished(preset, seed) for seed in _SEEDS.value):
      print(f'Checking {preset.name}', flush=True)
      _check(preset, stop)
  # Seed by seed, so that a stopped comparison has complete seeds.
  for seed in _SEEDS.value:
    for preset in all_presets:
      if not _is_finished(preset, seed):
        print(f'{preset.name}, seed {seed}:', flush=True)
        exit_code = child_process.run(_command(preset, seed), stop)
        if exit_code:
          return exit_code
        _note_finished(preset, seed)
  return 0


def _tasks(preset: presets.Preset) -> list[str]:
  """Returns the task that the flags of a preset name, if they do."""
  flag = '--task='
  named = [f for f in _resolved_flags(preset, '0') if f.startswith(flag)]
  return [f.removeprefix(flag) for f in named[-1:]]


def _report(all_presets: Sequence[presets.Preset]) -> int:
  """Prints the table, and writes the files of the report."""
  paths = [
    _directory(preset, seed) for preset in all_presets for seed in _SEEDS.value
  ]
  runs, notes = readable_runs.read([*paths, *_RUN_DIRS.value])
  for note in notes:
    print(f'compare: {note}', file=sys.stderr)
  if not runs:
    directories = ', '.join([*paths, *_RUN_DIRS.value])
    raise runner.UsageError(
      f'Expected results of at least one run in {directories}, found none.'
    )
  groups = comparison.group(runs)
  target = report_flags.target({run.task for run in runs})
  measured = simulated_time.measured_seconds(groups)
  clock = report_flags.clock(groups, measured)
  rows = comparison.compare(groups, _AT.value, target, clock)
  tables.print_table(
    comparison_table.header(groups, rows),
    comparison_table.cells(groups, rows),
    comparison_table.OPTIONAL,
  )
  os.makedirs(common_flags.OUTPUT_DIR.value, exist_ok=True)
  # Imports matplotlib, which takes a second.
  from programs.reports import comparison_report

  path = comparison_report.write(
    comparison_report.Request(
      groups,
      _AT.value,
      target,
      clock,
      report_flags.describe_network(measured),
      notes,
    ),
    common_flags.OUTPUT_DIR.value,
  )
  print(f'Report: {path}')
  return 0


def _directory(preset: presets.Preset, seed: str) -> str:
  return os.path.join(
    common_flags.OUTPUT_DIR.value, preset.name, f'seed_{seed}'
  )


def _command(preset: presets.Preset, seed: str) -> list[str]:
  """Returns the command that runs one preset with one seed."""
  forwarded = (
    common_flags.DATA_DIR,
    common_flags.CACHE_DIR,
    common_flags.ROUNDS,
    common_flags.DEVICE,
    common_flags.MAX_CONCURRENT_CLIENTS,
    common_flags.WORKERS,
    *tls_flags.HOLDERS,
  )
  return [
    *(sys.executable, '-m', 'programs.train'),
    f'--flagfile={preset.flagfile}',
    *preset.flags,
    f'--seed={seed}',
    f'--output_dir={_directory(preset, seed)}',
    *(flags.FLAGS[f.name].serialize() for f in forwarded if f.present),
    # Once for a configuration: all its seeds take the same time.
    *(
      ['--measure_client_seconds']
      if report_flags.measures_clients() and seed == _SEEDS.value[0]
      else []
    ),
  ]


def _is_finished(preset: presets.Preset, seed: str) -> bool:
  """Returns whether an earlier comparison finished the same run.

  Otherwise `programs.train` itself decides between resuming and starting.
  """
  directory = _directory(preset, seed)
  try:
    with open(os.path.join(directory, _FLAGS_FILE), encoding='utf-8') as f:
      is_same = json.load(f) == _resolved_flags(preset, seed)
  except (FileNotFoundError, NotADirectoryError, ValueError):
    return False
  # The report leaves out a summary that is damaged, and says so.
  return is_same and os.path.exists(os.path.join(directory, run_files.SUMMARY))


def _note_finished(preset: presets.Preset, seed: str) -> None:
  run_files.write_json(
    os.path.join(_directory(preset, seed), _FLAGS_FILE),
    _resolved_flags(preset, seed),
  )


def _resolved_flags(preset: presets.Preset, seed: str) -> list[str]:
  """Returns the flags of a run, with the present contents of its flag file."""
  # With or without a byte order mark.
  with open(preset.flagfile, encoding='utf-8-sig') as f:
    lines = [line.strip() for line in f]
  in_file = [
    line for line in lines if line and not line.startswith(('#', '//'))
  ]
  return [*in_file, *_command(preset, seed)[4:]]


def _check(preset: presets.Preset, stop: stop_signals.StopSignals) -> None:
  """Raises `UsageError` if `programs.train` refuses the preset."""
  command = _command(preset, _SEEDS.value[0])
  with stop.interruptible():
    result = subprocess.run(
      [*command, '--dry_run'], stderr=subprocess.PIPE, text=True, check=False
    )
  if result.returncode:
    *_, reason = ('', *result.stderr.splitlines())
    with_flags = ''.join(f' with {flag}' for flag in preset.flags)
    raise runner.UsageError(
      'Expected flag files that `programs.train` accepts in --runs, found '
      f'{preset.flagfile!r}{with_flags}, which it refuses: {reason}'
    )


if __name__ == '__main__':
  runner.run(main)
