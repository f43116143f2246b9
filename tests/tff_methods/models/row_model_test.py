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
import collections

from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import models
from tff_methods import retrieval
from tff_methods.models import candidates as candidates_lib

_X, _Y = row_models.arrays()[0]
_CLASSES = row_models.CLASSES[0]
_KERAS_SPEC = (
  tf.TensorSpec([None, 3], tf.float32),
  tf.TensorSpec([None], tf.int64),
)
_TOKENS = np.array([[3, 0, 7], [7, 7, 11]], np.int32)


def _sample(num_candidates, classes=_CLASSES, **kwargs):
  return retrieval.sample_candidates(
    tf.constant([1, 2]),
    tf.constant(classes, tf.int32),
    row_models.NUM_CLASSES,
    num_candidates,
    **kwargs,
  )


def _sub_weights(model, candidates):
  """Returns the weights that a client with these candidates gets."""
  (*body, table), constants = model.full_model().initial_weights
  rows = tf.gather(table, tf.maximum(candidates.keys, 0))
  return (*body, rows), (*constants, *candidates)


def _loss_and_gradients(model, trainable, non_trainable, x=_X, y=_Y):
  trainable = tf.nest.map_structure(tf.constant, trainable)
  with tf.GradientTape() as tape:
    tape.watch(trainable)
    output = model.predict_on_batch((trainable, non_trainable), x, True)
    loss = model.loss(output, y)
  return loss, tape.gradient(loss, trainable)


def _metrics(model, weights, batches):
  state = model.initialize_metrics_state()
  for x, y in batches:
    output = tff.learning.models.BatchOutput(
      loss=0.0,
      predictions=model.predict_on_batch(weights, x, False),
      num_examples=len(y),
    )
    state = model.update_metrics_state(state, y, output)
  return model.finalize_metrics(state)


def _run_in_graph(model, x):
  """Returns what a model predicts at first, also if it is of Keras."""
  with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    weights = tf.nest.map_structure(tf.constant, model.initial_weights)
    return session.run(model.predict_on_batch(weights, tf.constant(x), False))


def _token_scores(known):
  """Returns scores by numpy, of tokens of which some have a row of zeros."""
  kernel = row_models.running_mean_body().initial_weights[0][0]
  rows = np.where(np.isin(np.arange(12), known)[:, None], row_models.rows(), 0)
  scores = np.zeros([2, 3, 12])
  for i, t in np.ndindex(2, 3):
    mean = sum(rows[token] for token in _TOKENS[i, : t + 1]) / (t + 1)
    scores[i, t] = row_models.rows() @ (mean @ kernel) + row_models.biases()
  return scores


