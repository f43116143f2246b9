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
"""Tests for class_sampling."""

import functools
import itertools

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import models
from tff_methods import retrieval
from tff_methods.common import seeds
from tff_methods.models import sampled_softmax
from tff_methods.retrieval import class_sampling

_NUM_DRAWS = 3000
# Tolerance of frequencies and means, in standard deviations. A correct test
# would fail for one seed in 16,000; seeds are fixed.
_QUANTILE = 4.0

# Number of classes, positives, number of candidates. The first two sort all
# classes in random order. The others draw with replacement, the last one in
# more than one pass in about one draw of 600.
_DRAWS = (
  ('sorted', 12, (3, 7, 8), 7),
  ('sorted_without_positives', 6, (), 3),
  ('redrawn', 15, (14, 0, 5), 7),
  ('redrawn_without_positives', 9, (), 4),
  ('redrawn_often', 5, (2,), 2),
)


@functools.cache
def _draw(num_classes, positives, num_candidates, **kwargs):
  """Returns `Candidates` of many clients, as arrays `[_NUM_DRAWS, k]`."""

  @tf.function
  def draw_all():
    return tf.map_fn(
      lambda i: retrieval.sample_candidates(
        seeds.fold_in(tf.constant([5, 6]), i),
        tf.constant(positives, tf.int32),
        num_classes,
        num_candidates,
        **kwargs,
      ),
      tf.range(_NUM_DRAWS),
      fn_output_signature=models.Candidates(tf.int32, tf.float32, tf.bool),
    )

  return models.Candidates(*(x.numpy() for x in draw_all()))


def _is_drawn(candidates, num_classes):
  """Returns the mask of classes in each draw, `bool[_NUM_DRAWS, n]`."""
  return (candidates.keys[:, :, np.newaxis] == np.arange(num_classes)).any(1)


def _sample(key, **kwargs):
  arguments = dict(
    positives=tf.constant([3, 700, 8]), num_classes=1000, num_candidates=20
  )
  return retrieval.sample_candidates(tf.constant(key), **(arguments | kwargs))


class SampleCandidatesTest(parameterized.TestCase, tf.test.TestCase):
  def assert_frequency(self, is_drawn, probability):
    deviation = (probability * (1 - probability) / len(is_drawn)) ** 0.5
    frequencies = is_drawn.mean(0)
    self.assertAllClose(
      frequencies,
      np.full(frequencies.shape, probability),
      rtol=0,
      atol=_QUANTILE * deviation,
    )

  @parameterized.named_parameters(*_DRAWS)
  def test_keys_are_distinct_and_ascending(
    self, num_classes, positives, num_candidates
  ):
    keys, _, is_positive = _draw(num_classes, positives, num_candidates)
    self.assertEqual(keys.shape, (_NUM_DRAWS, num_candidates))
    self.assertTrue((np.diff(keys, axis=1) > 0).all())
    self.assertBetween(keys.min(), 0, num_classes - 1)
    self.assertBetween(keys.max(), 0, num_classes - 1)
    self.assertAllEqual(is_positive, np.isin(keys, positives))

  @parameterized.named_parameters(*_DRAWS)
  def test_positives_are_certain_and_negatives_uniform(
    self, num_classes, positives, num_candidates
  ):
    candidates = _draw(num_classes, positives, num_candidates)
    is_drawn = _is_drawn(candidates, num_classes)
    self.assertTrue(is_drawn[:, list(positives)].all())
    negatives = [c for c in range(num_classes) if c not in positives]
    m, num_negatives = num_candidates - len(positives), len(negatives)
    self.assert_frequency(is_drawn[:, negatives], m / num_negatives)
    pairs = list(itertools.combinations(negatives, 2))
    self.assert_frequency(
      is_drawn[:, pairs].all(2),
      m * (m - 1) / (num_negatives * (num_negatives - 1)),
    )

  @parameterized.named_parameters(*_DRAWS)
  def test_partition_sum_is_unbiased(
    self, num_classes, positives, num_candidates
  ):
    candidates = _draw(num_classes, positives, num_candidates)
    scores = np.random.default_rng(0).normal(scale=1.5, size=num_classes)
    scores = scores.astype(np.float32)
    logits = sampled_softmax.adjust(scores[candidates.keys], candidates)
    sums = np.exp(logits.numpy()).sum(1)
    deviation = sums.std() / _NUM_DRAWS**0.5
    self.assertGreater(deviation, 0)
    self.assertAllClose(
      sums.mean(), np.exp(scores).sum(), rtol=0, atol=_QUANTILE * deviation
    )

  @parameterized.named_parameters(('few', 12), ('many', 100))
  def test_too_many_positives_are_sampled_uniformly(self, num_classes):
    positives = (9, 1, 6, 2, 11, 4)
    candidates = _draw(num_classes, positives, 4)
    self.assertTrue(np.isin(candidates.keys, positives).all())
    self.assertTrue(candidates.is_positive.all())
    self.assertAllEqual(candidates.log_probability, np.zeros([_NUM_DRAWS, 4]))
    is_drawn = _is_drawn(candidates, num_classes)[:, list(positives)]
    self.assertAllEqual(is_drawn.sum(1), np.full(_NUM_DRAWS, 4))
    self.assert_frequency(is_drawn, 4 / 6)

  @parameterized.named_parameters(
    ('none', (), [-1, -1, -1, -1]),
    ('two', (9, 1), [-1, -1, 1, 9]),
    ('all_that_fit', (9, 1, 2, 0), [0, 1, 2, 9]),
  )
  def test_padding_without_negatives(self, positives, expected):
    candidates = _sample(
      [1, 2],
      positives=tf.constant(positives, tf.int32),
      num_candidates=4,
      with_negatives=False,
    )
    self.assertAllEqual(candidates.keys, expected)
    is_positive = np.not_equal(expected, -1)
    self.assertAllEqual(candidates.is_positive, is_positive)
    log_probability = candidates.log_probability.numpy()
    self.assertAllEqual(
      log_probability[is_positive], np.zeros(len(positives), np.float32)
    )

  @parameterized.named_parameters(('no_positives', ()), ('two', (2, 0)))
  def test_all_classes_are_certain(self, positives):
    candidates = _sample(
      [1, 2],
      positives=tf.constant(positives, tf.int32),
      num_classes=5,
      num_candidates=5,
    )
    self.assertAllEqual(candidates.keys, range(5))
    self.assertAllEqual(candidates.log_probability, np.zeros(5))

  @parameterized.product(num_candidates=(20, 600), num_positives=(3, 900))
  def test_candidates_depend_on_the_key_only(
    self, num_candidates, num_positives
  ):
    kwargs = dict(
      num_candidates=num_candidates, positives=tf.range(num_positives)
    )
    first, again = _sample([1, 2], **kwargs), _sample([1, 2], **kwargs)
    for x, y in zip(first, again, strict=True):
      self.assertAllEqual(x, y)
    for key in ([1, 3], [2, 2]):
      self.assertNotAllEqual(first.keys, _sample(key, **kwargs).keys)

  def test_order_of_positives_has_no_effect_if_all_fit(self):
    first = _sample([1, 2], positives=tf.constant([3, 700, 8]))
    second = _sample([1, 2], positives=tf.constant([700, 8, 3]))
    for x, y in zip(first, second, strict=True):
      self.assertAllEqual(x, y)

  def test_number_of_candidates_is_static(self):
    traced = tf.function(
      lambda positives: retrieval.sample_candidates(
        tf.constant([1, 2]), positives, 1000, 20
      )
    ).get_concrete_function(tf.TensorSpec([None], tf.int32))
    for x in traced.structured_outputs:
      self.assertEqual(x.shape, [20])


