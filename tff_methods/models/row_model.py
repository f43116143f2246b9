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
"""Models in two parts: a body, and tables of rows, such as one for each class.

A model has one table of the output, the *rows*, and any number of tables of the
input. Methods select rows of each of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.models import candidates as candidates_lib
from tff_methods.models import example_losses
from tff_methods.models import input_table as input_table_lib
from tff_methods.models import label_roles as label_roles_lib
from tff_methods.models import row_model_checks
from tff_methods.models import similarity as similarity_lib
from tff_methods.models import sub_model as sub_model_lib


class RowModel:
  """Classifier whose output layer has a row for each class.

  The body embeds an example in R^d. The score of a class is the similarity of
  the embedding and the class's row, plus the class's bias if there are biases.
  (The paper's `theta = (phi, W)`, `W` transposed.) With `rows_embed_input`, the
  rows also embed the input, which then consists of classes, as the tokens of a
  language model. With `input_tables`, tables of their own embed the ids in the
  input.

  `full_model` and `sub_model` are ordinary models of TFF. Their trainable
  weights are a tuple of the body's, then the input tables, then the rows:
  `float32[n, d]`, or `[n, d + 1]` with the bias as a row's last element.

  Attributes:
    num_classes: Number of classes, `n`.
    dimension: Dimension of embeddings, `d`.
    row_size: Elements of a row, with its bias.
    table_shapes: Shape of each table by name, in the order of the weights: the
      input tables, then `'rows'`.
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
    input_tables: Mapping[str, input_table_lib.InputTable] | None = None,
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
      input_tables: Tables that embed ids in the input, by name; the names are
        not `'body'` or `'rows'`. The body's input has rows in the place of
        these ids. Not with `rows_embed_input`.
      label_roles: Labels that are padding, or count differently in the
        accuracy; by default there are none.
      input_spec: `tf.TensorSpec`s of a batch; by default the body's. Required
        with `rows_embed_input` and `input_tables`, where the body's is of
        embeddings.

    Raises:
      TypeError: If an argument is of a wrong type.
      ValueError: If body and rows do not fit together.
    """
    input_tables = dict(input_tables or {})
    row_model_checks.check_parts(body, rows, similarity, biases)
    row_model_checks.check_input_tables(
      input_tables, rows_embed_input, input_spec
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
    self._input_tables = input_tables
    self._tables = (*(t.rows for t in input_tables.values()), table)
    self.table_shapes: dict[str, tuple[int, int]] = {
      name: (len(t), t.shape[1])
      for name, t in zip((*input_tables, 'rows'), self._tables, strict=True)
    }
    self._similarity = similarity or similarity_lib.DotProduct()
    self._rows_embed_input = rows_embed_input
    self._label_roles = label_roles or label_roles_lib.LabelRoles()
    self._label_roles.check(self.num_classes)
    row_model_checks.check_specs(self)

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

  @property
  def input_tables(self) -> Mapping[str, input_table_lib.InputTable]:
    """The tables that embed ids in the input, by name."""
    return self._input_tables

  def full_model(self) -> tff.learning.models.FunctionalModel:
    """Returns the model with all rows: it predicts `float32[..., n]` logits."""
    trainable, non_trainable = self._body.initial_weights
    candidates = self._all_rows()

    @tf.function
    def predict_on_batch(model_weights, x, training=True):
      return self._scores(model_weights, x, candidates, training)

    return tff.learning.models.FunctionalModel(
      initial_weights=((*trainable, *self._tables), tuple(non_trainable)),
      predict_on_batch_fn=predict_on_batch,
      **self._loss_and_metrics_fns(example_losses.full_example_losses),
      input_spec=self.input_spec,
    )

  def sub_model(
    self,
    num_candidates: int,
    *,
    num_input_rows: Mapping[str, int] | None = None,
    use_other_positives: bool = True,
  ) -> tff.learning.models.FunctionalModel:
    """Returns the model with the rows of candidates, for training on a client.

    Its trainable weights are those of the full model, with `float32[k,
    row_size]` in the place of each table. Its non-trainable weights are the
    body's, then the three tensors of the `Candidates` of each table. It
    predicts a `SubModelOutput`. Its loss is the sampled softmax: the mean over
    the batch of equation 5, to which examples of classes that are not
    candidates contribute 0.

    Args:
      num_candidates: Number of candidates `k`, at least 1 and at most the
        number of classes.
      num_input_rows: Number of rows of each input table, by name.
      use_other_positives: If true, the client's classes are negatives of each
        other, as in all of the paper's losses except equation 7 (negatives
        only).

    Raises:
      TypeError: If a number is not an int.
      ValueError: If a number is out of range, or there is none for a table.
    """
    self.check_num_rows('num_candidates', num_candidates)
    num_rows = self.num_rows_of_tables(num_candidates, num_input_rows)
    sizes = [size for _, size in self.table_shapes.values()]

    @tf.function
    def predict_on_batch(model_weights, x, training=True):
      weights, candidates = self._split_candidates(model_weights)
      scores = self._scores(weights, x, candidates, training)
      return sub_model_lib.predict(scores, candidates[-1])

    return tff.learning.models.FunctionalModel(
      initial_weights=self.sub_weights(
        self._body.initial_weights,
        [np.zeros(k, np.float32) for k in zip(num_rows, sizes, strict=True)],
        [candidates_lib.all_classes(k) for k in num_rows],
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
    return self._embed(model_weights, x, self._all_rows(), training=False)

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
    weights, candidates = self._split_candidates(sub_weights)
    x, y = input_table_lib.examples_and_labels(batch)
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
    self,
    body: Any,
    rows: Sequence[Any],
    candidates: Sequence[candidates_lib.Candidates],
  ) -> tuple[tuple, tuple]:
    """Returns the weights of a sub-model, from those of its parts.

    Args:
      body: Pair of trainable and non-trainable weights of the body.
      rows: `float32[k, row_size]` of each table.
      candidates: The `k` candidates of these rows, of each table.

    Returns:
      Pair of trainable and non-trainable weights.
    """
    return sub_model_lib.join_weights(body, rows, candidates)

  def candidates_of(
    self, sub_weights: tff.learning.models.ModelWeights
  ) -> tuple[candidates_lib.Candidates, ...]:
    """Returns the candidates of each table among the weights of a sub-model."""
    _, candidates = self._split_candidates(
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
    x, y = input_table_lib.examples_and_labels(batch)
    needed = [x, y] if self._rows_embed_input else [y]
    classes = tf.concat(
      [tf.cast(tf.reshape(classes, [-1]), tf.int64) for classes in needed], 0
    )
    return tf.boolean_mask(classes, self._label_roles.is_example(classes))

  def keys_in(self, batch: Any) -> tuple[tf.Tensor, ...]:
    """Returns the rows that a batch needs, of each table.

    Args:
      batch: Batch of the `input_spec`.

    Returns:
      `int64[?]` of each table, with repetitions; the last are `classes_in`.
    """
    x, _ = input_table_lib.examples_and_labels(batch)
    of_input = [table.keys_in(x) for table in self._input_tables.values()]
    return (*of_input, self.classes_in(batch))

  def num_rows_of_tables(
    self, num_candidates: int, num_input_rows: Mapping[str, int] | None
  ) -> tuple[int, ...]:
    """Returns the number of a client's rows of each table, checked.

    Args:
      num_candidates: Number of rows of the output.
      num_input_rows: Number of rows of each input table, by name.

    Raises:
      TypeError: If a number is not an int.
      ValueError: If a number is out of range, or there is none for a table.
    """
    given = dict(num_input_rows or {})
    if set(given) != set(self._input_tables):
      raise ValueError(
        'Expected num_input_rows of each input table, '
        f'{sorted(self._input_tables)}, found {given}: name each table, and '
        'nothing else.'
      )
    for name, value in given.items():
      row_model_checks.check_num_rows(
        f'num_input_rows of {name!r}', value, self.table_shapes[name][0], 'rows'
      )
    return (*(given[name] for name in self._input_tables), num_candidates)

  def check_num_rows(self, name: str, value: int) -> None:
    """Checks a number of rows of this model.

    Args:
      name: Name of the number in messages.
      value: Number of rows.

    Raises:
      TypeError: If `value` is not an int.
      ValueError: If `value` is below 1 or above `num_classes`.
    """
    row_model_checks.check_num_rows(name, value, self.num_classes, 'classes')

  def _loss_and_metrics_fns(
    self, example_losses_fn: example_losses.ExampleLossesFn
  ) -> dict[str, Any]:
    roles = self._label_roles
    return dict(
      loss_fn=example_losses.build_loss_fn(example_losses_fn, roles),
      metrics_fns=example_losses.build_metrics_fns(example_losses_fn, roles),
    )

  def _all_rows(self) -> tuple[candidates_lib.Candidates, ...]:
    return tuple(
      candidates_lib.all_classes(n) for n, _ in self.table_shapes.values()
    )

  def _split_candidates(self, sub_weights):
    return sub_model_lib.split_candidates(sub_weights, len(self._tables))

  def _embed(self, model_weights, x, candidates, training):
    trainable, constants = model_weights
    num_body = len(trainable) - len(self._tables)
    tables = trainable[num_body:]
    for table, rows, known in zip(
      self._input_tables.values(), tables[:-1], candidates[:-1], strict=True
    ):
      x = table.embed(x, rows, known)
    if self._rows_embed_input:
      rows = tables[-1][:, : self.dimension]
      x = input_table_lib.embed_ids(rows, candidates[-1], x)
    return self._body.predict_on_batch(
      (tuple(trainable[:num_body]), tuple(constants)), x, training
    )

  def _scores(self, model_weights, x, candidates, training):
    rows = model_weights[0][-1]
    embeddings = self._embed(model_weights, x, candidates, training)
    scores = self._similarity(embeddings, rows[:, : self.dimension])
    if self.row_size > self.dimension:
      scores += rows[:, -1]
    return scores
