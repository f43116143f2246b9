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

import os
import pathlib
import sysconfig
import tempfile
from unittest import mock

from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from programs.training import evaluation
import tasks
from tasks.text import ngram_baselines
from tests.tasks import data_files

# From 'a' to 'h', each word predicts the next one.
_TEXT = '\n'.join(['a b c d', 'b c d e f', 'e f g h', 'c d'] * 5)
_ROWS = [
  ('ann', 'train', _TEXT),
  ('bob', 'train', _TEXT + '\nx y'),
  ('bob', 'test', 'a b c\nz h'),
]
_OPTIONS = tasks.TaskOptions(vocab_size=8, batch_size=4, ffn_dim=32)
_LSTM = tasks.TaskOptions(vocab_size=8, batch_size=4, token_model='lstm')


class _IrcTestCase(tf.test.TestCase, parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory())
    data_files.write_irc(cls.dir, _ROWS)

  @classmethod
  def build(cls, options=_OPTIONS, name='irc', **kwargs):
    kwargs = {'data_dir': cls.dir} | kwargs
    return tasks.build_task(
      name,
      cache_dir=os.path.join(cls.dir, 'cache'),
      options=options,
      **kwargs,
    )


def _train_data(task):
  return task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)


class TextTaskTest(_IrcTestCase):
  def test_clients_have_their_sentences(self):
    task = self.build()
    self.assertIsInstance(task, tasks.RowTask)
    self.assertIsNone(task.retrieval)
    # Words, in the order of their frequency; not the four special ids.
    self.assertEqual(task.classes_by_frequency, range(1, 9))
    train_data = _train_data(task)
    self.assertEqual(train_data.client_ids, ['ann', 'bob'])
    self.assertEqual(
      train_data.dataset_computation.type_signature.compact_representation(),
      '(str -> <int32[?,20],int32[?,20]>*)',
    )
    batches = list(train_data.create_tf_dataset_for_client('bob'))
    self.assertEqual([len(y) for _, y in batches], [4] * 5 + [1])
    y = np.concatenate([y for _, y in batches])
    # 'c' and 'd' are in 30 sentences, so they are 1 and 2; 11 is the end.
    self.assertEqual(np.sum(np.all(y[:, :4] == [1, 2, 11, 0], axis=1)), 5)
    self.assertEqual(np.sum(np.all(y[:, :4] == [9, 9, 11, 0], axis=1)), 1)

  def test_clients_use_256_sentences_by_default(self):
    directory = self.enterContext(tempfile.TemporaryDirectory())
    rows = [('ann', 'train', 'a b\n' * 300), ('bob', 'test', 'a')]
    data_files.write_irc(directory, rows)
    for limit, expected in ((None, 256), (300, 300)):
      options = tasks.TaskOptions(vocab_size=2, max_client_examples=limit)
      train_data = _train_data(self.build(options, data_dir=directory))
      sizes = [
        len(y) for _, y in train_data.create_tf_dataset_for_client('ann')
      ]
      self.assertEqual((sizes[0], sum(sizes)), (16, expected))

  def test_vocabularies_share_a_file(self):
    self.build()
    before = os.listdir(os.path.join(self.dir, 'cache'))
    task = self.build(tasks.TaskOptions(vocab_size=3), seed=1)
    self.assertEqual(os.listdir(os.path.join(self.dir, 'cache')), before)
    self.assertEqual(task.row_model.num_classes, 7)

  def test_accuracies_without_training_are_kept(self):
    found = [self.build(o).baselines_fn() for o in (_OPTIONS, _LSTM)]
    # Ends of sentences count for the LSTM alone.
    self.assertNotEqual(*found)
    with mock.patch.object(ngram_baselines, 'accuracies') as accuracies:
      again = [self.build(o).baselines_fn() for o in (_OPTIONS, _LSTM)]
      accuracies.assert_not_called()
    self.assertEqual(again, found)

  @parameterized.named_parameters(('transformer', _OPTIONS), ('lstm', _LSTM))
  def test_row_model_has_the_weights_of_the_model(self, options):
    task = self.build(options)
    model = task.model_fn()
    trainable, constants = task.row_model.full_model().initial_weights
    for a, b in zip(trainable, model.trainable_variables, strict=True):
      self.assertAllEqual(a, b)
    self.assertEmpty(constants)
    self.assertEmpty(model.non_trainable_variables)
    self.assertIs(task.row_model, task.row_model)
    self.assertEqual(task.row_model.input_spec, model.input_spec)
    self.assertEqual(trainable[-1].shape, (12, 96))

  def test_python_tokens_reads_the_standard_library(self):
    library = self.enterContext(tempfile.TemporaryDirectory())
    for i in range(40):
      pathlib.Path(library, f'm{i}.py').write_text('x = y(z)\n' * 8)
    with mock.patch.object(
      sysconfig, 'get_paths', return_value={'stdlib': library}
    ):
      options = tasks.TaskOptions(vocab_size=7)
      task = self.build(options, 'python_tokens', data_dir=None)
    train_data = _train_data(task)
    self.assertBetween(len(train_data.client_ids), 30, 39)
    client_id = train_data.client_ids[0]
    ((_, y),) = train_data.create_tf_dataset_for_client(client_id)
    self.assertEqual(np.sum(y > 0), 7 * 8 + 1)  # And an end.

  def test_shakespeare_clients_are_speakers(self):
    lines = 'a b\n' * 10
    data_files.write_shakespeare(self.dir, [('p/X', lines), ('q/X', lines)])
    task = self.build(tasks.TaskOptions(vocab_size=2), 'shakespeare')
    self.assertEqual(task.datasets.train_data.client_ids, ['p/X', 'q/X'])
    ((x, _),) = task.datasets.get_centralized_test_data()
    self.assertAllEqual(x[:, :4], [[4, 1, 2, 5]] * 2)

  @parameterized.named_parameters(
    ('no_data', {'data_dir': None}, "'irc' expects `data_dir`"),
    (
      'stray_data',
      {'name': 'python_tokens'},
      "'python_tokens' takes no `data_dir`",
    ),
    (
      'vocabulary',
      {'options': tasks.TaskOptions()},
      "at most 10, .* distinct tokens of the clients of 'irc', found 10000",
    ),
    (
      'option',
      {'options': tasks.TaskOptions(num_clients=3)},
      'found `num_clients=3`',
    ),
    (
      'ffn_dim',
      {'options': tasks.TaskOptions(token_model='lstm', ffn_dim=8)},
      "`ffn_dim` needs `token_model='transformer'`, found `token_model='lstm'`",
    ),
  )
  def test_invalid_arguments_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message) as caught:
      self.build(**kwargs)
    self.assertNotIn('\n', str(caught.exception))