class RowModelTest(parameterized.TestCase, tf.test.TestCase):
  def test_table_has_biases_as_its_last_column(self):
    plain = row_models.row_model()
    with_biases = row_models.row_model(biases=row_models.biases())
    self.assertEqual([plain.num_classes, plain.dimension], [12, 4])
    self.assertEqual([plain.row_size, with_biases.row_size], [4, 5])
    *body, table = with_biases.full_model().initial_weights[0]
    for x, y in zip(body, row_models.body().initial_weights[0], strict=True):
      self.assertAllEqual(x, y)
    self.assertAllEqual(table[:, :4], row_models.rows())
    self.assertAllEqual(table[:, 4], row_models.biases())

  @parameterized.parameters(False, True)
  def test_full_model_scores_all_classes(self, has_biases):
    biases = row_models.biases() if has_biases else None
    model = row_models.row_model(biases=biases).full_model()
    scores = model.predict_on_batch(model.initial_weights, _X, False)
    for i, embedding in enumerate(row_models.embed(_X)):
      expected = [float(embedding @ row) for row in row_models.rows()]
      expected += row_models.biases() if has_biases else np.zeros(12)
      self.assertAllClose(scores[i], expected, atol=1e-5)

  def test_embed_is_the_output_of_the_body(self):
    model = row_models.row_model()
    embeddings = model.embed(model.full_model().initial_weights, _X)
    self.assertAllClose(embeddings, row_models.embed(_X))

  def test_full_loss_and_metrics_are_those_of_keras(self):
    model = row_models.row_model().full_model()
    scores = model.predict_on_batch(model.initial_weights, _X, False)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = tf.keras.metrics.SparseCategoricalAccuracy()
    # What scores best is right, but for the last example.
    labels = tf.argmax(scores, -1).numpy()
    labels[-1] = (labels[-1] + 1) % 12
    accuracy.update_state(labels, scores)
    self.assertNear(model.loss(scores, labels), loss(labels, scores), 1e-5)
    batches = [(_X[:5], labels[:5]), (_X[5:], labels[5:])]
    metrics = _metrics(model, model.initial_weights, batches)
    self.assertNear(metrics['loss'], loss(labels, scores), 1e-5)
    self.assertNear(metrics['accuracy'], accuracy.result(), 1e-6)
    self.assertEqual(metrics['accuracy'], 7 / 8)
    self.assertEqual(metrics['num_examples'], 8)
    self.assertEqual(metrics['num_excluded_examples'], 0)

  def test_input_spec_may_be_a_mapping(self):
    x, y = row_models.body().input_spec
    model = row_models.row_model(input_spec=collections.OrderedDict(x=x, y=y))
    batch = collections.OrderedDict(x=_X, y=_Y)
    self.assertAllEqual(model.classes_in(batch), _Y)
    self.assertEqual(model.full_model().input_spec, model.input_spec)

  def test_classes_in_a_batch(self):
    model = row_models.row_model()
    self.assertAllEqual(model.classes_in((_X, _Y.astype(np.int64))), _Y)
    self.assertEqual(model.classes_in((_X, _Y)).dtype, tf.int64)
    # Not 0, as it would be in 32 bits.
    self.assertAllEqual(model.classes_in((_X[:1], [2**32])), [2**32])
    labels = _TOKENS + 1
    self.assertAllEqual(
      sorted(row_models.token_model().classes_in((_TOKENS, labels)).numpy()),
      sorted([*_TOKENS.ravel(), *labels.ravel()]),
    )

  @parameterized.named_parameters(
    ('body', 'rows', TypeError, 'FunctionalModel for the body, found str'),
    ('similarity', 'cosine', TypeError, 'function.*found str: give DotProduct'),
    ('rows', np.zeros([12]), ValueError, r'rows of shape.*found \[12\]'),
    ('biases', np.zeros([11]), ValueError, r'each of 12 rows, found.*\[11\]'),
    ('rows_embed_input', True, ValueError, 'Expected input_spec.*found none'),
  )
  def test_bad_arguments_raise(self, value, error, message):
    name = self._testMethodName.removeprefix('test_bad_arguments_raise_')
    arguments = dict(body=row_models.body(), rows=row_models.rows())
    with self.assertRaisesRegex(error, message):
      models.RowModel(**(arguments | {name: value}))

  def test_no_rows_raise(self):
    for shape in ([0, 4], [12, 0]):
      with self.assertRaisesRegex(ValueError, 'number of classes, dimension'):
        models.RowModel(row_models.body(), np.zeros(shape))

  @parameterized.named_parameters(
    (
      'labels',
      dict(input_spec=(_KERAS_SPEC[0], tf.TensorSpec([None], tf.float32))),
      TypeError,
      'labels to be integers, found.*float32',
    ),
    (
      'tokens',
      dict(input_spec=_KERAS_SPEC, rows_embed_input=True),
      TypeError,
      'examples of integers with rows_embed_input, found.*float32',
    ),
    (
      'dimension',
      dict(rows=np.zeros([12, 7])),
      ValueError,
      r'embeddings of shape \[None, 7\].*rows of 7 numbers, found \(None, 4\)',
    ),
    (
      'label_shape',
      dict(
        input_spec=(
          tf.TensorSpec([None, 6], tf.float32),
          tf.TensorSpec([None, 1], tf.int32),
        )
      ),
      ValueError,
      r'labels of shape \[None, 1\].*found \(None, 4\)',
    ),
  )
  def test_bad_specs_raise(self, kwargs, error, message):
    arguments = dict(body=row_models.body(), rows=row_models.rows())
    with self.assertRaisesRegex(error, message):
      models.RowModel(**(arguments | kwargs))


