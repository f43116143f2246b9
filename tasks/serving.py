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
"""Inputs and outputs of a task's model where it is served, without labels."""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any

import attrs
import tensorflow as tf
import tensorflow_federated as tff


@dataclasses.dataclass(frozen=True)
class Serving:
  """Named inputs and outputs of an exported model.

  Attributes:
    inputs: Spec of each input, by name; the first axis is the batch.
    preprocess: Function of these inputs, as keyword arguments, to the `x` of
      the model. It becomes a part of the exported model.
    outputs: Function of the model's predictions to named outputs; by default
      they are `logits`.
    keras_model_fn: Function that builds the Keras model of the task, whose
      weights are those of the model; `None` if it is not a Keras model.
  """

  inputs: Mapping[str, tf.TensorSpec]
  preprocess: Callable[..., Any]
  outputs: Callable[[Any], Mapping[str, tf.Tensor]] = lambda predictions: {
    'logits': predictions
  }
  keras_model_fn: Callable[[], tf.keras.Model] | None = None


@attrs.define(frozen=True)
class ServedTask(tff.simulation.baselines.BaselineTask):
  """A task that knows the inputs and outputs of its exported model.

  Attributes:
    serving: The inputs and outputs; `None` for those of `model_fn`.
  """

  serving: Serving | None = attrs.field(
    default=None,
    kw_only=True,
    validator=attrs.validators.optional(attrs.validators.instance_of(Serving)),
  )


def serving_of(task: tff.simulation.baselines.BaselineTask) -> Serving:
  """Returns the inputs and outputs of a task's exported model.

  Args:
    task: Any task. Without a `serving` of its own, the inputs are the `x` of a
      batch, and the outputs the predictions: named as they are if they have
      names, else `x` and `predictions`, numbered if there are several.
  """
  if isinstance(task, ServedTask) and task.serving is not None:
    return task.serving
  spec = task.datasets.element_type_structure
  x_spec = spec['x'] if isinstance(spec, Mapping) else spec[0]
  return Serving(
    named('x', x_spec),
    lambda **inputs: tf.nest.pack_sequence_as(x_spec, list(inputs.values())),
    lambda predictions: named('predictions', predictions),
  )


def named(name: str, structure: Any) -> dict[str, Any]:
  """Returns the leaves of a structure by name, in the order of `tf.nest`.

  Args:
    name: Name of a single leaf; `NAME_0`, ... are those of several, unless the
      structure is a mapping of leaves.
    structure: Nested structure.
  """
  leaves = tf.nest.flatten(structure)
  if isinstance(structure, Mapping) and len(leaves) == len(structure):
    return dict(zip(sorted(structure), leaves, strict=True))
  if len(leaves) == 1:
    return {name: leaves[0]}
  return {f'{name}_{i}': leaf for i, leaf in enumerate(leaves)}
