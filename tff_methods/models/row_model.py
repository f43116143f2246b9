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
"""Models in two parts: a body, and a table of rows, one for each class."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.common import argument_checks
from tff_methods.models import candidates as candidates_lib
from tff_methods.models import example_losses
from tff_methods.models import label_roles as label_roles_lib
from tff_methods.models import similarity as similarity_lib
from tff_methods.models import sub_model as sub_model_lib


class RowModel:
  """Classifier whose output layer has a row for each class.

  The body embeds an example in R^d. The score of a class is the similarity of
  the embedding and the class's row, plus the class's bias if there are biases.
  (The paper's `theta = (phi, W)`, `W` transposed.) With `rows_embed_input`, the
  rows also embed the input, which then consists of classes, as the tokens of a
  language model.

  `full_model` and `sub_model` are ordinary models of TFF. Their trainable
  weights are a tuple of the body's, then the rows: `float32[n, d]`, or `[n, d +
  1]` with the bias as a row's last element.

  Attributes:
    num_classes: Number of classes, `n`.
    dimension: Dimension of embeddings, `d`.
    row_size: Elements of a row, with its bias.
    input_spec: `tf.TensorSpec`s of a batch, a pair `(x, y)` or a mapping of 'x'
      and 'y'; `y` are classes, integers.
  """

  def __init__(
    self,
    body: tff.learning.models.FunctionalModel,
    rows: np.ndarray,
    *,
    similarity: similarity_lib.Similarity | None = None,
    biases: np.ndarray | None = None,
    rows_embed_input: bool = False,
    label_roles: label_roles_lib.LabelRoles | None = None,
    input_spec: Any = None,
  ) -> None:
    """Initializes the model.

    Args:
      body: Model that predicts embeddings, `float32[batch, d]`, or `[batch,
        ..., d]` for labels `[batch, ...]`. Its loss and metrics are not used.
      rows: `float32[n, d]`, the initial rows.
      similarity: Similarity of embedding and row; by default `DotProduct()`.
      biases: `float32[n]`, the initial biases; `None` for a model without.
      rows_embed_input: If true, the body's input are the rows of the classes
        that an example consists of (tied embeddings): `float32[batch, ..., d]`
        for `int[batch, ...]`. On a client, classes that are not among its
        candidates are embedded as zeros.
      label_roles: Labels that are padding, or count differently in the
        accuracy; by default there are none.
      input_spec: `tf.TensorSpec`s of a batch; by default the body's. Required
        with `rows_embed_input`, where the body's is of embeddings.

    Raises:
      TypeError: If an argument is of a wrong type.
      ValueError: If body and rows do not fit together.
    """
    _check_arguments(
      body, rows, similarity, biases, rows_embed_input, input_spec
    )
    table = np.asarray(rows, np.float32)
    if biases is not None:
      table = np.concatenate(
        [table, np.asarray(biases, np.float32)[:, np.newaxis]], axis=1
      )
    self.num_classes, self.dimension = np.shape(rows)
    self.row_size = table.shape[1]
    self.input_spec = input_spec or body.input_spec
    self._body = body
    self._table = table
    self._similarity = similarity or similarity_lib.DotProduct()
    self._rows_embed_input = rows_embed_input
    self._label_roles = label_roles or label_roles_lib.LabelRoles()
    self._label_roles.check(self.num_classes)
    _check_specs(self)

  @property
  def body(self) -> tff.learning.models.FunctionalModel:
    """The model from examples (or their rows) to embeddings."""
    return self._body

  @property
  def similarity(self) -> similarity_lib.Similarity:
    """The similarity of embedding and row."""
    return self._similarity

  @property
  def rows_embed_input(self) -> bool:
    """True if the rows also embed the input."""
    return self._rows_embed_input

  def full_model(self) -> tff.learning.models.FunctionalModel:
    """Returns the model with all rows: it predicts `float32[..., n]` logits."""
    trainable, non_trainable = self._body.initial_weights
    candidates = candidates_lib.all_classes(self.num_classes)

    @tf.function
    def predict_on_batch(model_weights, x, training=True):
      return self._scores(model_weights, x, candidates, training)

    return tff.learning.models.FunctionalModel(
      initial_weights=((*trainable, self._table), tuple(non_trainable)),
      predict_on_batch_fn=predict_on_batch,
      **self._loss_and_metrics_fns(example_losses.full_example_losses),
      input_spec=self.input_spec,
    )

  def sub_model(
    self, num_candidates: int, *, use_other_positives: bool = True
  ) -> tff.learning.models.FunctionalModel:
    """Returns the model with the rows of candidates, for training on a client.

    Its trainable weights are those of the full model, with `float32[k,
    row_size]` in the place of all rows. Its non-trainable weights are the
    body's, then the three tensors of the `Candidates`. It predicts a
    `SubModelOutput`. Its loss is the sampled softmax: the mean over the batch
    of equation 5, to which examples of classes that are not candidates
    contribute 0.

    Args:
      num_candidates: Number of candidates `k`, at least 1 and at most the
        number of classes.
      use_other_positives: If true, the client's classes are negatives of each
        other, as in all of the paper's losses except equation 7 (negatives
        only).

    Raises:
      TypeError: If `num_candidates` is not an int.
      ValueError: If `num_candidates` is out of range.
    """
    self.check_num_rows('num_candidates', num_candidates)
    rows = np.zeros([num_candidates, self.row_size], np.float32)
    candidates = candidates_lib.all_classes(num_candidates)

    @tf.function
    def predict_on_batch(model_weights, x, training=True):
      weights, candidates = sub_model_lib.split_candidates(model_weights)
      scores = self._scores(weights, x, candidates, training)
      return sub_model_lib.predict(scores, candidates)

    return tff.learning.models.FunctionalModel(
      initial_weights=self.sub_weights(
        self._body.initial_weights, rows, candidates
      ),
      predict_on_batch_fn=predict_on_batch,
      **self._loss_and_metrics_fns(
        sub_model_lib.build_example_losses_fn(use_other_positives)
      ),
      input_spec=self.input_spec,
    )

  def embed(self, model_weights: Any, x: Any) -> tf.Tensor:
    """Returns the embeddings of a batch under the full model's weights.

    Args:
      model_weights: Pair of trainable and non-trainable weights.
      x: Examples, of the `input_spec`.

    Returns:
      `float32[batch, ..., d]`.
    """
    candidates = candidates_lib.all_classes(self.num_classes)
    return self._embed(model_weights, x, candidates, training=False)

  def example_vectors(self, sub_weights: Any, batch: Any) -> tf.Tensor:
    """Returns a vector for each example, to search rows by.

    Its inner product with a row's vector is their score, up to one positive
    factor.

    Args:
      sub_weights: Pair of trainable and non-trainable weights of a sub-model.
        Its rows are used with `rows_embed_input` only.
      batch: Batch of the `input_spec`.

    Returns:
      `float32[?, row_size]`, without padding.
    """
    weights, candidates = sub_model_lib.split_candidates(sub_weights)
    x, y = examples_and_labels(batch)
    embeddings = self._embed(weights, x, candidates, training=False)
    vectors = self._similarity.embedding_vectors(embeddings)
    vectors = tf.boolean_mask(vectors, self._label_roles.is_example(y))
    has_biases = self.row_size > self.dimension
    # The coordinate that multiplies a bias is 1.
    return tf.pad(vectors, [[0, 0], [0, int(has_biases)]], constant_values=1.0)

  def row_vectors(self, table: tf.Tensor) -> tf.Tensor:
    """Returns the vectors of rows: see `example_vectors`.

    Args:
      table: `float32[n, row_size]`.

    Returns:
      `float32[n, row_size]`.
    """
    return tf.concat(
      [
        self._similarity.row_vectors(table[:, : self.dimension]),
        table[:, self.dimension :],
      ],
      axis=1,
    )

  def sub_weights(
    self, body: Any, rows: Any, candidates: candidates_lib.Candidates
  ) -> tuple[tuple, tuple]:
    """Returns the weights of a sub-model, from those of its parts.

    Args:
      body: Pair of trainable and non-trainable weights of the body.
      rows: `float32[k, row_size]`.
      candidates: The `k` candidates of these rows.

    Returns:
      Pair of trainable and non-trainable weights.
    """
    return sub_model_lib.join_weights(body, rows, candidates)

  def candidates_of(
    self, sub_weights: tff.learning.models.ModelWeights
  ) -> candidates_lib.Candidates:
    """Returns the candidates among the weights of a sub-model."""
    _, candidates = sub_model_lib.split_candidates(
      (sub_weights.trainable, sub_weights.non_trainable)
    )
    return candidates

  def classes_in(self, batch: Any) -> tf.Tensor:
    """Returns the classes whose rows a batch needs.

    These are its labels and, with `rows_embed_input`, its input, both without
    padding.

    Args:
      batch: Batch of the `input_spec`.

    Returns:
      `int64[?]`, with repetitions.
    """
    x, y = examples_and_labels(batch)
    needed = [x, y] if self._rows_embed_input else [y]
    classes = tf.concat(
      [tf.cast(tf.reshape(classes, [-1]), tf.int64) for classes in needed], 0
    )
    return tf.boolean_mask(classes, self._label_roles.is_example(classes))

  def check_num_rows(self, name: str, value: int) -> None:
    """Checks a number of rows of this model.

    Args:
      name: Name of the number in messages.
      value: Number of rows.

    Raises:
      TypeError: If `value` is not an int.
      ValueError: If `value` is below 1 or above `num_classes`.
    """
    argument_checks.check_int(name, value, minimum=1)
    if value > self.num_classes:
      raise ValueError(
        f'Expected {name} of at most {self.num_classes}, the number of '
        f'classes, found {value}: lower it.'
      )

  def _loss_and_metrics_fns(
    self, example_losses_fn: example_losses.ExampleLossesFn
  ) -> dict[str, Any]:
    roles = self._label_roles
    return dict(
      loss_fn=example_losses.build_loss_fn(example_losses_fn, roles),
      metrics_fns=example_losses.build_metrics_fns(example_losses_fn, roles),
    )

  def _embed(self, model_weights, x, candidates, training):
    (*body_weights, rows), constants = model_weights
    if self._rows_embed_input:
      positions, is_candidate = candidates.positions(x)
      x = tf.gather(rows[:, : self.dimension], positions)
      # Zeros are better than the row of another class.
      x = tf.where(is_candidate[..., tf.newaxis], x, 0.0)
    return self._body.predict_on_batch(
      (tuple(body_weights), tuple(constants)), x, training
    )

  def _scores(self, model_weights, x, candidates, training):
    rows = model_weights[0][-1]
    embeddings = self._embed(model_weights, x, candidates, training)
    scores = self._similarity(embeddings, rows[:, : self.dimension])
    if self.row_size > self.dimension:
      scores += rows[:, -1]
    return scores


def examples_and_labels(batch: Any) -> tuple[Any, Any]:
  """Returns `(x, y)` of a batch or its spec, in either form that TFF takes."""
  x, y = (batch['x'], batch['y']) if isinstance(batch, Mapping) else batch
  return x, y


def _check_arguments(
  body, rows, similarity, biases, rows_embed_input, input_spec
) -> None:
  """Raises `TypeError` or `ValueError` for arguments of `RowModel`."""
  if not isinstance(body, tff.learning.models.FunctionalModel):
    raise TypeError(
      'Expected a tff.learning.models.FunctionalModel for the body, found '
      f'{type(body).__name__}: make one with row_model_from_keras.'
    )
  if not (similarity is None or callable(similarity)):
    raise TypeError(
      'Expected similarity to be a function of embeddings and rows, found '
      f'{type(similarity).__name__}: give DotProduct() or ScaledCosine().'
    )
  if np.ndim(rows) != 2 or 0 in np.shape(rows):
    raise ValueError(
      'Expected rows of shape [number of classes, dimension], found '
      f'{list(np.shape(rows))}.'
    )
  if biases is not None and np.shape(biases) != np.shape(rows)[:1]:
    raise ValueError(
      f'Expected a bias for each of {len(rows)} rows, found shape '
      f'{list(np.shape(biases))}.'
    )
  if rows_embed_input and input_spec is None:
    raise ValueError(
      'Expected input_spec with rows_embed_input, found none: give the spec of '
      'the classes that examples consist of, not of their rows.'
    )


def _check_specs(row_model: RowModel) -> None:
  """Raises `TypeError` or `ValueError` unless a batch can be scored."""
  x, y = examples_and_labels(row_model.input_spec)
  if not isinstance(y, tf.TensorSpec) or not y.dtype.is_integer:
    raise TypeError(
      f'Expected labels to be integers, found {y}: take the argmax of one-hot '
      'labels.'
    )
  if row_model.rows_embed_input and (
    not isinstance(x, tf.TensorSpec) or not x.dtype.is_integer
  ):
    raise TypeError(
      f'Expected examples of integers with rows_embed_input, found {x}: give '
      'classes.'
    )
  with tf.Graph().as_default():
    model = row_model.full_model()
    # Placeholders, since the table may be large.
    embeddings = row_model.embed(
      tf.nest.map_structure(
        lambda w: tf.compat.v1.placeholder(np.asarray(w).dtype, np.shape(w)),
        model.initial_weights,
      ),
      tf.nest.map_structure(
        lambda spec: tf.compat.v1.placeholder(spec.dtype, spec.shape), x
      ),
    )
  expected = [*y.shape, row_model.dimension]
  if not embeddings.shape.is_compatible_with(expected):
    raise ValueError(
      f'Expected embeddings of shape {expected}, for labels of shape '
      f'{list(y.shape)} and rows of {row_model.dimension} numbers, found '
      f'{embeddings.shape}: let the body end in as many units as rows have, '
      'and labels have a shape of [batch].'
    )
