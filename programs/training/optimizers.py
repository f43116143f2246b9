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
"""How clients and server take their steps, as flags say."""

from absl import flags
import tensorflow_federated as tff

from programs.command_line import runner

_CLIENT_OPTIMIZER = flags.DEFINE_enum(
  'client_optimizer',
  'sgd',
  ['sgd', 'adam'],
  'How clients train; adam begins anew in each round.',
)
_CLIENT_LEARNING_RATE = flags.DEFINE_float(
  'client_learning_rate', 0.1, "Of the clients' optimizer."
)
_SERVER_OPTIMIZER = flags.DEFINE_enum(
  'server_optimizer',
  'sgd',
  ['sgd', 'adam'],
  'Of the mean update; adam is FedAdam (Reddi et al., 2021), with decay rates '
  'of 0.9 and 0.99.',
)
_SERVER_LEARNING_RATE = flags.DEFINE_float(
  'server_learning_rate', 1.0, "Of the server's optimizer."
)
_SERVER_MOMENTUM = flags.DEFINE_float(
  'server_momentum', 0.0, "Of the server's SGD, below 1.", lower_bound=0.0
)
_SERVER_EPSILON = flags.DEFINE_float(
  'server_epsilon',
  1e-3,
  "Of the server's Adam: how far it adapts; the paper's tau.",
)

for _positive_flag in (
  'client_learning_rate',
  'server_learning_rate',
  'server_epsilon',
):
  flags.register_validator(
    _positive_flag, runner.positive, 'Expected a positive number.'
  )
flags.register_validator(
  'server_momentum', lambda momentum: momentum < 1, 'Expected less than 1.'
)


_OF_SERVER = {'sgd': _SERVER_MOMENTUM, 'adam': _SERVER_EPSILON}


def flags_in_use() -> list[flags.FlagHolder]:
  """Returns the flags that the optimizers are built from."""
  return [
    _CLIENT_OPTIMIZER,
    _CLIENT_LEARNING_RATE,
    _SERVER_OPTIMIZER,
    _SERVER_LEARNING_RATE,
    _OF_SERVER[_SERVER_OPTIMIZER.value],
  ]


def check_flags() -> None:
  """Raises `UsageError` for flags that the server's optimizer does not take."""
  for optimizer, flag in _OF_SERVER.items():
    if flag.present and _SERVER_OPTIMIZER.value != optimizer:
      raise runner.UsageError(
        f'Expected no --{flag.name} with --server_optimizer='
        f'{_SERVER_OPTIMIZER.value}, found {flag.value}; leave it out.'
      )


def build_client_optimizer() -> tff.learning.optimizers.Optimizer:
  """Builds the clients' optimizer."""
  build = {
    'sgd': tff.learning.optimizers.build_sgdm,
    'adam': tff.learning.optimizers.build_adam,
  }[_CLIENT_OPTIMIZER.value]
  return build(_CLIENT_LEARNING_RATE.value)


def build_server_optimizer() -> tff.learning.optimizers.Optimizer:
  """Builds the server's optimizer."""
  if _SERVER_OPTIMIZER.value == 'adam':
    return tff.learning.optimizers.build_adam(
      _SERVER_LEARNING_RATE.value,
      beta_1=0.9,
      beta_2=0.99,
      epsilon=_SERVER_EPSILON.value,
    )
  return tff.learning.optimizers.build_sgdm(
    _SERVER_LEARNING_RATE.value, _SERVER_MOMENTUM.value
  )
