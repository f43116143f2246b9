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
r"""Trains one task with one method.

  python -m programs.train --task=digits --method=sketched_update --bits=2 \
    --output_dir=/tmp/run

Interrupted or killed, the run resumes when the same command is given again. A
finished run prints its results again; with more --rounds it continues. The
files in --output_dir are listed in `programs/runs/run_directory.py`. With
--workers, other machines run the rounds. Exit codes: 0; 1 if no worker is left
or a file cannot be written; 2 if the request cannot be carried out; 128 + N
after stop signal N, as 130 after Ctrl-C.
"""

from collections.abc import Mapping
import sys
from typing import Any

from absl import flags

from programs.command_line import common_flags
from programs.command_line import execution_flags
from programs.command_line import runner
from programs.command_line import slow_imports
from programs.command_line import stop_signals
from programs.command_line import task_flags
from programs.methods import method_flags
from programs.network import tls_flags
from programs.reports import tables
from programs.reports import training_progress
from programs.runs import run_directory
from programs.runs import run_files
from programs.training import early_stopping
from programs.training import evaluation_flags
from programs.training import initial_weights
from programs.training import optimizer_flags
from programs.training import sampling

_ROUNDS_PER_EVALUATION = flags.DEFINE_integer(
  'rounds_per_evaluation',
  10,
  'Rounds between two evaluations on test data.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_ROUNDS_PER_CHECKPOINT = flags.DEFINE_integer(
  'rounds_per_checkpoint',
  10,
  'Rounds between two checkpoints: the largest number of rounds that are '
  'repeated after the program was killed.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_MEASURE_CLIENT = flags.DEFINE_bool(
  'measure_client_seconds',
  False,
  'After training, measure how long a client takes in a round, once, and keep '
  "it in summary.json for the simulated time of `programs.compare`'s "
  '--client_seconds=measured.',
)
_DRY_RUN = flags.DEFINE_bool(
  'dry_run',
  False,
  'Check flags, data files and --output_dir only; change nothing.',
)

SECTIONS = {
  'Run': (
    common_flags.OUTPUT_DIR,
    common_flags.ROUNDS,
    _ROUNDS_PER_EVALUATION,
    evaluation_flags.VALIDATION_FRACTION,
    evaluation_flags.CLIENTS_PER_EVALUATION,
    _ROUNDS_PER_CHECKPOINT,
    early_stopping.BEST_METRIC,
    early_stopping.PATIENCE,
    _MEASURE_CLIENT,
    initial_weights.INITIAL_WEIGHTS,
    _DRY_RUN,
  ),
  'Task': (
    task_flags.TASK,
    common_flags.DATA_DIR,
    common_flags.CACHE_DIR,
    task_flags.SEED,
    *(
      flag
      for name, flag in task_flags.OPTIONS.items()
      if name not in task_flags.CLIENT_OPTIONS
    ),
  ),
  'Clients': (
    *sampling.SAMPLING_FLAGS,
    *(task_flags.OPTIONS[name] for name in task_flags.CLIENT_OPTIONS),
    *optimizer_flags.CLIENT_FLAGS,
  ),
  'Server': optimizer_flags.SERVER_FLAGS,
  'Runtime': (*common_flags.RUNTIME_FLAGS, *tls_flags.HOLDERS),
  **method_flags.SECTIONS,
}
_OF_TASK = dict.fromkeys(
  (flag.name for flag in task_flags.OPTIONS.values()), 'that of the task'
)
DEFAULTS = {'Task': _OF_TASK, 'Clients': _OF_TASK, **method_flags.DEFAULTS}


