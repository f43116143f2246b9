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
"""Optimizers of clients and server, built from flags."""

from collections.abc import Callable
from typing import Any

import tensorflow_federated as tff

from programs.training import learning_rates
from programs.training import optimizer_flags
from tff_methods import templates

# Reddi et al. (2021), "Adaptive Federated Optimization".
_BETA_1, _BETA_2 = 0.9, 0.99
_WEIGHT_DECAY = 0.004  # TFF's and Keras' default.


def build_client_optimizer() -> tff.learning.optimizers.Optimizer:
  """Builds the client optimizer.

  Clipping is of the gradient of the loss, without the proximal term.
  """
  rate = optimizer_flags.CLIENT_LEARNING_RATE.value
  if optimizer_flags.CLIENT_OPTIMIZER.value == 'adam':
    optimizer = tff.learning.optimizers.build_adam(rate)
  else:
    optimizer = tff.learning.optimizers.build_sgdm(
      rate, optimizer_flags.CLIENT_MOMENTUM.value or 0.0
    )
  if optimizer_flags.PROXIMAL_STRENGTH.value:
    optimizer = templates.add_proximal_term(
      optimizer, optimizer_flags.PROXIMAL_STRENGTH.value
    )
  if optimizer_flags.CLIENT_CLIP_NORM.value is not None:
    optimizer = templates.clip_gradients(
      optimizer, optimizer_flags.CLIENT_CLIP_NORM.value
    )
  return optimizer


def build_server_optimizer() -> tff.learning.optimizers.Optimizer:
  """Builds the server optimizer."""
  rate = optimizer_flags.SERVER_LEARNING_RATE.value
  epsilon = optimizer_flags.SERVER_EPSILON.value
  decay_rates = {'beta_1': _BETA_1, 'beta_2': _BETA_2, 'epsilon': epsilon}
  # The smallest that the paper allows.
  initial = {'initial_preconditioner_value': epsilon**2}
  match optimizer_flags.SERVER_OPTIMIZER.value:
    case 'adam':
      return tff.learning.optimizers.build_adam(rate, **decay_rates)
    case 'yogi':
      return tff.learning.optimizers.build_yogi(rate, **decay_rates, **initial)
    case 'adagrad':
      return tff.learning.optimizers.build_adagrad(
        rate, epsilon=epsilon, **initial
      )
    case 'adamw':
      decay = optimizer_flags.SERVER_WEIGHT_DECAY.value
      return tff.learning.optimizers.build_adamw(
        rate,
        **decay_rates,
        weight_decay=_WEIGHT_DECAY if decay is None else decay,
      )
    case _:  # 'sgd'
      return tff.learning.optimizers.build_sgdm(
        rate, optimizer_flags.SERVER_MOMENTUM.value
      )


def client_weighting() -> dict[str, tff.learning.ClientWeighting]:
  """Returns `client_weighting` as a keyword argument, if given."""
  match optimizer_flags.CLIENT_WEIGHTING.value:
    case 'examples':
      return {'client_weighting': tff.learning.ClientWeighting.NUM_EXAMPLES}
    case 'uniform':
      return {'client_weighting': tff.learning.ClientWeighting.UNIFORM}
    case _:
      return {}


def build_schedule_fn() -> Callable[[Any, int], Any] | None:
  """Returns a function that sets the learning rates of a round.

  Returns:
    A function from a state of a learning process and the number of the next
    round to the state with the learning rates of that round; `None` without
    schedules.
  """
  client = learning_rates.parse(learning_rates.CLIENT_SCHEDULE)
  server = learning_rates.parse(learning_rates.SERVER_SCHEDULE)
  if client is None and server is None:
    return None

  def set_rates(state, round_num):
    changes = {}
    for field, schedule, flag in (
      ('client_work', client, optimizer_flags.CLIENT_LEARNING_RATE),
      ('finalizer', server, optimizer_flags.SERVER_LEARNING_RATE),
    ):
      if schedule is not None:
        changes[field] = learning_rates.with_rate(
          getattr(state, field), flag.value * schedule.factor(round_num)
        )
    return state._replace(**changes)

  return set_rates
