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
"""Federated averaging of signs: options, aggregator and learning process.

Bernstein et al. (2018), "signSGD: Compressed Optimisation for Non-Convex
Problems", with the mean of the clients' signs, each times the client's mean
magnitude, in the place of their majority.
"""

import dataclasses

import tensorflow_federated as tff

from examples import sign_encoder
from tff_methods import options as options_lib
from tff_methods import templates


@dataclasses.dataclass(frozen=True)
class SignOptions:
  """Options of the method; checked when they are created.

  Attributes:
    min_elements: Tensors with fewer elements (biases) are sent as they are.
  """

  min_elements: int = 256

  def __post_init__(self) -> None:
    if self.min_elements < 0:
      raise ValueError(
        f'Expected min_elements of at least 0, found {self.min_elements}: '
        'raise it.'
      )


def build_sign_update_fed_avg(
  model_fn: templates.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  options: SignOptions | None = None,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: options_lib.DownlinkOptions | None = None,
) -> tff.learning.templates.LearningProcess:
  """Builds federated averaging whose clients send signs.

  Args:
    model_fn: See `tff.learning.algorithms.build_weighted_fed_avg`.
    client_optimizer_fn: Optimizer of the clients.
    server_optimizer_fn: Optimizer of the server; by default SGD with a learning
      rate of 1.
    options: Options; by default `SignOptions()`.
    client_weighting: Weights of the clients' updates.
    model_distributor: Quantization of the model that clients receive.

  Returns:
    A learning process. Its metrics have `payload_bytes` under `aggregator`.
  """
  options = options or SignOptions()
  return tff.learning.algorithms.build_weighted_fed_avg(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn or tff.learning.optimizers.build_sgdm(1.0),
    client_weighting=client_weighting,
    model_distributor=templates.build_model_distributor(
      model_fn, model_distributor
    ),
    model_aggregator=sign_encoder.sign_aggregator(options.min_elements),
    loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
  )
