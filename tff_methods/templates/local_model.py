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
"""Common interface to TFF's two kinds of models in local training.

A `tff.learning.models.VariableModel` keeps weights and metrics in variables; a
`tff.learning.models.FunctionalModel` takes and returns them. The same training
loop serves both: it carries the model's own loop state, its `carry`, from batch
to batch. The carry of a model with variables is empty.
"""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import update_spaces

# Model to train: a functional model, or a function that makes one of variables.
Model = (
  Callable[[], tff.learning.models.VariableModel]
  | tff.learning.models.FunctionalModel
)

_EXPECTED_MODEL = (
  'Expected a tff.learning.models.FunctionalModel, or a function that returns '
  'a tff.learning.models.VariableModel, found '
)
_MODEL_REMEDY = ': see tff.learning.models.from_keras_model.'


class Description(NamedTuple):
  """Types, initial weights and metric finalizers of a model.

  Attributes:
    initial_weights_fn: `( -> tff.learning.models.ModelWeights)`.
    data_type: `tff.SequenceType` of a client's data set of batches.
    metric_finalizers: Argument of a metrics aggregator, such as
      `tff.learning.metrics.sum_then_finalize`.
  """

  initial_weights_fn: tff.Computation
  data_type: tff.SequenceType
  metric_finalizers: Any

  @property
  def weights_type(self) -> tff.Type:
    """Type of `tff.learning.models.ModelWeights` of the model."""
    return self.initial_weights_fn.type_signature.result


class Gradients(NamedTuple):
  """Gradients of one batch.

  Attributes:
    carry: Carry of the model, with the batch added to its metrics.
    gradients: Gradient of the loss with respect to each trainable tensor, in
      the order of `tf.nest.flatten`.
    num_examples: `int64[]`, the number of examples in the batch.
  """

  carry: Any
  gradients: Sequence[tf.Tensor]
  num_examples: tf.Tensor


class LocalModel(abc.ABC):
  """Model in local training, inside a TensorFlow computation."""

  @abc.abstractmethod
  def start(self, weights: tff.learning.models.ModelWeights) -> Any:
    """Sets the initial weights.

    Args:
      weights: Weights that the client received.

    Returns:
      The carry before the first batch.
    """

  @abc.abstractmethod
  def gradients(self, carry: Any, batch: Any) -> Gradients:
    """Runs the forward and backward pass of a batch.

    Args:
      carry: Carry of the model.
      batch: Batch of examples.

    Returns:
      The gradients, with the next carry.
    """

  @abc.abstractmethod
  def apply_step(
    self,
    carry: Any,
    maps: Sequence[update_spaces.LinearMap],
    step: Sequence[tf.Tensor],
  ) -> Any:
    """Adds the update of each trainable tensor, given by its parameters.

    Args:
      carry: Carry of the model.
      maps: For each trainable tensor, the map from parameters to the update.
      step: For each trainable tensor, the parameters of the update.

    Returns:
      The next carry.
    """

  @abc.abstractmethod
  def unfinalized_metrics(self, carry: Any, is_valid: tf.Tensor) -> Any:
    """Returns the local metrics.

    Args:
      carry: Carry of the model after the last batch.
      is_valid: `bool[]`. If false, the metrics are those of no batches.
    """


class _VariableModel(LocalModel):
  """Model with weights and metrics in variables."""

  def __init__(self, model: tff.learning.models.VariableModel):
    self._model = model
    self._weights = tff.learning.models.ModelWeights.from_model(model)

  def start(self, weights):
    tf.nest.map_structure(lambda v, w: v.assign(w), self._weights, weights)
    return ()

  def gradients(self, carry, batch):
    with tf.GradientTape() as tape:
      output = self._model.forward_pass(batch, training=True)
    num_examples = output.num_examples
    if num_examples is None:
      num_examples = tf.shape(output.predictions)[0]
    return Gradients(
      carry,
      _dense_gradients(tape, output.loss, self._weights.trainable),
      tf.cast(num_examples, tf.int64),
    )

  def apply_step(self, carry, maps, step):
    variables = tf.nest.flatten(self._weights.trainable)
    for variable, linear_map, parameters in zip(
      variables, maps, step, strict=True
    ):
      variable.assign_add(linear_map.expand(parameters))
    return carry

  def unfinalized_metrics(self, carry, is_valid):
    tf.cond(is_valid, lambda: None, self._model.reset_metrics)
    return self._model.report_local_unfinalized_metrics()


