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

Metrics = collections.OrderedDict[str, np.float32]


def build_evaluation_fn(
  task: tff.simulation.baselines.BaselineTask,
) -> Callable[[tff.learning.models.ModelWeights], Metrics]:
  """Builds a function from model weights to metrics on the test data.

  It runs in this process, batch after batch in the order of the data. The
  metrics are the model's, always with the same names, so that a result can
  stand for the structure of others.

  Args:
    task: The model, and the held-out data of all clients together.

  Returns:
    The function.
  """
  model = task.model_fn()
  test_data = task.datasets.get_centralized_test_data()

  @tf.function
  def update_metrics(batch):
    model.forward_pass(batch, training=False)

  def evaluate(model_weights: tff.learning.models.ModelWeights) -> Metrics:
    model_weights.assign_weights_to(model)
    model.reset_metrics()
    for batch in test_data:
      update_metrics(batch)
    unfinalized = model.report_local_unfinalized_metrics()
    return collections.OrderedDict(
      # A finalizer makes a Keras metric, thus variables, at each call, which
      # `tf.function`s must not; in TFF it is called once a graph.
      (short_name(name), np.float32(f.python_function(unfinalized[name])))
      for name, f in model.metric_finalizers().items()
    )

  return evaluate


def short_name(name: str) -> str:
  """A metric's name: `accuracy` in whatever form a model takes labels."""
  return name.removeprefix('sparse_').removeprefix('categorical_')
