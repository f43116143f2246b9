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
r"""Evaluates the model of a finished run.

  python -m programs.evaluate --run_dir=/tmp/run
  python -m programs.evaluate --run_dir=/tmp/run --task=emnist \
    --data_dir=/data --weights=best --export_dir=/tmp/model

Prints a JSON object with the metrics: on the data of the run, those of its
summary.json. A run with --validation_fraction is evaluated on its validation
data, or on test data with --test_data; --train_data takes the examples of the
training clients, and --all_examples all examples, for data that nothing trained
on. Flags of the task replace those of the run. With another --task the other
options of the task are that task's defaults, and the model must have weights of
the same names and shapes. --export_dir writes the evaluated model as
`programs.train` does, into a directory that is new or that of an earlier
export. Exit codes: 0; 1 if a file cannot be written; 2 if the request cannot be
carried out.
"""

import json
import sys

from absl import flags

from programs.command_line import runner
from programs.command_line import slow_imports
from programs.command_line import task_flags
from programs.methods import method_flags
from programs.reports import report_arguments
from programs.runs import evaluated_run
from programs.runs import export_directory
from programs.runs import run_files
from programs.runs import weights_flag
from programs.training import evaluation_flags
from programs.training import sampling  # Defines flags of private methods.

_RUN_DIR = flags.DEFINE_string('run_dir', None, 'Directory of the run.')
_TEST_DATA = flags.DEFINE_bool(
  'test_data',
  False,
  'Evaluate on test data, although the run has --validation_fraction.',
)
_TRAIN_DATA = flags.DEFINE_bool(
  'train_data',
  False,
  'Evaluate on the examples of the training clients, those held out for '
  'validation included.',
)
_ALL_EXAMPLES = flags.DEFINE_bool(
  'all_examples',
  False,
  'Evaluate on all examples of the task, those of training clients included: '
  'for other data than those of the run.',
)
_EXAMPLES = (_TEST_DATA, _TRAIN_DATA, _ALL_EXAMPLES)
_EXPORT_DIR = flags.DEFINE_string(
  'export_dir',
  None,
  'Directory for the model with these weights: saved_model/ and, if all of its '
  "layers are Keras' own, model.keras. Replaces those of an earlier export. "
  'Default: not written.',
)
_SECTIONS = {
  'Evaluation': (
    _RUN_DIR,
    weights_flag.WEIGHTS,
    _TEST_DATA,
    _TRAIN_DATA,
    _ALL_EXAMPLES,
    _EXPORT_DIR,
  ),
  **report_arguments.TASK_SECTION,
}
_DEFAULTS = {
  'Evaluation': {'weights': 'last'},
  'Task': dict.fromkeys(
    (flag.name for flag in report_arguments.TASK_SECTION['Task']),
    'that of the run',
  ),
}


def main() -> int:
  """Evaluates as the flags ask; returns the exit code."""
  runner.check_given(_RUN_DIR)
  chosen = [flag for flag in _EXAMPLES if flag.value]
  for flag in chosen[1:]:
    runner.refuse_given(chosen[0], flag)
  if _EXPORT_DIR.value is not None:
    export_directory.check(_EXPORT_DIR.value, _EXPORT_DIR.name)
  run = evaluated_run.read(_RUN_DIR.value)
  _check_method(run)
  weights_path = run.weights_path(weights_flag.WEIGHTS.value or 'last')
  _set_flags(run)
  options = method_flags.make_options(run.method, task_flags.SEED.value)
  task_flags.check_flags()
  is_other_data = run.data_sha256 != task_flags.data_fingerprint()
  if is_other_data:
    print(
      'evaluate: the data, or the file of the model, are not those of the run, '
      'so the metrics may be others.',
      file=sys.stderr,
    )
  with slow_imports.importing():
    # Imports TensorFlow: only once everything else is checked.
    from programs.training import run_evaluation
  try:
    evaluated = run_evaluation.evaluate(
      run.method,
      options,
      weights_path,
      _EXPORT_DIR.value,
      all_examples=_ALL_EXAMPLES.value,
      train_data=_TRAIN_DATA.value,
      other_data_of=run.path if is_other_data else None,
    )
  except run_files.StorageError as e:
    print(f'evaluate: {e}', file=sys.stderr)
    return 1
  heading = {
    'run': run.path,
    'task': task_flags.TASK.value,
    'method': run.method,
    'weights': weights_path,
  }
  print(json.dumps(heading | evaluated, indent=2))
  return 0


def _set_flags(run: evaluated_run.EvaluatedRun) -> None:
  """Gives flags of the task and the method the values that the run had."""
  task_options = list(task_flags.OPTIONS.values())
  if not any(flag.value for flag in _EXAMPLES):
    task_options.append(evaluation_flags.VALIDATION_FRACTION)
  evaluated_run.set_flags(
    run.configuration,
    task_flags.TASK,
    task_options,
    (
      task_flags.SEED,
      method_flags.METHOD,
      sampling.CLIENTS_PER_ROUND,
      *method_flags.METHOD_FLAGS[run.method].holders,
    ),
  )


def _check_method(run: evaluated_run.EvaluatedRun) -> None:
  if run.method not in method_flags.METHOD_FLAGS:
    raise runner.UsageError(
      f'Expected a run of one of {", ".join(method_flags.METHOD_FLAGS)}, found '
      f'{run.method!r} in {run.path}; evaluate it in a program that registers '
      'the method.'
    )


if __name__ == '__main__':
  runner.run(main, sections=_SECTIONS, defaults=_DEFAULTS)
