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

from programs.command_line import common_flags
from programs.command_line import runner
from programs.training import learning_rates

CLIENT_OPTIMIZER = flags.DEFINE_enum(
  'client_optimizer',
  'sgd',
  ['sgd', 'adam'],
  "Client optimizer. Adam's moments restart each round.",
)
CLIENT_LEARNING_RATE = flags.DEFINE_float(
  'client_learning_rate', 0.1, 'Learning rate of the client optimizer.'
)
CLIENT_MOMENTUM = flags.DEFINE_float(
  'client_momentum',
  None,
  'Momentum of --client_optimizer=sgd, in [0, 1). Velocities restart each '
  'round. Default: 0.',
  lower_bound=0.0,
)
CLIENT_CLIP_NORM = flags.DEFINE_float(
  'client_clip_norm',
  None,
  'Largest norm of the gradients of a client step, all tensors together. '
  'Default: none.',
)
PROXIMAL_STRENGTH = flags.DEFINE_float(
  'proximal_strength',
  None,
  'FedProx (Li et al., 2020): factor μ of the term μ/2 ‖w − w₀‖² in the '
  'loss of a client that receives w₀. With random_mask and low_rank the term '
  'is of the trained parameters. Default: 0, without the term.',
)
CLIENT_WEIGHTING = flags.DEFINE_enum(
  'client_weighting',
  None,
  ['examples', 'uniform'],
  'Weights of the clients in the mean update: their numbers of examples, or '
  'equal. Default: examples; uniform where a flag of the method asks for an '
  'unweighted mean.',
)
SERVER_OPTIMIZER = flags.DEFINE_enum(
  'server_optimizer',
  'sgd',
  ['sgd', 'adam', 'yogi', 'adagrad', 'adamw'],
  'Server optimizer of the mean update. adam, yogi and adagrad are FedAdam, '
  'FedYogi and FedAdagrad (Reddi et al., 2021), with decay rates 0.9 and 0.99; '
  'adamw is FedAdam with --server_weight_decay.',
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
  "Adaptivity constant of adaptive server optimizers, the paper's tau; adapts "
  'less if larger.',
)
SERVER_WEIGHT_DECAY = flags.DEFINE_float(
  'server_weight_decay',
  None,
  'Weight decay of --server_optimizer=adamw, times its learning rate. Default: '
  '0.004.',
)

for _positive_flag in (
  CLIENT_LEARNING_RATE,
  SERVER_LEARNING_RATE,
  SERVER_EPSILON,
  SERVER_WEIGHT_DECAY,
  CLIENT_CLIP_NORM,
):
  flags.register_validator(
    _positive_flag.name, runner.positive, 'Expected a positive number.'
  )
flags.register_validator(
  PROXIMAL_STRENGTH.name,
  lambda strength: not strength or runner.positive(strength),
  'Expected a positive number, or 0 for no term.',
)
for _momentum_flag in (SERVER_MOMENTUM, CLIENT_MOMENTUM):
  flags.register_validator(
    _momentum_flag.name,
    lambda momentum: momentum is None or momentum < 1,
    'Expected less than 1.',
  )

CLIENT_FLAGS = (
  CLIENT_OPTIMIZER,
  CLIENT_LEARNING_RATE,
  learning_rates.CLIENT_SCHEDULE,
  CLIENT_MOMENTUM,
  CLIENT_CLIP_NORM,
  PROXIMAL_STRENGTH,
  CLIENT_WEIGHTING,
)
SERVER_FLAGS = (
  SERVER_OPTIMIZER,
  SERVER_LEARNING_RATE,
  learning_rates.SERVER_SCHEDULE,
  SERVER_MOMENTUM,
  SERVER_EPSILON,
  SERVER_WEIGHT_DECAY,
)
# Absent from the configuration unless they are given.
_OPTIONAL = (
  CLIENT_MOMENTUM,
  CLIENT_CLIP_NORM,
  PROXIMAL_STRENGTH,
  CLIENT_WEIGHTING,
  learning_rates.CLIENT_SCHEDULE,
  learning_rates.SERVER_SCHEDULE,
  SERVER_WEIGHT_DECAY,
)
_FLAGS_OF_SERVER_OPTIMIZER = {
  'sgd': (SERVER_MOMENTUM,),
  'adam': (SERVER_EPSILON,),
  'yogi': (SERVER_EPSILON,),
  'adagrad': (SERVER_EPSILON,),
  'adamw': (SERVER_EPSILON, SERVER_WEIGHT_DECAY),
}


def flags_in_use() -> list[flags.FlagHolder]:
  """Returns the flags that the optimizers are built from."""
  return [
    CLIENT_OPTIMIZER,
    CLIENT_LEARNING_RATE,
    SERVER_OPTIMIZER,
    SERVER_LEARNING_RATE,
    _FLAGS_OF_SERVER_OPTIMIZER[SERVER_OPTIMIZER.value][0],
    *(flag for flag in _OPTIONAL if flag.value is not None),
  ]


def check_flags() -> None:
  """Raises `UsageError` for flags that do not go together, or are malformed."""
  taken = [f.name for f in _FLAGS_OF_SERVER_OPTIMIZER[SERVER_OPTIMIZER.value]]
  for flag in (SERVER_MOMENTUM, SERVER_EPSILON, SERVER_WEIGHT_DECAY):
    if flag.present and flag.name not in taken:
      raise runner.UsageError(
        f'Expected no --{flag.name} with --server_optimizer='
        f'{SERVER_OPTIMIZER.value}, found {flag.value}; leave it out.'
      )
  if CLIENT_OPTIMIZER.value != 'sgd':
    runner.refuse_given(CLIENT_MOMENTUM, CLIENT_OPTIMIZER)
  for flag, rate in (
    (learning_rates.CLIENT_SCHEDULE, CLIENT_LEARNING_RATE),
    (learning_rates.SERVER_SCHEDULE, SERVER_LEARNING_RATE),
  ):
    learning_rates.check_finite(flag, rate, common_flags.ROUNDS.value)
