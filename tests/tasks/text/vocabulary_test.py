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

from tasks.text import vocabulary as vocabulary_lib

_WORDS = ['the', 'of', '(', '<newline>', 'ä', 'self']


class VocabularyTest(tf.test.TestCase, parameterized.TestCase):
  def test_sorts_by_frequency_then_code_points(self):
    sentences = [['b', 'c', 'a'], ['c', 'Z'], ['b', 'd', 'b']]
    self.assertEqual(
      vocabulary_lib.by_frequency(sentences), ['b', 'c', 'Z', 'a', 'd']
    )

  def test_ids_have_the_order_of_tffs_baselines(self):
    vocabulary = vocabulary_lib.Vocabulary(_WORDS)
    self.assertEqual([vocabulary.padding, vocabulary.out_of_vocabulary], [0, 7])
    self.assertEqual([vocabulary.beginning, vocabulary.end], [8, 9])
    self.assertEqual(vocabulary.num_classes, 10)
    self.assertLen(vocabulary.names, 10)
    self.assertEqual(vocabulary.names[1:7], tuple(_WORDS))
    self.assertEqual(vocabulary.names[vocabulary.end], '<end>')

  def test_lookup_equals_a_dictionary(self):
    rng = np.random.default_rng(0)
    words = [f'w{i}' for i in rng.permutation(5_000)]
    ids = {word: i + 1 for i, word in enumerate(words)}
    tokens = [f'w{i}' for i in rng.integers(10_000, size=2_000)]
    self.assertAllEqual(
      vocabulary_lib.Vocabulary(words).lookup(tf.constant(tokens)),
      [ids.get(token, 5_001) for token in tokens],
    )

  def test_encoding_equals_tffs_stack_overflow_task(self):
    spec = tff.simulation.baselines.ClientSpec(
      1, batch_size=3, shuffle_buffer_size=1
    )
    task = tff.simulation.baselines.stackoverflow.create_word_prediction_task(
      spec, spec, vocab_size=40, use_synthetic_data=True
    )
    words = tff.simulation.datasets.stackoverflow.get_synthetic_word_counts()
    vocabulary = vocabulary_lib.Vocabulary(list(words)[:40])
    data = task.datasets.test_data
    for client_id in data.client_ids:
      dataset = data.create_tf_dataset_for_client(client_id)
      ((expected_x, expected_y),) = task.datasets.eval_preprocess_fn(dataset)
      (examples,) = dataset.batch(3)
      x, y = vocabulary.encode(examples['tokens'])
      self.assertEqual((x.dtype, x.shape), (tf.int32, expected_x.shape))
      self.assertAllEqual(x, expected_x)
      self.assertAllEqual(y, expected_y)

  def test_encoding_of_two_sentences(self):
    x, y = vocabulary_lib.Vocabulary(_WORDS).encode(
      tf.constant(['the ä or', ' '.join(['self'] * 20)])
    )
    zeros = [0] * 16
    self.assertAllEqual(x, [[8, 1, 5, 7, 9, *zeros[1:]], [8] + [6] * 19])
    self.assertAllEqual(y, [[1, 5, 7, 9, *zeros], [6] * 20])

  @parameterized.parameters(1, 19, 20, 21, 22, 40)
  def test_encoding_of_long_and_empty_sentences(self, num_words):
    vocabulary = vocabulary_lib.Vocabulary(_WORDS)
    rng = np.random.default_rng(num_words)
    ids = rng.integers(1, 7, num_words)
    sentence = ' '.join(_WORDS[i - 1] for i in ids)
    x, y = vocabulary.encode(tf.constant([sentence, '', ' (']))
    # One empty word in an empty sentence, and before a leading space.
    for i, words in enumerate(([*ids], [7], [7, 3])):
      expected = [8, *words[:20], *[9][: max(20 - len(words), 0)]]
      expected += [0] * (21 - len(expected))
      self.assertAllEqual(x[i], expected[:-1])
      self.assertAllEqual(y[i], expected[1:])

  def test_encoding_of_no_sentences(self):
    x, y = vocabulary_lib.Vocabulary(_WORDS).encode(tf.constant([], tf.string))
    self.assertEqual((x.shape, y.shape), ((0, 20), (0, 20)))

  def test_encodes_in_data_sets(self):
    vocabulary = vocabulary_lib.Vocabulary(_WORDS)
    dataset = tf.data.Dataset.from_tensor_slices(['the of', 'x'])
    dataset = dataset.batch(2).map(vocabulary.encode)
    spec = tf.TensorSpec([None, 20], tf.int32)
    self.assertEqual(dataset.element_spec, (spec, spec))
    ((_, y),) = dataset
    self.assertAllEqual(y[:, :4], [[1, 2, 9, 0], [7, 9, 0, 0]])


if __name__ == '__main__':
  tf.test.main()
