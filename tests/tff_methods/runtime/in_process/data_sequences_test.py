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
"""Tests for data_sequences."""

from absl.testing import absltest
from absl.testing import parameterized
import tensorflow as tf

from tff_methods.runtime.in_process import data_sequences


def _shuffled(**kwargs):
  return tf.data.Dataset.range(8).shuffle(8, seed=1, **kwargs)


def _read(sequence):
  dataset = tf.data.experimental.from_variant(
    sequence.start(), tf.TensorSpec([], tf.int64)
  )
  return [x.numpy() for x in dataset]


def _captured():
  inner = _shuffled()
  return tf.data.Dataset.range(2).flat_map(lambda i: inner)


class DataSequenceExecutionTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('shuffled', lambda: _shuffled().take(3)),
    ('two_passes', lambda: _shuffled().repeat(2).map(lambda x: x + 1)),
    (
      'zipped',
      lambda: tf.data.Dataset.zip((_shuffled(), _shuffled())).map(
        lambda x, y: 10 * x + y
      ),
    ),
    ('captured', _captured),
    ('unshuffled', lambda: tf.data.Dataset.range(3)),
    ('not_reshuffled', lambda: _shuffled(reshuffle_each_iteration=False)),
  )
  def test_all_readers_find_what_the_first_reader_of_a_data_set_does(
    self, build
  ):
    expected = [x.numpy() for x in build()]
    dataset = build()
    for _ in range(2):  # Readers of the data set itself do not matter.
      sequence = data_sequences.of_dataset(dataset)
      for _ in range(3):
        self.assertEqual(_read(sequence), expected)
      list(dataset)

  def test_an_unread_variant_is_not_copied(self):
    variant = tf.data.experimental.to_variant(_shuffled())
    sequence = data_sequences.DataSequence(
      variant, may_reshuffle=True, is_unread=True
    )
    self.assertIs(sequence.start(), variant)
    self.assertIsNot(sequence.start(), variant)

  @parameterized.parameters(
    (lambda: tf.data.Dataset.range(3).batch(2).map(tf.square), False),
    (lambda: _shuffled(reshuffle_each_iteration=False), False),
    (lambda: _shuffled().batch(2).prefetch(1), True),
  )
  def test_copies_only_what_may_reshuffle(self, build, expected):
    sequence = data_sequences.of_dataset(build())
    self.assertEqual(sequence.may_reshuffle, expected)
    self.assertEqual(sequence.start() is not sequence.start(), expected)


if __name__ == '__main__':
  absltest.main()
