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
"""Names of a model's weights, for files."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.runs import saved_weights


def of_model(
  model: tff.learning.models.VariableModel,
  constants: Mapping[str, np.ndarray] | None = None,
) -> saved_weights.WeightsFormat:
  """Returns the format of a model's weights: names of its variables.

  Args:
    model: The model.
    constants: Constants that the weights depend on, by name.
  """
  return saved_weights.WeightsFormat(
    _unique_names(model.trainable_variables),
    _unique_names(model.non_trainable_variables),
    constants or {},
  )


def current(
  model: tff.learning.models.VariableModel,
) -> saved_weights.SavedWeights:
  """Returns the values of a model's variables."""
  return saved_weights.SavedWeights(
    tuple(v.numpy() for v in model.trainable_variables),
    tuple(v.numpy() for v in model.non_trainable_variables),
  )


def _unique_names(variables: Sequence[tf.Variable]) -> tuple[str, ...]:
  """Returns names without `:0`; equal ones are numbered from the second on."""
  names: dict[str, None] = {}
  for variable in variables:
    base, _, _ = variable.name.partition(':')
    name, number = base, 0
    while name in names:
      number += 1
      name = f'{base}_{number}'
    names[name] = None
  return tuple(names)
