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
"""A tiny learning problem for tests of row models: one layer, and 12 rows.

The body is `tanh(x @ kernel + bias)`, written without Keras: functional models
of TFF that are made from Keras models do not run eagerly.
"""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import models

NUM_FEATURES, DIMENSION, NUM_CLASSES = 6, 4, 12
# Classes of each client: 2 and 7 are of two clients; 1, 4, 6, 8 and 10 of none.
CLASSES = ((0, 2, 7), (2, 3, 9, 11), (5, 7))
# A batch of two sequences, of tokens of the first two clients.
TOKENS = np.array([[3, 0, 7], [7, 7, 11]], np.int32)

_INPUT_SPEC = (
  tf.TensorSpec([None, NUM_FEATURES], tf.float32),
  tf.TensorSpec([None], tf.int32),
)
_TOKENS_SPEC = (
  tf.TensorSpec([None, None], tf.int32),
  tf.TensorSpec([None, None], tf.int32),
)


def body() -> tff.learning.models.FunctionalModel:
  """Returns the model from 6 features to embeddings of dimension 4."""
  rng = np.random.default_rng(1)
  kernel = rng.normal(scale=0.5, size=[NUM_FEATURES, DIMENSION])
  bias = rng.normal(scale=0.1, size=[DIMENSION])

  @tf.function
  def predict_on_batch(model_weights, x, training=True):
    del training
    kernel, bias = model_weights[0]
    return tf.tanh(tf.matmul(x, kernel) + bias)

  return tff.learning.models.FunctionalModel(
    initial_weights=((kernel.astype(np.float32), bias.astype(np.float32)), ()),
    predict_on_batch_fn=predict_on_batch,
    loss_fn=lambda output, label, sample_weight=None: tf.reduce_mean(output),
    input_spec=_INPUT_SPEC,
  )


def rows() -> np.ndarray:
  """Returns `float32[12, 4]`."""
  rng = np.random.default_rng(2)
  return rng.normal(size=[NUM_CLASSES, DIMENSION]).astype(np.float32)


def biases() -> np.ndarray:
  """Returns `float32[12]`."""
  rng = np.random.default_rng(3)
  return rng.normal(size=[NUM_CLASSES]).astype(np.float32)


def row_model(**kwargs: Any) -> models.RowModel:
  """Returns a `RowModel` of the body and the rows.

  Args:
    **kwargs: Keyword arguments of `RowModel`.
  """
  return models.RowModel(body(), rows(), **kwargs)


def embed(x: np.ndarray) -> np.ndarray:
  """Returns the embeddings under the initial weights, by numpy."""
  kernel, bias = body().initial_weights[0]
  return np.tanh(x @ kernel + bias)


def arrays(num_examples: int = 8) -> list[tuple[np.ndarray, np.ndarray]]:
  """Returns the examples of 3 clients, 2 fewer for each client, learnable."""
  rng = np.random.default_rng(4)
  centers = rng.normal(size=[NUM_CLASSES, NUM_FEATURES])
  result = []
  for client, classes in enumerate(CLASSES):
    # Each class at least once.
    y = np.resize(classes, num_examples - 2 * client).astype(np.int32)
    x = centers[y] + 0.3 * rng.normal(size=[y.size, NUM_FEATURES])
    result.append((x.astype(np.float32), y))
  return result


def datasets(
  num_examples: int = 8, batch_size: int = 4
) -> list[tf.data.Dataset]:
  """Returns a data set of batches for each of the 3 clients."""
  return [
    tf.data.Dataset.from_tensor_slices(client).batch(batch_size)
    for client in arrays(num_examples)
  ]


def running_mean_body() -> tff.learning.models.FunctionalModel:
  """Returns a linear map of the mean of all rows up to each token."""
  kernel = np.random.default_rng(5).normal(size=[4, 4]).astype(np.float32)

  @tf.function
  def predict_on_batch(model_weights, x, training=True):
    del training
    (kernel,) = model_weights[0]
    count = tf.range(1.0, 1.0 + tf.cast(tf.shape(x)[1], tf.float32))
    mean = tf.cumsum(x, axis=1) / count[:, tf.newaxis]
    return tf.einsum('btd,de->bte', mean, kernel)

  return tff.learning.models.FunctionalModel(
    initial_weights=((kernel,), ()),
    predict_on_batch_fn=predict_on_batch,
    loss_fn=lambda output, label, sample_weight=None: tf.reduce_mean(output),
    input_spec=(
      tf.TensorSpec([None, None, DIMENSION], tf.float32),
      _TOKENS_SPEC[1],
    ),
  )


def token_model(
  label_roles: models.LabelRoles | None = None,
) -> models.RowModel:
  """Returns a model of 12 tokens, whose rows also embed the input."""
  return models.RowModel(
    running_mean_body(),
    rows(),
    biases=biases(),
    rows_embed_input=True,
    label_roles=label_roles,
    input_spec=_TOKENS_SPEC,
  )