class SubModelTest(parameterized.TestCase, tf.test.TestCase):
  def test_weights_are_of_the_candidates(self):
    model = row_models.row_model(biases=row_models.biases())
    (*body, rows), constants = model.sub_model(5).initial_weights
    self.assertLen(body, 2)
    self.assertAllEqual(rows, np.zeros([5, 5]))
    for x, dtype in zip(constants, (np.int32, np.float32, bool), strict=True):
      self.assertEqual((x.shape, x.dtype), ((5,), dtype))

  def test_candidates_of_weights(self):
    model = row_models.row_model()
    candidates = _sample(5)
    trainable, non_trainable = _sub_weights(model, candidates)
    found = model.candidates_of(
      tff.learning.models.ModelWeights(trainable, ('of_body', *non_trainable))
    )
    for x, y in zip(found, candidates, strict=True):
      self.assertAllEqual(x, y)

  @parameterized.parameters(False, True)
  def test_with_all_classes_is_the_full_model(self, has_biases):
    model = row_models.row_model(
      biases=row_models.biases() if has_biases else None,
      similarity=models.ScaledCosine(7.0),
    )
    full, sub = model.full_model(), model.sub_model(12)
    expected = _loss_and_gradients(full, *full.initial_weights)
    found = _loss_and_gradients(sub, *_sub_weights(model, _sample(12)))
    self.assertAllClose(found, expected, atol=1e-6)

  def test_scores_are_of_the_candidates(self):
    model = row_models.row_model(biases=row_models.biases())
    candidates = _sample(5)
    sub = model.sub_model(5)
    output = sub.predict_on_batch(_sub_weights(model, candidates), _X, False)
    full = model.full_model()
    scores = full.predict_on_batch(full.initial_weights, _X, False).numpy()
    self.assertIsInstance(output, models.SubModelOutput)
    for column, key in enumerate(candidates.keys.numpy()):
      # Two of the nine classes that the client does not hold are drawn.
      added = 0.0 if key in _CLASSES else np.log(9 / 2)
      self.assertAllClose(output.logits[:, column], scores[:, key] + added)

  @parameterized.product(
    use_other_positives=(False, True), has_biases=(False, True)
  )
  def test_padded_rows_get_no_gradient_at_all(
    self, use_other_positives, has_biases
  ):
    model = row_models.row_model(
      biases=row_models.biases() if has_biases else None
    )
    sub = model.sub_model(7, use_other_positives=use_other_positives)
    candidates = _sample(7, with_negatives=False)
    self.assertAllEqual(candidates.keys, [-1, -1, -1, -1, *_CLASSES])
    loss, gradients = _loss_and_gradients(sub, *_sub_weights(model, candidates))
    *_, of_rows = gradients
    self.assertAllEqual(of_rows[:4], np.zeros([4, model.row_size]))
    self.assertEqual(loss > 0, use_other_positives)
    self.assertEqual(np.any(of_rows[4:] != 0), use_other_positives)

  def test_other_positives_push_or_not(self):
    model = row_models.row_model()
    candidates = _sample(6)
    weights = _sub_weights(model, candidates)
    # Of one example, which is of class 0.
    for is_pushed in (True, False):
      sub = model.sub_model(6, use_other_positives=is_pushed)
      _, gradients = _loss_and_gradients(sub, *weights, _X[:1], _Y[:1])
      has_gradient = np.any(gradients[-1].numpy() != 0, axis=1)
      is_other = np.isin(candidates.keys, _CLASSES[1:])
      self.assertAllEqual(has_gradient, is_pushed | ~is_other)

  def test_examples_without_their_class_count_but_do_not_train(self):
    model = row_models.row_model()
    # Classes 2 and 7 of 0, 2 and 7: six examples of eight are of class 0 or 2.
    candidates = _sample(3, classes=(2, 7))
    is_known = np.isin(_Y, candidates.keys)
    self.assertAllEqual(is_known, _Y != 0)
    sub, weights = model.sub_model(3), _sub_weights(model, candidates)
    loss, gradients = _loss_and_gradients(sub, *weights)
    expected, known_gradients = _loss_and_gradients(
      sub, *weights, _X[is_known], _Y[is_known]
    )
    # The mean is over all examples of the batch.
    part = is_known.mean()
    self.assertNear(loss, part * expected, 1e-6)
    for x, y in zip(gradients, known_gradients, strict=True):
      self.assertAllClose(x, part * y)
    metrics = _metrics(sub, weights, [(_X[:3], _Y[:3]), (_X[3:], _Y[3:])])
    self.assertNear(metrics['loss'], expected, 1e-5)
    self.assertEqual(metrics['num_examples'], 8)
    self.assertEqual(metrics['num_excluded_examples'], np.sum(_Y == 0))

  def test_accuracy_is_among_the_candidates(self):
    model = row_models.row_model()
    candidates = _sample(5)
    sub, weights = model.sub_model(5), _sub_weights(model, candidates)
    # Of the scores themselves: corrected ones favour negatives.
    scores = row_models.embed(_X) @ row_models.rows()[candidates.keys].T
    best = np.argmax(scores, axis=1)
    logits = sub.predict_on_batch(weights, _X, False).logits
    self.assertNotAllEqual(best, tf.argmax(logits, axis=1))
    labels = tf.gather(candidates.keys, best).numpy()
    labels[0] = candidates.keys[0 if best[0] else 1]
    metrics = _metrics(sub, weights, [(_X, labels)])
    self.assertEqual(metrics['accuracy'], 7 / 8)
    # Without a single example, there is nothing to divide by.
    metrics = _metrics(sub, weights, [])
    self.assertEqual((metrics['loss'], metrics['accuracy']), (0.0, 0.0))

  @parameterized.parameters(
    (0, ValueError, 'num_candidates of at least 1, found 0'),
    (13, ValueError, 'num_candidates of at most 12, the number.*found 13'),
    (2.0, TypeError, 'num_candidates to be an int, found float'),
  )
  def test_bad_number_of_candidates_raises(self, value, error, message):
    with self.assertRaisesRegex(error, message):
      row_models.row_model().sub_model(value)


