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
"""Distributors of the model that the flags ask for."""

import dataclasses

import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods import templates


def build_model_distributor(
  model: templates.Model, downlink: options_lib.SketchOptions | None
) -> tff.learning.templates.DistributionProcess | None:
  """Builds the distributor of a model's weights.

  Args:
    model: A function that returns a `tff.learning.models.VariableModel`, or a
      `tff.learning.models.FunctionalModel`.
    downlink: Quantization of the weights; `None` for none.

  Returns:
    The distributor; `None` stands for TFF's broadcast.
  """
  if downlink is None:
    return None
  arguments = dataclasses.asdict(downlink)
  # The server sends all values, and draws from its own state.
  for name in ('fraction', 'seed_source'):
    del arguments[name]
  return templates.sketched_model_distributor(
    templates.model_weights_type(model), **arguments
  )
