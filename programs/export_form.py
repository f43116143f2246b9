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
r"""Writes a method's process as graphs for client and server.

  python -m programs.export_form \
    --flagfile=programs/flagfiles/digits_sketched_2bit.flags \
    --output_dir=/tmp/form

Cross-device platforms run TFF's MapReduceForm. Writes client/work.pb and
server/*.pb, a TensorFlow graph each, and signatures.json, as
docs/guides/deploy.md describes. Takes the flags of `train`, so that presets
fit; those of rounds change nothing, and --clients_per_round matters with noise
and secure sums only. Methods whose clients keep
states have no such form; those with rows send all of them in it. Exit codes: 0;
1 if a file cannot be written; 2 if the request cannot be carried out.
"""

import sys

from programs import train
from programs.command_line import common_flags
from programs.command_line import runner
from programs.command_line import slow_imports
from programs.command_line import task_flags
from programs.methods import aggregation_flags
from programs.methods import method_flags
from programs.methods import privacy_flags
from programs.runs import run_directory
from programs.training import initial_weights
from programs.training import learning_rates
from programs.training import optimizer_flags
from programs.training import sampling
from tff_methods import options as options_lib
from tff_methods.common import argument_checks

_OF_TRAINING = (
  initial_weights.INITIAL_WEIGHTS,
  learning_rates.CLIENT_SCHEDULE,
  learning_rates.SERVER_SCHEDULE,
)
_SECTIONS = {
  'Form': (common_flags.OUTPUT_DIR,),
  'Task': train.SECTIONS['Task'],
  'Clients': (
    sampling.CLIENTS_PER_ROUND,
    *(task_flags.OPTIONS[name] for name in task_flags.CLIENT_OPTIONS),
    *optimizer_flags.CLIENT_FLAGS,
  ),
  'Server': optimizer_flags.SERVER_FLAGS,
  **method_flags.SECTIONS,
}


def main() -> int:
  """Writes the form; returns the exit code."""
  runner.check_given(
    task_flags.TASK, method_flags.METHOD, common_flags.OUTPUT_DIR
  )
  choice = method_flags.choice(task_flags.SEED.value)
  for flag in _OF_TRAINING:
    if flag.value is not None:
      raise runner.UsageError(
        f'Expected no --{flag.name}, found {flag.value}; leave it out, since a '
        'form has no rounds and begins with the weights of the task.'
      )
  _refuse_shared_secret(choice.options)
  task_flags.check_flags()
  directory = common_flags.OUTPUT_DIR.value
  run_directory.check_writable(directory)
  try:
    argument_checks.check_new_directory(directory)
  except ValueError as e:
    raise runner.UsageError(str(e)) from e
  with slow_imports.importing():
    # Imports TensorFlow: only once everything else is checked.
    from programs.methods import registry
    from programs.training import processes
    from tff_methods import deployment
  task = task_flags.build_task()
  registry.METHODS[choice.name].check_task(task, choice.options)
  process = processes.build_process(task, choice)
  try:
    deployment.write_map_reduce_form(process, directory)
  except ValueError as e:
    raise runner.UsageError(str(e)) from e
  except OSError as e:
    print(
      f'export_form: expected to write {directory}, found: {e.strerror}; make '
      'room or give permission.',
      file=sys.stderr,
    )
    return 1
  print(f'Wrote client/, server/ and signatures.json to {directory}.')
  return 0


def _refuse_shared_secret(options: object) -> None:
  """Refuses noise under secure sums, whose secret all clients' graph has.

  Args:
    options: Options of the method.

  Raises:
    UsageError: If clients add shares of noise.
  """
  if (
    isinstance(options, options_lib.SecureSketchOptions)
    and options.noise_multiplier is not None
  ):
    raise runner.UsageError(
      f'Expected no --{privacy_flags.NOISE_MULTIPLIER.name} with '
      f'--{aggregation_flags.SECURE_CLIP.name}, found both; leave one out. The '
      'graph of the clients would contain the secret of their noise, so who '
      'has it, such as the server, could subtract the noise.'
    )


if __name__ == '__main__':
  runner.run(main, sections=_SECTIONS, defaults=train.DEFAULTS)