class _FunctionalModel(LocalModel):
  """Model with the carry `((trainable, non_trainable), metrics)`."""

  def __init__(self, model: tff.learning.models.FunctionalModel):
    self._model = model

  def start(self, weights):
    state = self._model.initialize_metrics_state()
    return (tuple(weights.trainable), tuple(weights.non_trainable)), state

  def gradients(self, carry, batch):
    weights, metrics = carry
    x, y = (batch['x'], batch['y']) if isinstance(batch, Mapping) else batch
    with tf.GradientTape() as tape:
      tape.watch(weights[0])
      output = self._model.predict_on_batch(weights, x, training=True)
      loss = self._model.loss(output=output, label=y)
    num_examples = tf.shape(tf.nest.flatten(output)[0])[0]
    metrics = self._model.update_metrics_state(
      metrics,
      labels=y,
      batch_output=tff.learning.models.BatchOutput(
        loss=loss, predictions=output, num_examples=num_examples
      ),
    )
    return Gradients(
      (weights, metrics),
      _dense_gradients(tape, loss, weights[0]),
      tf.cast(num_examples, tf.int64),
    )

  def apply_step(self, carry, maps, step):
    (trainable, non_trainable), metrics = carry
    flat = tf.nest.flatten(trainable)
    moved = [w + m.expand(p) for m, w, p in zip(maps, flat, step, strict=True)]
    trainable = tf.nest.pack_sequence_as(trainable, moved)
    return (trainable, non_trainable), metrics

  def unfinalized_metrics(self, carry, is_valid):
    _, metrics = carry
    return tf.cond(
      is_valid, lambda: metrics, self._model.initialize_metrics_state
    )


def build_local_model(model: Model) -> LocalModel:
  """Builds the local model, inside a `tff.tensorflow.computation`."""
  if _is_functional(model):
    return _FunctionalModel(model)
  return _VariableModel(model())


def check_model(model: Any) -> None:
  """Checks the argument `model_fn` of builders, without calling it.

  Args:
    model: Value of the argument.

  Raises:
    TypeError: If `model` is neither a functional model nor a function. A Keras
      model is not a function, although it can be called.
  """
  if _is_functional(model):
    return
  if not callable(model) or isinstance(model, tf.keras.Model):
    raise TypeError(_EXPECTED_MODEL + f'{type(model).__name__}{_MODEL_REMEDY}')


def describe(model: Model) -> Description:
  """Returns the types, initial weights and metric finalizers of a model.

  Args:
    model: A function that returns a `tff.learning.models.VariableModel`, or a
      `tff.learning.models.FunctionalModel`.

  Returns:
    A `Description`.

  Raises:
    TypeError: If `model` is neither a functional model nor a function that
      returns a `tff.learning.models.VariableModel`.
  """
  if _is_functional(model):
    input_spec, finalizers = model.input_spec, model.finalize_metrics
  else:
    # In a separate graph, so that its variables do not remain in the caller's.
    with tf.Graph().as_default():
      built = _build_variable_model(model)
      input_spec, finalizers = built.input_spec, built.metric_finalizers()

  @tff.tensorflow.computation
  def initial_weights_fn():
    if _is_functional(model):
      return tff.learning.models.ModelWeights(
        *(tuple(map(tf.convert_to_tensor, w)) for w in model.initial_weights)
      )
    return tff.learning.models.ModelWeights.from_model(model())

  return Description(
    initial_weights_fn=initial_weights_fn,
    data_type=tff.SequenceType(tff.types.tensorflow_to_type(input_spec)),
    metric_finalizers=finalizers,
  )


def weights_type(model: Model) -> tff.Type:
  """Returns the type of the weights of a model; see `describe`.

  Args:
    model: A function that returns a `tff.learning.models.VariableModel`, or a
      `tff.learning.models.FunctionalModel`.

  Raises:
    TypeError: If `model` is neither.
  """
  if _is_functional(model):
    return describe(model).weights_type
  with tf.Graph().as_default():
    return tff.learning.models.weights_type_from_model(
      _build_variable_model(model)
    )


def _is_functional(
  model: Model,
) -> TypeGuard[tff.learning.models.FunctionalModel]:
  return isinstance(model, tff.learning.models.FunctionalModel)


def _build_variable_model(model_fn: Any) -> tff.learning.models.VariableModel:
  """Calls `model_fn`, or raises `TypeError`."""
  check_model(model_fn)
  built = model_fn()
  if not isinstance(built, tff.learning.models.VariableModel):
    raise TypeError(
      _EXPECTED_MODEL
      + f'{type(built).__name__} from the function{_MODEL_REMEDY}'
    )
  return built


def _dense_gradients(
  tape: tf.GradientTape, loss: tf.Tensor, weights: Any
) -> list[tf.Tensor]:
  """Returns gradients as dense tensors, zero for unconnected weights."""
  gradients = tape.gradient(
    loss,
    tf.nest.flatten(weights),
    unconnected_gradients=tf.UnconnectedGradients.ZERO,
  )
  # Gradients of embeddings are `tf.IndexedSlices`.
  return list(map(tf.convert_to_tensor, gradients))
