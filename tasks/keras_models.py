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
"""Copies of a user's Keras model, with the same initial weights in any graph.

TFF builds a model again in each graph that needs it, with new initial weights.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
import contextlib
import random
from typing import Any

import numpy as np
import tensorflow as tf

from tasks import references
from tasks import user_models


class KerasCopies:
  """Function that builds copies of a Keras model.

  The first copy, `template`, has the initial weights: those of the file, or
  those that the seed gives. All other copies start from the same values, in
  eager mode and in graphs. The variables of a copy are matched by the order in
  which they are created.

  Attributes:
    template: The first copy, built in eager mode.
    outputs: Its outputs for one example of zeros.
  """

  def __init__(
    self,
    name: str,
    build: Callable[[], Any],
    inputs: Any,
    seed: int,
    weights: Sequence[np.ndarray] | None = None,
  ) -> None:
    """Builds the template.

    Args:
      name: Name of the model, for messages.
      build: Builds a new model.
      inputs: `tf.TensorSpec`s of a batch of its inputs.
      seed: Seed of initial weights, and of the masks of dropout.
      weights: Initial weights, as `get_weights()` returns them.

    Raises:
      ValueError: If `build` returns no Keras model or does not take the inputs.
    """
    self._name = name
    self._build = build
    self._inputs = inputs
    self._seed = seed
    # Names of layers, and so of weights in files, do not depend on the models
    # that the process has built before.
    tf.keras.backend.reset_uids()
    with self.seeded():
      self.template, self.outputs = self._build_and_call()
    if weights is not None:
      self.template.set_weights(weights)
    if not self.template.trainable_weights:
      raise ValueError(
        f'Expected {name} to have trainable weights, found none: make its '
        'layers trainable.'
      )
    # Kept, since Keras breaks the methods of models once others are built in
    # graphs.
    self._values = self.template.get_weights()
    # For each variable that a graph creates, the index of the weight.
    self._weight_of_variable = self._match_variables()

  def __call__(self) -> tf.keras.Model:
    """Builds a copy.

    Raises:
      ValueError: If its variables are not those of the template.
    """
    if tf.executing_eagerly():
      model, _ = self._build_and_call()
      for variable, value in zip(model.weights, self._values, strict=True):
        variable.assign(value)
      return model
    position = 0

    def replace(next_creator, **kwargs):
      nonlocal position
      if position == len(self._weight_of_variable):
        raise self._differs()
      index = self._weight_of_variable[position]
      position += 1
      if index is not None:
        kwargs['initial_value'] = self._values[index]
      return next_creator(**kwargs)

    # Seeded for dropout.
    with self.seeded(), tf.variable_creator_scope(replace):
      model, _ = self._build_and_call()
    if position != len(self._weight_of_variable):
      raise self._differs()
    return model

  @contextlib.contextmanager
  def seeded(self) -> Generator[None, None, None]:
    """Context in which initial weights and dropout follow from the seed."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    graph = tf.compat.v1.get_default_graph()
    graph_seed = graph.seed
    tf.keras.utils.set_random_seed(self._seed)
    try:
      yield
    finally:
      graph.seed = graph_seed
      random.setstate(python_state)
      np.random.set_state(numpy_state)

  def _match_variables(self) -> list[int | None]:
    created: list[tf.Variable] = []

    def record(next_creator, **kwargs):
      variable = next_creator(**kwargs)
      created.append(variable)
      return variable

    with tf.Graph().as_default(), tf.variable_creator_scope(record):
      try:
        model, _ = self._build_and_call()
      except ValueError as e:  # Not outside of a graph.
        raise ValueError(
          f'Expected {self._name} to make a new model in a graph of '
          'TensorFlow, too, as TFF does: make all layers inside the function, '
          f'and no sizes from their tables. Found: {e}'
        ) from e
    indices = {id(v): i for i, v in enumerate(model.weights)}
    matched = [indices.get(id(v)) for v in created]
    shapes = [[w.shape for w in m.weights] for m in (model, self.template)]
    if shapes[0] != shapes[1] or len(set(matched) - {None}) < len(indices):
      raise self._differs()
    return matched

  def _build_and_call(self) -> tuple[tf.keras.Model, Any]:
    """Builds a model, and calls it, which creates what weights it lacks."""
    model = self._build()
    if not isinstance(model, tf.keras.Model):
      raise ValueError(
        f'Expected {self._name} to return a tf.keras.Model, found '
        f'{type(model).__name__}: return one.'
      )
    batch = tf.nest.map_structure(
      lambda s: tf.zeros([1, *s.shape[1:]], s.dtype), self._inputs
    )
    try:
      return model, model(batch, training=False)
    except Exception as e:
      raise ValueError(
        f'Expected {self._name} to take inputs {_describe(self._inputs)}, '
        f'found {references.describe_error(e)}: give the inputs of the model '
        'the names, types and shapes of the features.'
      ) from e

  def _differs(self) -> ValueError:
    return ValueError(
      f'Expected {self._name} to make a new model with the same layers at each '
      'call, found other variables: make all layers inside the function.'
    )


def keras_copies(
  model: str, inputs: Any, arguments: Mapping[str, Any], seed: int
) -> KerasCopies:
  """Returns the function that builds a user's model.

  Args:
    model: `module:function`, or the path of a `.keras` file.
    inputs: `tf.TensorSpec`s of a batch of its inputs.
    arguments: Arguments of the function, which gets those that it takes.
    seed: Seed of the initial weights of a function's model.

  Raises:
    ValueError: If the model cannot be built, or does not take the inputs.
  """
  if references.is_reference(model):
    return KerasCopies(
      f'{model!r}',
      lambda: references.call(model, dict(arguments)),
      inputs,
      seed,
    )
  path = user_models.source_file(model)
  try:
    saved = tf.keras.models.load_model(path, compile=False)
  except Exception as e:
    raise ValueError(
      f'Expected a Keras model in {path}, found '
      f'{references.describe_error(e)}: save it with this version of '
      'TensorFlow, or name a function that loads it.'
    ) from e
  config = saved.get_config()
  return KerasCopies(
    path,
    lambda: type(saved).from_config(config),
    inputs,
    seed,
    saved.get_weights(),
  )


def _describe(inputs: Any) -> str:
  if isinstance(inputs, Mapping):
    return ', '.join(f'{n} {_describe(s)}' for n, s in inputs.items())
  return f'{inputs.dtype.name} {list(inputs.shape)}'
