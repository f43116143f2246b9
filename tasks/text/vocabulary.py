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
    # `tf.searchsorted` with two dimensions, and without its other ops.
    (positions,) = tf.unstack(
      tf.raw_ops.LowerBound(
        sorted_inputs=self._sorted_hashes[np.newaxis],
        values=hashes[tf.newaxis],
        out_type=tf.int32,
      )
    )
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
    # Few ops: TensorFlow prepares each one again at every read of a client's
    # data, which takes longer than the sentences themselves.
    tokens = tf.compat.v1.strings.split(
      sentences, sep=' ', result_type='SparseTensor'
    )
    rows = tokens.indices[:, 0]
    num_sentences = tf.size(sentences, tf.int64)
    num_words = tf.math.unsorted_segment_sum(
      tf.ones_like(rows, tf.int32), rows, num_sentences
    )
    # Surplus words share the last column, which is cut off.
    num_columns = SEQUENCE_LENGTH + 2
    ids = tf.scatter_nd(
      tf.minimum(tokens.indices + [0, 1], [tf.int64.max, num_columns - 1]),
      self.lookup(tokens.values),
      tf.stack([num_sentences, num_columns]),
    )
    ids += self.beginning * np.eye(1, num_columns, dtype=np.int32)
    ids += self.end * tf.one_hot(1 + num_words, num_columns, dtype=tf.int32)
    return ids[:, :-2], ids[:, 1:-1]


def _hash(tokens: tf.Tensor) -> tf.Tensor:
  return tf.strings.to_hash_bucket_fast(tokens, _NUM_HASHES)