def token_scores(known: Any = range(NUM_CLASSES)) -> np.ndarray:
  """Returns the scores of `TOKENS` under `token_model`, by numpy.

  Args:
    known: Tokens that are embedded by their rows; others are by zeros.

  Returns:
    `float64[2, 3, 12]`.
  """
  kernel = running_mean_body().initial_weights[0][0]
  embeddings = np.where(np.isin(np.arange(12), known)[:, None], rows(), 0)
  scores = np.zeros([2, 3, 12])
  for i, t in np.ndindex(2, 3):
    mean = sum(embeddings[token] for token in TOKENS[i, : t + 1]) / (t + 1)
    scores[i, t] = rows() @ (mean @ kernel) + biases()
  return scores


def token_datasets() -> list[tf.data.Dataset]:
  """Returns a data set of batches of sentences for each of 3 clients."""
  rng = np.random.default_rng(6)
  result = []
  for classes in CLASSES:
    sentences = rng.choice(classes, [6, 4]).astype(np.int32)
    result.append(
      tf.data.Dataset.from_tensor_slices(
        (sentences[:, :-1], sentences[:, 1:])
      ).batch(4)
    )
  return result


def purchases_model() -> models.RowModel:
  """Returns a model of 12 classes with two input tables.

  An example has the ids of items, of 9, padded by -1, and of its shop, of 5.
  """
  rng = np.random.default_rng(7)
  kernel = rng.normal(size=[3, DIMENSION]).astype(np.float32)

  @tf.function
  def predict_on_batch(model_weights, x, training=True):
    del training
    (kernel,) = model_weights[0]
    return tf.reduce_sum(x['items'], axis=1) @ kernel + x['shop']

  x = {
    'items': tf.TensorSpec([None, 3], tf.int32),
    'shop': tf.TensorSpec([None], tf.int64),
  }
  embedded = {
    'items': tf.TensorSpec([None, 3, 3], tf.float32),
    'shop': tf.TensorSpec([None, DIMENSION], tf.float32),
  }
  return models.RowModel(
    tff.learning.models.FunctionalModel(
      initial_weights=((kernel,), ()),
      predict_on_batch_fn=predict_on_batch,
      loss_fn=lambda output, label, sample_weight=None: tf.reduce_mean(output),
      input_spec=(embedded, _INPUT_SPEC[1]),
    ),
    rows(),
    input_tables={
      'items': models.InputTable(
        rng.normal(size=[9, 3]).astype(np.float32), 'items'
      ),
      'shops': models.InputTable(
        rng.normal(size=[5, DIMENSION]).astype(np.float32), 'shop'
      ),
    },
    input_spec=(x, _INPUT_SPEC[1]),
  )


def purchases() -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
  """Returns the examples of 3 clients: at most 6 items and 2 shops of each."""
  rng = np.random.default_rng(8)
  result = []
  for client, classes in enumerate(CLASSES):
    items = rng.integers(client, client + 6, [6, 3])
    items[::2, 2] = -1
    shop = rng.integers(client, client + 2, [6])
    y = np.resize(classes, 6).astype(np.int32)
    result.append(({'items': items.astype(np.int32), 'shop': shop}, y))
  return result


def purchase_datasets() -> list[tf.data.Dataset]:
  """Returns a data set of batches for each of the clients of `purchases`."""
  return [
    tf.data.Dataset.from_tensor_slices(client).batch(4)
    for client in purchases()
  ]


def sub_weights(
  model: models.RowModel, candidates: models.Candidates
) -> tuple[tuple, tuple]:
  """Returns the weights that a client with these candidates receives."""
  (*body_weights, table), constants = model.full_model().initial_weights
  of_candidates = tf.gather(table, tf.maximum(candidates.keys, 0))
  return (*body_weights, of_candidates), (*constants, *candidates)


def loss_and_gradients(
  model: tff.learning.models.FunctionalModel, weights: Any, x: Any, y: Any
) -> tuple[tf.Tensor, Any]:
  """Returns the loss of a batch, and the gradients of the trainable weights."""
  trainable, non_trainable = weights
  trainable = tf.nest.map_structure(tf.constant, trainable)
  with tf.GradientTape() as tape:
    tape.watch(trainable)
    output = model.predict_on_batch((trainable, non_trainable), x, True)
    loss = model.loss(output, y)
  return loss, tape.gradient(loss, trainable)


def metrics(
  model: tff.learning.models.FunctionalModel, weights: Any, batches: Any
) -> Any:
  """Returns the final metrics of batches `(x, y)`."""
  state = model.initialize_metrics_state()
  for x, y in batches:
    output = tff.learning.models.BatchOutput(
      loss=0.0,
      predictions=model.predict_on_batch(weights, x, False),
      num_examples=len(y),
    )
    state = model.update_metrics_state(state, y, output)
  return model.finalize_metrics(state)
