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
"""The tokens that a language model knows, and sentences as their ids."""

import collections
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

SEQUENCE_LENGTH = 20

# Below 2^63, so that hashes are positive. Of 100,000 words any two have the
# same hash with a probability of 10^-9.
_NUM_HASHES = 2**63 - 1


def by_frequency(sentences: Iterable[Sequence[str]]) -> list[str]:
  """The distinct tokens of sentences, the most frequent first.

  Args:
    sentences: Each a sequence of tokens.

  Returns:
    The tokens; those of equal frequency in the order of their code points.
  """
  counts = collections.Counter()
  for sentence in sentences:
    counts.update(sentence)
  return sorted(counts, key=lambda token: (-counts[token], token))


class Vocabulary:
  """Words by ids, with four more ids in the order that TFF's baselines have.

  Attributes:
    padding: 0, what fills a sequence up; the words follow from 1.
    out_of_vocabulary: The id of any other word.
    beginning: The id that each sequence begins with.
    end: The id after the last word of a sentence, if there is room for it.
    num_classes: Of all ids.
    names: The words and, in angle brackets, what the other ids are.
  """

  padding = 0

  def __init__(self, words: Sequence[str]):
    """Initializes the vocabulary.

    Args:
      words: The words, distinct, in the order of their ids.
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
    # A table would be a resource, which data sets in graphs have trouble with.
    hashes = _hash(tf.constant(words)).numpy()
    order = np.argsort(hashes)
    self._sorted_hashes = hashes[order]
    self._sorted_ids = (order + 1).astype(np.int32)

  def lookup(self, tokens: tf.Tensor) -> tf.Tensor:
    """Maps `string[n]` to ids, `int32[n]`."""
    hashes = _hash(tokens)
    positions = tf.searchsorted(self._sorted_hashes, hashes)
    positions = tf.minimum(positions, len(self._sorted_hashes) - 1)
    is_known = tf.equal(tf.gather(self._sorted_hashes, positions), hashes)
    ids = tf.gather(self._sorted_ids, positions)
    return tf.where(is_known, ids, self.out_of_vocabulary)

  def encode(self, sentences: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Maps sentences to what a model is given, and what it has to predict.

    A sentence is cut after 20 words. It begins with `beginning`, which is not
    counted, and has `end` after its last word if it has less than 20.

    Args:
      sentences: `string[batch]`, tokens with a space between each two.

    Returns:
      `(x, y)`, both `int32[batch, 20]`: `y` is what comes after `x`.
    """
    tokens = tf.strings.split(sentences, sep=' ')
    ids = tokens.with_flat_values(self.lookup(tokens.flat_values))
    ones = tf.ones([tf.shape(sentences)[0], 1], tf.int32)
    ids = tf.concat([self.beginning * ones, ids, self.end * ones], axis=1)
    ids = ids.to_tensor(self.padding, shape=[None, SEQUENCE_LENGTH + 1])
    return ids[:, :-1], ids[:, 1:]


def _hash(tokens: tf.Tensor) -> tf.Tensor:
  return tf.strings.to_hash_bucket_fast(tokens, _NUM_HASHES)
