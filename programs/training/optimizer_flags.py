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
"""Flags of the optimizers of clients and server."""

from absl import flags

from programs.command_line import runner

CLIENT_OPTIMIZER = flags.DEFINE_enum(
  'client_optimizer',
  'sgd',
  ['sgd', 'adam'],
  "Client optimizer. Adam's moments restart each round.",
)
CLIENT_LEARNING_RATE = flags.DEFINE_float(
  'client_learning_rate', 0.1, 'Learning rate of the client optimizer.'
)
SERVER_OPTIMIZER = flags.DEFINE_enum(
  'server_optimizer',
  'sgd',
  ['sgd', 'adam'],
  'Server optimizer of the mean update. adam is FedAdam (Reddi et al., '
  '2021), with decay rates 0.9 and 0.99.',
)
SERVER_LEARNING_RATE = flags.DEFINE_float(
  'server_learning_rate', 1.0, 'Learning rate of the server optimizer.'
)
SERVER_MOMENTUM = flags.DEFINE_float(
  'server_momentum',
  0.0,
  'Momentum of --server_optimizer=sgd, in [0, 1).',
  lower_bound=0.0,
)
SERVER_EPSILON = flags.DEFINE_float(
  'server_epsilon',
  1e-3,
  "Adaptivity constant of --server_optimizer=adam, the paper's tau; adapts "
  'less if larger.',
)

for _positive_flag in (
  CLIENT_LEARNING_RATE,
  SERVER_LEARNING_RATE,
  SERVER_EPSILON,
):
  flags.register_validator(
    _positive_flag.name, runner.positive, 'Expected a positive number.'
  )
flags.register_validator(
  SERVER_MOMENTUM.name, lambda momentum: momentum < 1, 'Expected less than 1.'
)

CLIENT_FLAGS = (CLIENT_OPTIMIZER, CLIENT_LEARNING_RATE)
SERVER_FLAGS = (
  SERVER_OPTIMIZER,
  SERVER_LEARNING_RATE,
  SERVER_MOMENTUM,
  SERVER_EPSILON,
)
_FLAG_OF_SERVER_OPTIMIZER = {'sgd': SERVER_MOMENTUM, 'adam': SERVER_EPSILON}


def flags_in_use() -> list[flags.FlagHolder]:
  """Returns the flags that the optimizers are built from."""
  return [
    *CLIENT_FLAGS,
    SERVER_OPTIMIZER,
    SERVER_LEARNING_RATE,
    _FLAG_OF_SERVER_OPTIMIZER[SERVER_OPTIMIZER.value],
  ]


def check_flags() -> None:
  """Raises `UsageError` for flags that the server optimizer does not take."""
  for optimizer, flag in _FLAG_OF_SERVER_OPTIMIZER.items():
    if flag.present and SERVER_OPTIMIZER.value != optimizer:
      raise runner.UsageError(
        f'Expected no --{flag.name} with --server_optimizer='
        f'{SERVER_OPTIMIZER.value}, found {flag.value}; leave it out.'
      )