def main() -> int:
  """Trains as the flags ask; returns the exit code."""
  runner.check_given(
    task_flags.TASK, method_flags.METHOD, common_flags.OUTPUT_DIR
  )
  choice = method_flags.choice(task_flags.SEED.value)
  sampling.check_flags()
  evaluation_flags.check_flags()
  evaluation_flags.check_options(choice.options)
  execution_flags.check_flags()
  directory = run_directory.RunDirectory(
    common_flags.OUTPUT_DIR.value,
    _configuration(),
    execution_flags.runtime_name(),
  )
  task_flags.check_flags()
  _check_cohort()
  directory.check_data(task_flags.data_fingerprint())
  directory.check_complete()
  _check_rounds(directory.saved_rounds())
  summary = directory.read_summary()
  if summary is not None:
    _check_rounds(summary['rounds'])
  if _DRY_RUN.value:
    return 0
  if summary is None or _is_unfinished(summary):
    return _train(directory, choice)
  tables.print_summary(summary)
  return 0


def _is_unfinished(summary: Mapping[str, Any]) -> bool:
  """Returns whether rounds, or the time of a client, are missing."""
  if _MEASURE_CLIENT.value and run_files.CLIENT_SECONDS not in summary:
    return True
  rounds = common_flags.ROUNDS.value
  return not summary['stopped_early'] and summary['rounds'] != rounds


def _train(
  directory: run_directory.RunDirectory, choice: method_flags.Choice
) -> int:
  """Trains, and prints the results; returns the exit code."""
  _warn_of_changes(directory)
  training_progress.show_stage('Loading TensorFlow')
  with slow_imports.importing():
    # Imports TensorFlow: only once everything else is checked.
    from programs.training import run_parts
    from programs.training import training_run
  request = run_parts.Request(
    choice,
    common_flags.ROUNDS.value,
    _ROUNDS_PER_EVALUATION.value,
    _ROUNDS_PER_CHECKPOINT.value,
    directory.configuration,
    _MEASURE_CLIENT.value,
  )
  try:
    with stop_signals.StopSignals() as stop:
      summary = training_run.run(request, directory, stop)
  except stop_signals.Stopped as e:
    print(f'train: stopped by {e}; the same command resumes.', file=sys.stderr)
    return e.exit_code
  except training_run.NoWorkersError as e:
    print(
      f'train: {e} The same command resumes from the last checkpoint.',
      file=sys.stderr,
    )
    return 1
  except run_files.StorageError as e:
    print(
      f'train: {e} Then the same command resumes from the last checkpoint.',
      file=sys.stderr,
    )
    return 1
  tables.print_summary(summary)
  return 0


def _check_rounds(completed_rounds: int) -> None:
  if completed_rounds > common_flags.ROUNDS.value:
    raise runner.UsageError(
      f'Expected --rounds of at least {completed_rounds}, the completed rounds '
      f'in --output_dir={common_flags.OUTPUT_DIR.value}, found '
      f'{common_flags.ROUNDS.value}; choose another directory for fewer.'
    )


def _check_cohort() -> None:
  num_clients = task_flags.num_clients()
  if num_clients is not None:
    try:
      evaluation_flags.check_num_clients(num_clients)
      sampling.check_num_clients(
        num_clients, evaluation_flags.num_held_out_clients()
      )
    except ValueError as e:
      raise runner.UsageError(str(e)) from e


def _warn_of_changes(directory: run_directory.RunDirectory) -> None:
  changes = directory.changed_environment()
  if changes:
    print(
      'train: the last bits of results may differ from those of an '
      f'uninterrupted run: {"; ".join(changes)}.',
      file=sys.stderr,
    )


def _configuration() -> dict[str, object]:
  """Returns the flags that the results depend on, except --rounds."""
  holders = [
    task_flags.TASK,
    method_flags.METHOD,
    task_flags.SEED,
    *sampling.flags_in_use(),
    _ROUNDS_PER_EVALUATION,
    *evaluation_flags.flags_in_use(),
    *early_stopping.flags_in_use(),
    *optimizer_flags.flags_in_use(),
    *task_flags.OPTIONS.values(),
    *method_flags.METHOD_FLAGS[method_flags.METHOD.value].holders,
  ]
  return {
    **{holder.name: holder.value for holder in holders},
    **initial_weights.configuration(),
  }


if __name__ == '__main__':
  runner.run(main, sections=SECTIONS, defaults=DEFAULTS)
