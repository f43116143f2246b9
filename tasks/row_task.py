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
"""Tasks with a `RowModel`, and the retrieval of unseen classes."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import functools

import attrs
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import retrieval_metrics
from tasks import serving
from tff_methods import models


@dataclasses.dataclass(frozen=True)
class RetrievalData:
  """Images of classes that training does not see, for evaluating retrieval.

  Attributes:
    data: Batches `(x, y)` as the model takes them. No label occurs in training.
    body_fn: Builds the Keras model from `x` to embeddings, `float32[batch, d]`.
      Its weights are those of the task's model without the rows.
    r: Number of images that are retrieved for each query.
  """

  data: tf.data.Dataset
  body_fn: Callable[[], tf.keras.Model]
  r: int = 10

  def build_embedding_fn(
    self,
  ) -> Callable[
    [tff.learning.models.ModelWeights], tuple[np.ndarray, np.ndarray]
  ]:
    """Builds a function that embeds all images in the calling process.

    Returns:
      A function from the weights of the task's model to the embeddings,
      `float32[num, d]`, and the labels, `int[num]`, in the order of the data.
    """
    body = self.body_fn()
    # Traced immediately: once TFF has built Keras models in graphs, Keras
    # refuses to call a model that was built in eager mode.
    embed = tf.function(lambda x: body(x, training=False))
    embed = embed.get_concrete_function(self.data.element_spec[0])

    def embed_all(model_weights):
      _assign(body.trainable_variables, model_weights.trainable[:-1])
      _assign(body.non_trainable_variables, model_weights.non_trainable)
      batches = [(embed(x).numpy(), y.numpy()) for x, y in self.data]
      embeddings, labels = zip(*batches, strict=True)
      return np.concatenate(embeddings), np.concatenate(labels)

    return embed_all

  def build_metric_fn(
    self,
  ) -> Callable[[tff.learning.models.ModelWeights], float]:
    """Builds a function from the weights of the task's model to MAP@R."""
    embed_all = self.build_embedding_fn()

    def metric_fn(model_weights):
      embeddings, labels = embed_all(model_weights)
      return retrieval_metrics.mean_average_precision_at_r(
        embeddings, labels, self.r
      )

    return metric_fn


@attrs.define(frozen=True)
class RowTask(serving.ServedTask):
  """A task whose model ends in a table of rows, one for each class.

  Attributes:
    row_model_fn: Builds the `row_model`.
    retrieval: Images of held-out classes, if the task has any.
    class_names: Names of the classes, if they have any.
    baselines_fn: Function to metrics of predictions that need no training, by
      name; `None` if there are none.
    rows_model_fn: Builds the model of `model_fn` with the weights of
      `row_model`; `None` if those of `model_fn` are the same.
    classes_by_frequency: Classes in the data of the clients, the most frequent
      first, whose accuracy is evaluated by decile; `None` for no deciles.
  """

  row_model_fn: Callable[[], models.RowModel] = attrs.field(
    converter=functools.cache, validator=attrs.validators.is_callable()
  )
  retrieval: RetrievalData | None = attrs.field(
    default=None,
    validator=attrs.validators.optional(
      attrs.validators.instance_of(RetrievalData)
    ),
  )
  class_names: tuple[str, ...] | None = None
  baselines_fn: Callable[[], Mapping[str, float]] | None = None
  rows_model_fn: Callable[[], tff.learning.models.VariableModel] | None = None
  classes_by_frequency: Sequence[int] | None = None

  @property
  def row_model(self) -> models.RowModel:
    """The model of `model_fn` in two parts, body and rows.

    The weights are the same, in the same order: those of the body, then the
    rows (but see `rows_model_fn`). The model is built on first access, since
    large bodies take seconds.

    Raises:
      ValueError: If the model of a user has no rows.
    """
    return self.row_model_fn()


def _assign(
  variables: Sequence[tf.Variable], values: Sequence[np.ndarray]
) -> None:
  for variable, value in zip(variables, values, strict=True):
    variable.assign(value)