class RowsEmbedInputTest(tf.test.TestCase):
  def test_full_model_embeds_tokens_by_rows(self):
    model = row_models.token_model()
    self.assertTrue(model.rows_embed_input)
    full = model.full_model()
    scores = full.predict_on_batch(full.initial_weights, _TOKENS, False)
    self.assertAllClose(scores, _token_scores(range(12)), atol=1e-5)

  def test_sub_model_with_all_classes_is_the_full_model(self):
    model = row_models.token_model()
    full, sub = model.full_model(), model.sub_model(12)
    candidates = _sample(12, np.unique(_TOKENS))
    labels = np.roll(_TOKENS, -1, axis=1)
    expected = _loss_and_gradients(
      full, *full.initial_weights, x=_TOKENS, y=labels
    )
    found = _loss_and_gradients(
      sub, *_sub_weights(model, candidates), x=_TOKENS, y=labels
    )
    self.assertAllClose(found, expected, atol=1e-5)
    # Rows get a gradient as embeddings and as classes, biases as the latter.
    self.assertEqual(found[1][-1].shape, [12, 5])

  def test_tokens_that_are_no_candidates_are_embedded_by_zeros(self):
    model = row_models.token_model()
    candidates = candidates_lib.Candidates(
      tf.constant([-1, 3, 11]), tf.zeros([3]), tf.constant([False, True, True])
    )
    sub = model.sub_model(3)
    output = sub.predict_on_batch(
      _sub_weights(model, candidates), _TOKENS, False
    )
    expected = _token_scores([3, 11])[:, :, [3, 11]]
    self.assertAllClose(output.logits[:, :, 1:], expected, atol=1e-5)


