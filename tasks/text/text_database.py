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
"""Sentences in TFF's SQLite format, with their vocabulary.

Examples have the format of TFF's Stack Overflow data: a `tf.train.Example`
whose feature `tokens` is a string of tokens separated by single spaces.
"""

from collections.abc import Sequence
import itertools

import numpy as np
import tensorflow as tf

from tasks import client_database
from tasks import example_database
from tasks.text import text_sources
from tasks.text import vocabulary

_VOCABULARY_SPLIT = 'vocabulary'
_FEATURES = {'tokens': tf.io.FixedLenFeature((), tf.string)}
_WORDS_AT_ONCE = 10_000


def write_database(
  path: str, texts: text_sources.Texts, num_test_sentences: int
) -> None:
  """Writes sentences, and the tokens of the training clients by frequency.

  Args:
    path: Path of the new file.
    texts: Sentences of the clients, and held-out sentences.
    num_test_sentences: Largest number of held-out sentences to write, evenly
      spaced.
  """
  sentences = itertools.chain.from_iterable(texts.train.values())
  words = [[token] for token in vocabulary.by_frequency(sentences)]
  step = -(-len(texts.test) // num_test_sentences)
  splits = {
    client_database.TRAIN_SPLIT: texts.train,
    client_database.TEST_SPLIT: {
      client_database.TEST_SPLIT: texts.test[::step]
    },
    _VOCABULARY_SPLIT: {_VOCABULARY_SPLIT: words},
  }
  example_database.write_splits(
    path,
    {
      split: {c: map(_serialize, sentences) for c, sentences in clients.items()}
      for split, clients in splits.items()
    },
  )


def load_words(path: str) -> list[str]:
  """Loads the distinct tokens of the clients, the most frequent first."""
  examples = client_database.load_held_out(path, _VOCABULARY_SPLIT)
  batches = [parse_sentences(b) for b in examples.batch(_WORDS_AT_ONCE)]
  return [word.decode() for word in np.concatenate(batches)]


def parse_sentences(serialized: tf.Tensor) -> tf.Tensor:
  """Parses examples of TFF's Stack Overflow data, or of `write_database`.

  Args:
    serialized: `string[batch]`.

  Returns:
    Sentences, `string[batch]`, of tokens separated by single spaces.
  """
  return tf.io.parse_example(serialized, _FEATURES)['tokens']


def _serialize(sentence: Sequence[str]) -> bytes:
  value = ' '.join(sentence).encode()
  feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
  return tf.train.Example(
    features=tf.train.Features(feature={'tokens': feature})
  ).SerializeToString()
