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

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks.text import text_models
from tasks.text import vocabulary as vocabulary_lib

_VOCABULARY = vocabulary_lib.Vocabulary([f'w{i}' for i in range(30)])
_MODELS = {'transformer': text_models.transformer, 'lstm': text_models.lstm}


class RowModelsTest(tf.test.TestCase, parameterized.TestCase):
  @parameterized.parameters('transformer', 'lstm')
  def test_weights_follow_from_the_seed(self, name):
    tf.random.set_seed(1)
    first, again, other = (
      _MODELS[name](seed, _VOCABULARY).full_model().initial_weights[0]
      for seed in (0, 0, 1)
    )
    for a, b, c in zip(first, again, other, strict=True):
      self.assertAllEqual(a, b)
      if a.ndim > 1:
        self.assertNotAllClose(a, c)

  def test_names_of_weights(self):
    names = text_models.weight_names('transformer', 2)
    self.assertLen(set(names), 1 + 2 * 12 + 1)
    self.assertEqual(names.index('qkv_2'), 13)

  @parameterized.parameters('transformer', 'lstm')
  def test_untied_model_of_equal_tables_is_the_tied_one(self, name):
    tied, untied = (
      _MODELS[name](0, _VOCABULARY, is_tied=is_tied)
      for is_tied in (True, False)
    )
    self.assertEqual(
      list(untied.table_shapes), [text_models.INPUT_TABLE, 'rows']
    )
    full_tied, full_untied = tied.full_model(), untied.full_model()
    (*body, table), constants = full_tied.initial_weights
    (*_, tokens, _), _ = full_untied.initial_weights
    self.assertNotAllClose(tokens, table)
    x = np.arange(20, dtype=np.int32)[np.newaxis] % len(table)
    self.assertAllClose(
      full_untied.predict_on_batch(
        ((*body, table, table), constants), x, False
      ),
      full_tied.predict_on_batch(((*body, table), constants), x, False),
      atol=1e-5,
    )
    names = text_models.weight_names(name, is_tied=False)
    self.assertLen(names, len(body) + 2)

  @parameterized.parameters('transformer', 'lstm')
  def test_rows_have_length_one(self, name):
    model = _MODELS[name](
      0, vocabulary_lib.Vocabulary(list(map(str, range(999))))
    )
    self.assertEqual((model.num_classes, model.row_size), (1003, 96))
    lengths = np.linalg.norm(model.full_model().initial_weights[0][-1], axis=1)
    if name == 'lstm':
      self.assertAllClose(lengths, np.ones(1003), atol=1e-6)
    else:
      self.assertAllClose(lengths.mean(), 1.0, atol=0.02)

  def test_lstm_ignores_the_length_of_rows(self):
    model = text_models.lstm(0, _VOCABULARY).full_model()
    (*body, rows), constants = model.initial_weights
    x = np.random.default_rng(0).integers(34, size=[2, 20]).astype(np.int32)
    scores = [
      model.predict_on_batch(((*body, scale * rows), constants), x, False)
      for scale in (1.0, 3.0)
    ]
    self.assertAllClose(scores[0], scores[1], atol=1e-5)
    self.assertEqual(scores[0].shape, (2, 20, 34))

  @parameterized.parameters(
    # All of `w0 w1 <other> w2 <end>` are predicted; three words are scored.
    ('transformer', 5, 3 / 3),
    # The out-of-vocabulary word is an error; the end counts.
    ('lstm', 5, 4 / 5),
  )
  def test_accuracy_of_perfect_predictions(self, name, examples, accuracy):
    model = _MODELS[name](0, _VOCABULARY).full_model()
    _, y = _VOCABULARY.encode(tf.constant(['w0 w1 other w2']))
    state = model.update_metrics_state(
      model.initialize_metrics_state(),
      y,
      tff.learning.models.BatchOutput(predictions=10.0 * tf.one_hot(y, 34)),
    )
    metrics = model.finalize_metrics(state)
    self.assertEqual(metrics['num_examples'], examples)
    self.assertAllClose(metrics['accuracy'], accuracy)


if __name__ == '__main__':
  tf.test.main()