class TrainingTest(_IrcTestCase):
  @parameterized.named_parameters(
    # The Transformer's accuracy excludes ends of sentences.
    ('transformer', _OPTIONS, 0.3, lambda y: (y > 0) & (y < 9)),
    ('lstm', _LSTM, 1.0, lambda y: y > 0),
  )
  @pytest.mark.slow
  def test_rounds_learn_and_count_tokens(self, options, rate, is_scored):
    task = self.build(options)
    evaluate = evaluation.Evaluation(task)
    train_data = _train_data(task)
    process = tff.simulation.compose_dataset_computation_with_learning_process(
      train_data.dataset_computation,
      tff.learning.algorithms.build_weighted_fed_avg(
        task.model_fn, tff.learning.optimizers.build_sgdm(rate)
      ),
    )
    state, losses = process.initialize(), []
    for _ in range(6):
      output = process.next(state, ['ann', 'bob'])
      state = output.state
      losses.append(output.metrics['client_work']['train']['loss'])
    train_metrics = output.metrics['client_work']['train']
    # Each client has 75 words and 20 ends of sentences; 'x y' adds 3 tokens.
    self.assertEqual(train_metrics['num_examples'], 2 * (75 + 20) + 3)
    self.assertLess(losses[-1], 0.8 * losses[0])
    weights = process.get_model_weights(state)
    metrics = evaluate(weights)
    ((x, y),) = task.datasets.get_centralized_test_data()
    loss, is_correct = self._by_hand(task, weights, x, y)
    self.assertEqual(metrics['num_examples'], 7)
    self.assertAllClose(metrics['loss'], loss, rtol=1e-4)
    scored = is_scored(y.numpy())
    expected = np.mean((is_correct & (y != 9))[scored])
    self.assertAllClose(metrics['accuracy'], expected)
    self.assertGreater(metrics['accuracy'], 0.2)
    # Evaluations do not depend on earlier ones.
    self.assertEqual(evaluate(weights), metrics)

  def _by_hand(self, task, weights, x, y):
    model = task.model_fn()
    for variable, value in zip(
      model.trainable_variables, weights.trainable, strict=True
    ):
      variable.assign(value)
    logits = model.predict_on_batch(x, training=False).numpy()
    probabilities = np.exp(logits.astype(np.float64))
    probabilities /= probabilities.sum(-1, keepdims=True)
    losses = -np.log(np.take_along_axis(probabilities, y.numpy()[..., None], 2))
    return losses[y > 0].mean(), logits.argmax(-1) == y


if __name__ == '__main__':
  tf.test.main()
