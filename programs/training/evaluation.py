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
"""Evaluation of a model on a task's test data."""

import collections
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.training import metrics as metrics_lib
import tasks
from tasks import decile_accuracy


class Evaluation:
  """Function from model weights to metrics on the test data.

  Runs in this process, batch by batch in the order of the data. The metrics are
  those of the model, `map_at_<r>` for tasks with held-out classes, and those of
  `decile_accuracy` for tasks whose classes are ordered by frequency. All
  evaluations have the same metrics, so that one defines the structure of
  checkpoints.
  """

  def __init__(
    self,
    task: tff.simulation.baselines.BaselineTask,
    model_fn: Callable[[], tff.learning.models.VariableModel] | None = None,
    validation: tff.simulation.baselines.BaselineTaskDatasets | None = None,
  ):
    """Builds the function.

    Args:
      task: Task whose test data, of all clients together, is evaluated on.
      model_fn: Function that makes the model. Default: that of the task.
      validation: Data with validation data in place of test data, which then
        are not looked at, nor are held-out classes.
    """
    # Names of weights are those of the first model of a process in every one.
    tf.keras.backend.reset_uids()
    self._model = (model_fn or task.model_fn)()
    self._data = (validation or task.datasets).get_centralized_test_data()
    self._retrieval_fns = {}
    retrieval = task.retrieval if isinstance(task, tasks.RowTask) else None
    if retrieval is not None and validation is None:
      self._retrieval_fns[f'map_at_{retrieval.r}'] = retrieval.build_metric_fn()
    self._deciles = _decile_accuracy(task)
    # Traced now: graphs that TFF builds break a Keras model traced after them.
    self._update_metrics = tf.function(self._evaluate).get_concrete_function(
      self._model.input_spec
    )

  @property
  def model(self) -> tff.learning.models.VariableModel:
    """The evaluated model."""
    return self._model

  @property
  def metric_names(self) -> list[str]:
    """Names of the metrics."""
    return [
      *map(metrics_lib.short_name, self._model.metric_finalizers()),
      *(decile_accuracy.METRIC_NAMES if self._deciles else ()),
      *self._retrieval_fns,
    ]

  def __call__(
    self, model_weights: tff.learning.models.ModelWeights, round_num: int = 0
  ) -> metrics_lib.Metrics:
    """Evaluates a model, in the same way after each round."""
    del round_num  # Unused.
    assign_weights(model_weights, self._model)
    self._model.reset_metrics()
    counts = np.zeros([], np.int64)
    for batch in self._data:
      counts = counts + self._update_metrics(batch).numpy()
    unfinalized = self._model.report_local_unfinalized_metrics()
    metrics = collections.OrderedDict(
      # A finalizer creates a Keras metric, thus variables, at each call, which
      # a `tf.function` must not; TFF calls it once per graph.
      (
        metrics_lib.short_name(name),
        np.float32(f.python_function(unfinalized[name])),
      )
      for name, f in self._model.metric_finalizers().items()
    )
    if self._deciles:
      metrics.update(decile_accuracy.accuracies(counts))
    for name, metric_fn in self._retrieval_fns.items():
      metrics[name] = np.float32(metric_fn(model_weights))
    return metrics

  def _evaluate(self, batch: Any) -> tf.Tensor:
    """Updates the model's metrics; returns counts of the deciles, if any."""
    output = self._model.forward_pass(batch, training=False)
    if self._deciles is None:
      return tf.zeros([0], tf.int32)
    labels = batch['y'] if isinstance(batch, Mapping) else batch[1]
    return self._deciles.count(output.predictions, labels)


def _decile_accuracy(
  task: tff.simulation.baselines.BaselineTask,
) -> decile_accuracy.DecileAccuracy | None:
  """Returns the accuracy by decile; `None` if the task has no deciles."""
  if not isinstance(task, tasks.RowTask) or task.classes_by_frequency is None:
    return None
  return decile_accuracy.DecileAccuracy(
    task.classes_by_frequency, task.row_model.num_classes
  )


def assign_weights(
  model_weights: tff.learning.models.ModelWeights,
  model: tff.learning.models.VariableModel,
) -> None:
  """Assigns weights, of any kind of model, to the variables of a model."""
  # TFF compares containers, which are tuples in functional models.
  tff.learning.models.ModelWeights(
    list(model_weights.trainable), list(model_weights.non_trainable)
  ).assign_weights_to(model)
