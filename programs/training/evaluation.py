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
"""Evaluation of a model on a task's held-out data."""

import collections
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

import tasks

Metrics = collections.OrderedDict[str, np.float32]


class Evaluation:
  """A function from model weights to metrics on the test data.

  It runs in this process, batch after batch in the order of the data. The
  metrics are the model's, and `map_at_<r>` where the task has unseen classes to
  retrieve, always with the same names, so that a result can stand for the
  structure of others.
  """

  def __init__(
    self,
    task: tff.simulation.baselines.BaselineTask,
    model_fn: Callable[[], tff.learning.models.VariableModel] | None = None,
  ):
    """Builds the function.

    Args:
      task: The held-out data of all clients together.
      model_fn: Makes the model, by default that of the task.
    """
    self._model = (model_fn or task.model_fn)()
    self._test_data = task.datasets.get_centralized_test_data()
    retrieval = task.retrieval if isinstance(task, tasks.RowTask) else None
    self._retrieval_fns = {}
    if retrieval is not None:
      self._retrieval_fns[f'map_at_{retrieval.r}'] = retrieval.build_metric_fn()
    # Traced now: what TFF builds in graphs would break a Keras model that is
    # traced after it.
    self._update_metrics = tf.function(
      lambda batch: self._model.forward_pass(batch, training=False)
    ).get_concrete_function(self._model.input_spec)

  @property
  def metric_names(self) -> list[str]:
    """The names of the metrics."""
    return [*map(short_name, self._model.metric_finalizers())] + [
      *self._retrieval_fns
    ]

  def __call__(
    self, model_weights: tff.learning.models.ModelWeights
  ) -> Metrics:
    """Evaluates a model."""
    assign_weights(model_weights, self._model)
    self._model.reset_metrics()
    for batch in self._test_data:
      self._update_metrics(batch)
    unfinalized = self._model.report_local_unfinalized_metrics()
    metrics = collections.OrderedDict(
      # A finalizer makes a Keras metric, thus variables, at each call, which
      # `tf.function`s must not; in TFF it is called once a graph.
      (short_name(name), np.float32(f.python_function(unfinalized[name])))
      for name, f in self._model.metric_finalizers().items()
    )
    for name, metric_fn in self._retrieval_fns.items():
      metrics[name] = np.float32(metric_fn(model_weights))
    return metrics


def assign_weights(
  model_weights: tff.learning.models.ModelWeights,
  model: tff.learning.models.VariableModel,
) -> None:
  """Sets a model's weights, whatever kind of model they were trained in."""
  # TFF compares containers, which are tuples of functional models.
  tff.learning.models.ModelWeights(
    list(model_weights.trainable), list(model_weights.non_trainable)
  ).assign_weights_to(model)


def short_name(name: str) -> str:
  """A metric's name: `accuracy` in whatever form a model takes labels."""
  return name.removeprefix('sparse_').removeprefix('categorical_')
