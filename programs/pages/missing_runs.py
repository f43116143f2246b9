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
"""Training of the runs that tables lack, and their files in `results/`."""

from collections.abc import Sequence
import pathlib
import sys

from programs.command_line import child_process
from programs.command_line import stop_signals
from programs.pages import captured_output
from programs.pages import descriptions
from programs.pages import stored_runs
from programs.runs import run_files
from tasks import catalog

# Where runs are trained, in the layout of `results/`.
OUTPUT_DIR = pathlib.PurePath('output', 'results')
# Flags of `programs.evaluate` for the files of evaluations after training.
_EVALUATION_FLAGS = {
  run_files.TEST_EVALUATION: ('--weights=best', '--test_data'),
  run_files.TRAIN_EVALUATION: ('--train_data',),
}


def train(
  results_dir: pathlib.Path,
  page: descriptions.Page,
  stop: stop_signals.StopSignals,
  data_dir: str | None = None,
  forwarded: Sequence[str] = (),
) -> int:
  """Trains what the tables of a page lack, and adds the files of each run.

  Runs of tables with `at = 'test'` are then evaluated on test data, with the
  weights that are best on validation data; those with `at = 'train'` on the
  examples of training clients, with the last weights.

  A run that fails, such as one without its data, does not keep the others from
  being trained.

  Args:
    results_dir: The directory `results`.
    page: The page.
    stop: The context of stop signals.
    data_dir: Directory of data files, for the runs of tasks that have any.
    forwarded: Flags for each run.

  Returns:
    0, or the exit code of the first run that failed.

  Raises:
    Stopped: After a stop signal.
    StorageError: If files cannot be written.
  """
  root = results_dir.parent
  first_failure = 0
  for run, evaluations in _missing(results_dir, page).items():
    flags = list(forwarded)
    if data_dir is not None and _has_files(root, run):
      flags.append(f'--data_dir={data_dir}')
    command = compare_command(root, run, sorted(evaluations), flags)
    exit_code = child_process.run([sys.executable, *command], stop)
    for seed, names in evaluations.items():
      for name in sorted(names):
        exit_code = exit_code or _evaluate(root, run, seed, name, stop, flags)
    first_failure = first_failure or exit_code
    if not exit_code:
      for seed in sorted(evaluations):
        stored_runs.add(results_dir, run, seed, root / OUTPUT_DIR)
        path = stored_runs.directory(results_dir, run, seed)
        print(f'Added {path}', flush=True)
  return first_failure


def compare_command(
  root: pathlib.Path,
  run: descriptions.Run,
  seeds: Sequence[int],
  forwarded: Sequence[str] = (),
) -> list[str]:
  """Returns the arguments of Python that train a run with seeds.

  Args:
    root: Root of the repository.
    run: The run.
    seeds: The seeds.
    forwarded: More flags.
  """
  return [
    *('-m', 'programs.compare'),
    f'--runs={root / run.flagfile}',
    *(f'--vary={flag}' for flag in run.flags),
    f'--seeds={",".join(map(str, seeds))}',
    f'--output_dir={root / OUTPUT_DIR / run.page}',
    *forwarded,
  ]


def _evaluate(
  root: pathlib.Path,
  run: descriptions.Run,
  seed: int,
  name: str,
  stop: stop_signals.StopSignals,
  forwarded: Sequence[str],
) -> int:
  """Evaluates a trained run, writes the file with this name; its exit code."""
  run_dir = stored_runs.directory(root / OUTPUT_DIR, run, seed)
  command = [
    *(sys.executable, '-m', 'programs.evaluate', f'--run_dir={run_dir}'),
    *(*_EVALUATION_FLAGS[name], *forwarded),
  ]
  return captured_output.write(command, stop, run_dir / name)


def _has_files(root: pathlib.Path, run: descriptions.Run) -> bool:
  """Returns whether the task of a run reads data files."""
  task = stored_runs.flags_of(root, run).get('task')
  return task in catalog.TASK_NAMES and bool(catalog.files(task).layouts)


def _missing(
  results_dir: pathlib.Path, page: descriptions.Page
) -> dict[descriptions.Run, dict[int, set[str]]]:
  """Returns the runs of a page that lack files.

  Returns:
    By run and by seed that it lacks, the files of the evaluations after
    training that tables show.
  """
  wanted: dict[descriptions.Run, dict[int, set[str]]] = {}
  for table in page.tables:
    for row in table.rows:
      for seed in table.seeds:
        names = wanted.setdefault(row.run, {}).setdefault(seed, set())
        names.update(stored_runs.evaluations(table))
  missing = {
    run: {
      seed: names
      for seed, names in evaluations.items()
      if stored_runs.missing_seeds(results_dir, run, [seed], names)
    }
    for run, evaluations in wanted.items()
  }
  return {run: seeds for run, seeds in missing.items() if seeds}
