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
"""Vocabulary of a language model, and encoding of sentences as token ids."""

import collections
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

SEQUENCE_LENGTH = 20

# Below 2^63, so that hashes are positive. The probability that any two of
# 100,000 words collide is 10^-9.
_NUM_HASHES = 2**63 - 1


def by_frequency(sentences: Iterable[Sequence[str]]) -> list[str]:
  """Returns the distinct tokens of sentences, the most frequent first.

  Args:
    sentences: Sentences, as sequences of tokens.

  Returns:
    The tokens. Those of equal frequency are in code point order.
  """
  counts = collections.Counter()
  for sentence in sentences:
    counts.update(sentence)
  return sorted(counts, key=lambda token: (-counts[token], token))


class Vocabulary:
  """Ids of words, and four special ids in the order of TFF's baselines.

  Attributes:
    padding: Id 0, which pads sequences; the ids of words start from 1.
    out_of_vocabulary: Id of all other words.
    beginning: First id of each sequence.
    end: Id after the last word of a sentence, if the sequence has room for it.
    num_classes: Number of ids.
    names: Names of all ids: the words, and special ids in angle brackets.
  """

  padding = 0

  def __init__(self, words: Sequence[str]) -> None:
    """Initializes the vocabulary.

    Args:
      words: Distinct words in the order of their ids.
    """
    self.out_of_vocabulary = len(words) + 1
    self.beginning = len(words) + 2
    self.end = len(words) + 3
    self.num_classes = len(words) + 4
    self.names = (
      '<padding>',
      *words,
      '<out of vocabulary>',
      '<beginning>',
      '<end>',
    )
    # A lookup table is a resource, which data sets in graphs do not support
    # well.
    hashes = _hash(tf.constant(words)).numpy()
    order = np.argsort(hashes)
    self._sorted_hashes = hashes[order]
    self._sorted_ids = (order + 1).astype(np.int32)

  def lookup(self, tokens: tf.Tensor) -> tf.Tensor:
    """Returns the ids, `int32[n]`, of tokens, `string[n]`."""
    hashes = _hash(tokens)
    positions = tf.searchsorted(self._sorted_hashes, hashes)
    positions = tf.minimum(positions, len(self._sorted_hashes) - 1)
    is_known = tf.equal(tf.gather(self._sorted_hashes, positions), hashes)
    ids = tf.gather(self._sorted_ids, positions)
    return tf.where(is_known, ids, self.out_of_vocabulary)

  def encode(self, sentences: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Encodes sentences as inputs and labels of a next-token model.

    A sentence is truncated to 20 words, not counting `beginning`, which starts
    it. A sentence of fewer words has `end` after its last word.

    Args:
      sentences: `string[batch]`, of tokens separated by single spaces.

    Returns:
      `(x, y)`, both `int32[batch, 20]`: `y[:, i]` is the token after `x[:, i]`.
    """
    tokens = tf.strings.split(sentences, sep=' ')
    ids = tokens.with_flat_values(self.lookup(tokens.flat_values))
    ones = tf.ones([tf.shape(sentences)[0], 1], tf.int32)
    ids = tf.concat([self.beginning * ones, ids, self.end * ones], axis=1)
    ids = ids.to_tensor(self.padding, shape=[None, SEQUENCE_LENGTH + 1])
    return ids[:, :-1], ids[:, 1:]


def _hash(tokens: tf.Tensor) -> tf.Tensor:
  return tf.strings.to_hash_bucket_fast(tokens, _NUM_HASHES)
