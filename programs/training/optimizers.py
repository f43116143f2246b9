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

import tensorflow_federated as tff

from programs.training import optimizer_flags

# Reddi et al. (2021), "Adaptive Federated Optimization".
_BETA_1, _BETA_2 = 0.9, 0.99


def build_client_optimizer() -> tff.learning.optimizers.Optimizer:
  """Builds the client optimizer."""
  build = {
    'sgd': tff.learning.optimizers.build_sgdm,
    'adam': tff.learning.optimizers.build_adam,
  }[optimizer_flags.CLIENT_OPTIMIZER.value]
  return build(optimizer_flags.CLIENT_LEARNING_RATE.value)


def build_server_optimizer() -> tff.learning.optimizers.Optimizer:
  """Builds the server optimizer."""
  if optimizer_flags.SERVER_OPTIMIZER.value == 'adam':
    return tff.learning.optimizers.build_adam(
      optimizer_flags.SERVER_LEARNING_RATE.value,
      beta_1=_BETA_1,
      beta_2=_BETA_2,
      epsilon=optimizer_flags.SERVER_EPSILON.value,
    )
  return tff.learning.optimizers.build_sgdm(
    optimizer_flags.SERVER_LEARNING_RATE.value,
    optimizer_flags.SERVER_MOMENTUM.value,
  )