class DistinctClassesTest(parameterized.TestCase, tf.test.TestCase):
  def test_elements_are_distinct_in_order_of_appearance(self):
    classes = tf.constant([4, 0, 4, 2, 0, 11])
    distinct = retrieval.distinct_classes(classes, 12)
    self.assertAllEqual(distinct, [4, 0, 2, 11])

  def test_duplicates_have_no_effect_on_candidates(self):
    draws = [
      _sample([1, 2], positives=class_sampling.distinct_classes(labels, 1000))
      for labels in (tf.constant([3, 700, 8]), tf.constant([3, 3, 700, 3, 8]))
    ]
    for x, y in zip(*draws, strict=True):
      self.assertAllEqual(x, y)

  def test_no_classes(self):
    nothing = tf.zeros([0], tf.int32)
    self.assertAllEqual(retrieval.distinct_classes(nothing, 12), nothing)

  @parameterized.named_parameters(('high', 12), ('negative', -1))
  def test_label_out_of_range(self, label):
    with self.assertRaisesRegex(
      tf.errors.InvalidArgumentError,
      rf'(?s)at least 0 and below 12.*found\W+{label}\D.*leave such',
    ):
      retrieval.distinct_classes(tf.constant([0, label, 11]), 12)

  def test_nouns_of_other_tables(self):
    with self.assertRaisesRegex(
      tf.errors.InvalidArgumentError,
      '(?s)Expected ids of at.*the number of items of the.*with more items',
    ):
      retrieval.distinct_classes(
        tf.constant([12]), 12, noun='ids', noun_of_rows='items'
      )

  def test_label_out_of_range_in_a_graph(self):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
      classes = tf.compat.v1.placeholder(tf.int32, [None])
      distinct = retrieval.distinct_classes(classes, 12)
      self.assertAllEqual(session.run(distinct, {classes: [5, 5]}), [5])
      with self.assertRaisesRegex(
        tf.errors.InvalidArgumentError, 'below 12, the number of classes'
      ):
        session.run(distinct, {classes: [5, 12]})


if __name__ == '__main__':
  tf.test.main()
