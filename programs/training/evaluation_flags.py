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
"""Flags of the data that models are evaluated on; no TensorFlow."""

from absl import flags

from programs.command_line import common_flags
from programs.command_line import runner
from programs.methods import aggregation_flags
from tff_methods import options as options_lib

VALIDATION_FRACTION = flags.DEFINE_float(
  'validation_fraction',
  None,
  'Evaluate on this fraction of the examples of each training client, which '
  'then does not train on them, instead of test data: to choose settings.',
)
flags.register_validator(
  VALIDATION_FRACTION.name,
  lambda value: value is None or 0 < value < 1,
  'Expected a number between 0 and 1, excluding both.',
)
CLIENTS_PER_EVALUATION = flags.DEFINE_integer(
  'clients_per_evaluation',
  None,
  'Hold out this many clients, which never train, and evaluate on their '
  'examples too, with a federated computation. The clients follow from --seed. '
  'Default: none.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_FLAGS = (VALIDATION_FRACTION, CLIENTS_PER_EVALUATION)


def check_flags() -> None:
  """Raises `UsageError` for flags that do not go together."""
  if VALIDATION_FRACTION.value is not None:
    runner.refuse_given(
      CLIENTS_PER_EVALUATION,
      VALIDATION_FRACTION,
      'hold out examples or clients, not both.',
    )


def check_options(options: object) -> None:
  """Raises `UsageError` for held-out clients where updates are protected.

  Args:
    options: Options of the method.
  """
  is_protected = (
    isinstance(
      options, (options_lib.NoiseOptions, options_lib.SecureSketchOptions)
    )
    or getattr(options, 'noise', None) is not None
    or isinstance(options, aggregation_flags.TffAggregatorOptions)
    and options.is_secure
  )
  if is_protected and CLIENTS_PER_EVALUATION.value is not None:
    raise runner.UsageError(
      f'Expected no --{CLIENTS_PER_EVALUATION.name} with noise or secure sums, '
      f'found {CLIENTS_PER_EVALUATION.value}: held-out clients send their '
      'metrics as they are; leave it out.'
    )


def num_held_out_clients() -> int:
  """Returns the number of clients that never train."""
  return CLIENTS_PER_EVALUATION.value or 0


def check_num_clients(num_clients: int) -> None:
  """Raises `ValueError` if no client would remain to train.

  Args:
    num_clients: Number of clients of the task.
  """
  if num_held_out_clients() >= num_clients:
    raise ValueError(
      f'Expected --{CLIENTS_PER_EVALUATION.name} below {num_clients}, the '
      f'number of clients of the task, found {num_held_out_clients()}: hold '
      'out fewer.'
    )


def flags_in_use() -> list[flags.FlagHolder]:
  """Returns the flags that results depend on."""
  return [flag for flag in _FLAGS if flag.value is not None]