class LabelRolesTest(parameterized.TestCase, tf.test.TestCase):
  _LABELS = np.int32([[7, 2, 0], [5, 0, 0]])

  def _model(self):
    return row_models.token_model(
      models.LabelRoles(padding=0, unscored=(2,), never_correct=(5,))
    )

  def test_padding_is_no_example(self):
    full = self._model().full_model()
    loss, gradients = _loss_and_gradients(
      full, *full.initial_weights, x=_TOKENS, y=self._LABELS
    )
    scores = tf.constant(_token_scores(range(12)), tf.float32)
    expected = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)(
      [7, 2, 5], tf.stack([scores[0, 0], scores[0, 1], scores[1, 0]])
    )
    self.assertAllClose(loss, expected, rtol=1e-5)
    # What pads follow others: of a model that looks back, nothing is left.
    truncated = _loss_and_gradients(
      full, *full.initial_weights, x=_TOKENS[:, :2], y=self._LABELS[:, :2]
    )
    self.assertAllClose(gradients, truncated[1], atol=1e-6)

  def test_metrics_by_role(self):
    model = self._model().full_model()
    weights = model.initial_weights
    best = _token_scores(range(12)).argmax(axis=-1)
    other = np.where(best == 8, 9, 8)
    self.assertNoCommonElements(set(best.flat), {0, 2, 5})
    labels = best.copy()
    labels[0, 0], labels[1, 1], labels[1, 2] = other[0, 0], 2, 0
    metrics = _metrics(model, weights, [(_TOKENS, labels)])
    # Six places: one of padding, one unscored, one of the four others wrong.
    self.assertEqual(metrics['num_examples'], 5)
    self.assertEqual(metrics['num_excluded_examples'], 0)
    self.assertAllClose(metrics['accuracy'], 3 / 4)

  def test_never_correct_even_where_predicted(self):
    best = _token_scores(range(12)).argmax(axis=-1)
    wrong = int(best[0, 0])
    model = row_models.token_model(
      models.LabelRoles(never_correct=(wrong,))
    ).full_model()
    metrics = _metrics(model, model.initial_weights, [(_TOKENS, best)])
    self.assertAllClose(metrics['accuracy'], np.mean(best != wrong))

  def test_padding_asks_for_no_rows(self):
    model = self._model()
    classes = model.classes_in((_TOKENS, self._LABELS))
    self.assertCountEqual(classes.numpy(), [3, 7, 7, 7, 11, 7, 2, 5])

  @parameterized.named_parameters(
    ('not_a_class', dict(padding=12), 'below 12, found 12'),
    ('negative', dict(unscored=(-1,)), 'at least 0.*found -1'),
    ('two', dict(padding=3, never_correct=(3,)), 'one role for each label'),
  )
  def test_wrong_roles(self, roles, message):
    with self.assertRaisesRegex(ValueError, message):
      row_models.token_model(models.LabelRoles(**roles))


class RowModelFromKerasTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    (
      'row_layer',
      lambda: models.RowLayer(7, models.ScaledCosine(5.0)),
      4,
    ),
    (
      'dense',
      lambda: tf.keras.layers.Dense(7, bias_initializer='normal'),
      5,
    ),
    (
      'dense_without_bias',
      lambda: tf.keras.layers.Dense(7, use_bias=False),
      4,
    ),
  )
  def test_scores_what_keras_scores(self, layer_fn, row_size):
    body = tf.keras.Sequential(
      [
        tf.keras.layers.InputLayer([3]),
        tf.keras.layers.Dense(5, 'relu', bias_initializer='normal'),
        tf.keras.layers.Dense(4),
      ]
    )
    layer = layer_fn()
    # Keras models are of no use once others were made in graphs.
    expected, body_weights = layer(body(_X[:, :3])), body.get_weights()
    model = models.row_model_from_keras(body, layer, input_spec=_KERAS_SPEC)
    self.assertEqual((model.num_classes, model.row_size), (7, row_size))
    full = model.full_model()
    self.assertAllClose(_run_in_graph(full, _X[:, :3]), expected, atol=1e-5)
    *weights, table = full.initial_weights[0]
    for x, y in zip(weights, body_weights, strict=True):
      self.assertAllEqual(x, y)
    self.assertEqual(table.shape, (7, row_size))

  def test_weights_are_in_the_order_of_a_keras_model(self):
    body = tf.keras.Sequential(
      [tf.keras.layers.InputLayer([3]), tf.keras.layers.Dense(4)]
    )
    layer = models.RowLayer(7, models.DotProduct())
    keras = tf.keras.Sequential([tf.keras.layers.InputLayer([3]), body, layer])
    model = models.row_model_from_keras(
      lambda: tf.keras.models.clone_model(body), layer, input_spec=_KERAS_SPEC
    )
    self.assertEqual(
      [x.shape for x in model.full_model().initial_weights[0]],
      [x.shape for x in keras.trainable_weights],
    )

  def test_embedding_and_recurrent_body_score_what_keras_scores(self):
    embedding = tf.keras.layers.Embedding(12, 4)
    gru = tf.keras.layers.GRU(4, return_sequences=True, unroll=True)
    embedded = embedding(_TOKENS)
    expected = tf.linalg.matmul(
      gru(embedded), embedding.embeddings, transpose_b=True
    )
    inputs = tf.keras.Input([3, 4])
    model = models.row_model_from_keras(
      tf.keras.Model(inputs, gru(inputs)),
      embedding,
      input_spec=2 * (tf.TensorSpec([None, 3], tf.int32),),
      rows_embed_input=True,
    )
    scores = _run_in_graph(model.full_model(), _TOKENS)
    self.assertAllClose(scores, expected, atol=1e-5)

  @parameterized.named_parameters(
    (
      'no_row_layer',
      tf.keras.layers.Flatten(),
      TypeError,
      'RowLayer, Dense or Embedding.*found Flatten: make',
    ),
    (
      'not_built',
      tf.keras.layers.Dense(7),
      TypeError,
      r'found Dense, not built: make one, and call its build\(\)',
    ),
  )
  def test_bad_layers_raise(self, layer, error, message):
    body = tf.keras.Sequential([tf.keras.layers.InputLayer([3])])
    with self.assertRaisesRegex(error, message):
      models.row_model_from_keras(body, layer, input_spec=_KERAS_SPEC)

  @parameterized.product(
    to_body=(lambda m: m, lambda m: lambda: m),
    layer=('LSTM', 'BatchNormalization'),
  )
  def test_layers_that_tff_cannot_run_raise(self, to_body, layer):
    layers = {
      'LSTM': tf.keras.layers.LSTM(4, return_sequences=True),
      'BatchNormalization': tf.keras.layers.BatchNormalization(),
    }
    messages = {
      'LSTM': 'found LSTM .*unroll=True',
      'BatchNormalization': 'no batch normalization.*take GroupNormalization',
    }
    body = tf.keras.Sequential(
      [tf.keras.layers.InputLayer((3, 4)), layers[layer]]
    )
    embedding = tf.keras.layers.Embedding(12, 4)
    embedding.build(None)
    with self.assertRaisesRegex(ValueError, messages[layer]):
      models.row_model_from_keras(
        to_body(body),
        embedding,
        input_spec=2 * (tf.TensorSpec([None, 3], tf.int32),),
        rows_embed_input=True,
      )

  def test_activation_raises(self):
    layer = tf.keras.layers.Dense(7, 'softmax')
    layer.build([None, 3])
    body = tf.keras.Sequential([tf.keras.layers.InputLayer([3])])
    with self.assertRaisesRegex(ValueError, 'activation.*found softmax'):
      models.row_model_from_keras(body, layer, input_spec=_KERAS_SPEC)


class GradientNoiseTest(tf.test.TestCase):
  @pytest.mark.slow
  def test_falls_as_candidates_grow(self):
    row_model = row_models.row_model()
    (x, y), *_ = row_models.arrays()
    positives = tf.constant(np.unique(y))
    (kernel, bias), _ = row_models.body().initial_weights

    def gradient(model, rows, constants):
      weights = [tf.constant(kernel), tf.constant(bias), rows]
      with tf.GradientTape() as tape:
        tape.watch(weights)
        output = model.predict_on_batch((tuple(weights), constants), x)
        loss = model.loss(output, y)
      return tape.gradient(loss, weights[0])

    rows = tf.constant(row_models.rows())
    full = gradient(row_model.full_model(), rows, ())
    noise = []
    for k in (4, 6, 9, 12):
      model = row_model.sub_model(k)
      errors = []
      for i in range(200):
        candidates = retrieval.sample_candidates(
          tf.constant([i, k]), positives, row_models.NUM_CLASSES, k
        )
        sampled = gradient(model, tf.gather(rows, candidates.keys), candidates)
        errors.append(tf.norm(sampled - full))
      noise.append(np.mean(errors) / tf.norm(full).numpy())
    self.assertAllGreater(-np.diff(noise), 0.02)
    self.assertAllClose(noise[-1], 0.0, atol=1e-5)


if __name__ == '__main__':
  tf.test.main()
