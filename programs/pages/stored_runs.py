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
"""Files of runs in `results/`, in the layout PAGE/NAME/seed_N of `compare`."""

from collections.abc import Iterable
import pathlib
import shutil

from programs.command_line import runner
from programs.pages import descriptions
from programs.runs import finished_run
from programs.runs import run_files

# What a run leaves, without weights, checkpoints and paths of the machine.
FILES = (run_files.CONFIGURATION, run_files.METRICS, run_files.SUMMARY)
# Evaluations after training, by the `at` of the tables that show them.
_EVALUATIONS = {
  'test': run_files.TEST_EVALUATION,
  'train': run_files.TRAIN_EVALUATION,
}
_ROUNDS = 'rounds'


def directory(
  results_dir: pathlib.Path, run: descriptions.Run, seed: int
) -> pathlib.Path:
  """Returns the directory of a run with one seed.

  Args:
    results_dir: The directory `results`, or one of the same layout.
    run: The run.
    seed: Its seed.
  """
  return results_dir / run.page / run.name / f'seed_{seed}'


def is_complete(results_dir: pathlib.Path, table: descriptions.Table) -> bool:
  """Returns whether there are files of all runs of a table.

  Args:
    results_dir: The directory `results`.
    table: The table.
  """
  return not any(
    missing_seeds(results_dir, row.run, table.seeds, evaluations(table))
    for row in table.rows
  )


def evaluations(table: descriptions.Table) -> tuple[str, ...]:
  """Returns the files of evaluations after training that a table shows."""
  return (_EVALUATIONS[table.at],) if table.at in _EVALUATIONS else ()


def missing_seeds(
  results_dir: pathlib.Path,
  run: descriptions.Run,
  seeds: Iterable[int],
  more: Iterable[str] = (),
) -> list[int]:
  """Returns the seeds of a run without files.

  Args:
    results_dir: The directory `results`.
    run: The run.
    seeds: Seeds of the run.
    more: Other files that a complete run needs.
  """
  names = (*FILES, *more)
  return [
    seed
    for seed in seeds
    if not all(
      (directory(results_dir, run, seed) / name).exists() for name in names
    )
  ]


def add(
  results_dir: pathlib.Path,
  run: descriptions.Run,
  seed: int,
  source: pathlib.Path,
) -> None:
  """Copies the files of a finished run.

  Args:
    results_dir: The directory `results`.
    run: The run.
    seed: Its seed.
    source: A directory with the same layout, from which to copy.

  Raises:
    StorageError: If a file cannot be written.
  """
  target, found = (directory(d, run, seed) for d in (results_dir, source))
  names = [*FILES]
  names += [name for name in _EVALUATIONS.values() if (found / name).exists()]
  try:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
      shutil.copyfile(found / name, target / name)
  except OSError as e:
    raise run_files.storage_error(str(target), e) from e


def flags_of(root: pathlib.Path, run: descriptions.Run) -> dict[str, str]:
  """Returns the flags of a run with their values, as text.

  Args:
    root: Root of the repository.
    run: The run.

  Raises:
    UsageError: If its flag file cannot be read.
  """
  try:
    lines = (root / run.flagfile).read_text(encoding='utf-8').splitlines()
  except OSError as e:
    raise runner.UsageError(
      f'Expected {run.flagfile} for the run {run.page}/{run.name}, found: '
      f'{e.strerror}; correct results/*/{descriptions.FILE}.'
    ) from e
  given = [line.removeprefix('--') for line in lines if line.startswith('--')]
  parts = [flag.partition('=') for flag in [*given, *run.flags]]
  return {name: value if equals else 'true' for name, equals, value in parts}


def read(
  results_dir: pathlib.Path, run: descriptions.Run, seed: int
) -> finished_run.FinishedRun:
  """Reads a run, and compares it with its flag file.

  Args:
    results_dir: The directory `results`.
    run: The run.
    seed: Its seed.

  Raises:
    UsageError: If files are missing or damaged, or were left by a run with
      other flags.
  """
  path = directory(results_dir, run, seed)
  found = finished_run.read(str(path))
  actual = {**found.configuration, _ROUNDS: found.summary[_ROUNDS]}
  if found.summary['stopped_early']:
    del actual[_ROUNDS]
  flags = flags_of(results_dir.parent, run) | {'seed': str(seed)}
  for name, value in flags.items():
    if name in actual and not _is_equal(actual[name], value):
      raise runner.UsageError(
        f'Expected {path} to have results with --{name}={value}, as in '
        f'{run.flagfile}, found {actual[name]!r}; remove the directory and run '
        f'`make results PAGE={run.page}`.'
      )
  return found


def read_table(
  results_dir: pathlib.Path, table: descriptions.Table
) -> dict[str, list[finished_run.FinishedRun]]:
  """Reads the runs of each row of a table, by name and in order.

  Args:
    results_dir: The directory `results`.
    table: The table.

  Raises:
    UsageError: If files are missing or damaged, or were left by a run with
      other flags.
  """
  groups = {}
  for row in table.rows:
    missing = missing_seeds(
      results_dir, row.run, table.seeds, evaluations(table)
    )
    if missing:
      raise runner.UsageError(
        f'Expected the files of a run in '
        f'{directory(results_dir, row.run, missing[0])}, found not all of '
        'them; run `make results` for each PAGE with this table.'
      )
    groups[row.run.name] = [
      read(results_dir, row.run, seed) for seed in table.seeds
    ]
  return groups


def _is_equal(value: object, text: str) -> bool:
  """Returns whether a value of a configuration is that of a flag's text."""
  match value:
    case bool() | str():
      return str(value).lower() == text.lower()
    case list():
      return ','.join(map(str, value)) == text
    case _:
      return str(value) == text or _number(text) == value


def _number(text: str) -> float | None:
  try:
    return float(text)
  except ValueError:
    return None
