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
"""Conversion of functional models to variable models, with their metrics."""

import collections
from collections.abc import Mapping, Sequence

import tensorflow as tf
import tensorflow_federated as tff


def variable_model(
  model: tff.learning.models.FunctionalModel,
  trainable_names: Sequence[str] | None = None,
) -> tff.learning.models.VariableModel:
  """Converts a functional model to a `VariableModel`, with its metrics.

  `tff.learning.models.model_from_functional` drops the metrics of the model,
  and averages the loss over batches instead of examples.

  Args:
    model: A model whose metrics state consists of sums, so that the sum of the
      clients' states is the state of all their examples.
    trainable_names: Names of the trainable weights; numbered by default.

  Returns:
    A model with the same weights, in the same order, and the same metrics. The
    unfinalized value of each metric is the entire metrics state.
  """
  return _VariableModel(model, trainable_names)


class _VariableModel(tff.learning.models.VariableModel):
  """See `variable_model`."""

  def __init__(
    self,
    model: tff.learning.models.FunctionalModel,
    trainable_names: Sequence[str] | None,
  ):
    self._model = model
    trainable, non_trainable = model.initial_weights
    names = trainable_names or [f'weight_{i}' for i in range(len(trainable))]
    self._trainable = [
      tf.Variable(w, name=name)
      for w, name in zip(trainable, names, strict=True)
    ]
    self._non_trainable = [
      tf.Variable(w, trainable=False) for w in non_trainable
    ]
    self._metrics_state = tf.nest.map_structure(
      lambda value: tf.Variable(value, trainable=False),
      model.initialize_metrics_state(),
    )

  @property
  def trainable_variables(self) -> list[tf.Variable]:
    return self._trainable

  @property
  def non_trainable_variables(self) -> list[tf.Variable]:
    return self._non_trainable

  @property
  def local_variables(self) -> list[tf.Variable]:
    return tf.nest.flatten(self._metrics_state)

  @property
  def input_spec(self) -> object:
    return self._model.input_spec

  @tf.function
  def predict_on_batch(self, x, training=True):
    weights = (tuple(self._trainable), tuple(self._non_trainable))
    weights = tf.nest.map_structure(lambda v: v.read_value(), weights)
    return self._model.predict_on_batch(weights, x, training)

  @tf.function
  def forward_pass(self, batch_input, training=True):
    is_mapping = isinstance(batch_input, Mapping)
    x, y = (batch_input[k] for k in 'xy') if is_mapping else batch_input
    predictions = self.predict_on_batch(x, training)
    output = tff.learning.models.BatchOutput(
      loss=self._model.loss(predictions, y),
      predictions=predictions,
      # TFF counts the examples of functional models in this way.
      num_examples=tf.shape(tf.nest.flatten(predictions)[0])[0],
    )
    self._set_metrics_state(
      self._model.update_metrics_state(self._read_metrics_state(), y, output)
    )
    return output

  @tf.function
  def report_local_unfinalized_metrics(self):
    state = self._read_metrics_state()
    return collections.OrderedDict(
      (name, state) for name in self._metric_names()
    )

  def metric_finalizers(self):
    def finalizer(name):
      return tf.function(
        lambda state: self._model.finalize_metrics(state)[name]
      )

    return collections.OrderedDict(
      (name, finalizer(name)) for name in self._metric_names()
    )

  @tf.function
  def reset_metrics(self):
    self._set_metrics_state(self._model.initialize_metrics_state())

  def _metric_names(self):
    return list(
      self._model.finalize_metrics(self._model.initialize_metrics_state())
    )

  def _read_metrics_state(self):
    return tf.nest.map_structure(lambda v: v.read_value(), self._metrics_state)

  def _set_metrics_state(self, state):
    tf.nest.map_structure(lambda v, s: v.assign(s), self._metrics_state, state)
