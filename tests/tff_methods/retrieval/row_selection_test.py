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
"""Tests for row_selection."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import models
from tff_methods import retrieval
from tff_methods.common import seeds

_NUM_DRAWS = 1000
# Tolerance of frequencies and means, in standard deviations. A correct test
# would fail for one seed in 16,000; seeds are fixed.
_QUANTILE = 4.0
_PADDING = -1


def _own_candidates(own=(), others=(), padding=0):
  """Returns `Candidates` of own rows, random rows and padding."""
  keys = np.array([*[_PADDING] * padding, *own, *others], np.int32)
  order = np.argsort(keys, kind='stable')
  keys = keys[order]
  return models.Candidates(
    tf.constant(keys, tf.int32),
    tf.constant(np.where(np.isin(keys, own), 0.0, -1.0), tf.float32),
    tf.constant(np.isin(keys, own)),
  )


def _scored(*rows_and_scores):
  ids, scores = (
    zip(*rows_and_scores, strict=True) if rows_and_scores else ((),) * 2
  )
  return retrieval.ScoredRows(
    tf.constant(ids, tf.int32), tf.constant(scores, tf.float32)
  )


def _select(own_candidates, scored, num_classes, num_candidates, key=(1, 2)):
  return retrieval.select_candidates(
    tf.constant(key), own_candidates, scored, num_classes, num_candidates
  )


def _certain(candidates):
  """Returns the keys that are certain, but not the client's own."""
  return set(
    candidates.keys.numpy()[
      (candidates.log_probability == 0) & ~candidates.is_positive
    ]
  )


def _draw(select):
  """Returns the candidates of many clients, as arrays `[_NUM_DRAWS, k]`.

  Args:
    select: Function from a key to `Candidates`.
  """

  @tf.function
  def draw_all():
    return tf.map_fn(
      lambda i: select(seeds.fold_in(tf.constant([5, 6]), i)),
      tf.range(_NUM_DRAWS),
      fn_output_signature=models.Candidates(tf.int32, tf.float32, tf.bool),
    )

  return models.Candidates(*(x.numpy() for x in draw_all()))


class SelectionTestCase(parameterized.TestCase, tf.test.TestCase):
  def assert_candidates(self, candidates, num_classes, num_candidates):
    """Asserts the number, the order and the probabilities of candidates."""
    keys, log_probability, is_positive = (x.numpy() for x in candidates)
    self.assertEqual(candidates.keys.shape, [num_candidates])
    self.assertAllInRange(keys, 0, num_classes - 1)
    self.assertAllEqual(np.unique(keys), keys)
    self.assertAllEqual(log_probability[is_positive], 0.0 * keys[is_positive])
    is_random = log_probability < 0
    num_certain = num_candidates - is_random.sum()
    if is_random.any():
      self.assertAllClose(
        np.exp(log_probability[is_random]),
        np.full(is_random.sum(), is_random.sum() / (num_classes - num_certain)),
      )

  def assert_unbiased(self, candidates, num_classes):
    """Asserts that weighted sums over candidates are unbiased for all rows."""
    values = np.random.default_rng(3).exponential(size=num_classes)
    sums = np.sum(
      values[candidates.keys] / np.exp(candidates.log_probability), axis=1
    )
    self.assertGreater(sums.std(), 0.01 * values.sum())
    self.assertAlmostEqual(
      sums.mean(),
      values.sum(),
      delta=_QUANTILE * sums.std() / len(sums) ** 0.5,
    )

  def assert_uniform(self, candidates, rows, num_random):
    """Asserts that each of `rows` is equally often among the random ones."""
    keys = np.where(candidates.log_probability < 0, candidates.keys, _PADDING)
    counts = (keys[:, :, np.newaxis] == rows).any(1).mean(0)
    probability = num_random / len(rows)
    deviation = (probability * (1 - probability) / len(keys)) ** 0.5
    self.assertAllClose(
      counts,
      np.full(len(rows), probability),
      rtol=0,
      atol=_QUANTILE * deviation,
    )


class SelectCandidatesTest(SelectionTestCase):
  def test_rows_of_highest_score_are_added_to_own_rows(self):
    own_candidates = _own_candidates(own=[2, 9], padding=3)
    scored = _scored((4, 1.0), (7, 3.0), (1, 2.0), (9, 9.0), (0, 2.5))
    candidates = _select(own_candidates, scored, 20, 5)
    self.assertAllEqual(candidates.keys, [0, 1, 2, 7, 9])
    self.assertAllEqual(
      candidates.is_positive, [False, False, True, False, True]
    )
    self.assertAllEqual(candidates.log_probability, np.zeros(5))

  def test_first_rows_of_equal_scores(self):
    scored = _scored((8, 1.0), (3, 1.0), (5, 1.0), (1, 0.5))
    candidates = _select(_own_candidates(padding=2), scored, 20, 2)
    self.assertAllEqual(candidates.keys, [3, 8])

  def test_rows_that_are_also_found_take_no_further_place(self):
    # There are two free places.
    own_candidates = _own_candidates(own=[2], others=[5, 6, 7])
    scored = _scored((5, 9.0), (0, 8.0), (6, 7.0), (1, 6.0), (7, 5.0), (3, 4.0))
    candidates = _select(own_candidates, scored, 20, 6)
    self.assertAllEqual(candidates.keys, [0, 1, 2, 5, 6, 7])
    # 7 is random only: its score is below that of the last row that fits.
    self.assertEqual(_certain(candidates), {0, 1, 5, 6})
    self.assert_candidates(candidates, 20, 6)

  def test_own_candidates_remain(self):
    rng = np.random.default_rng(0)
    for draw in range(12):
      num_own, num_others, num_padding = map(int, rng.integers(4, size=3))
      rows = rng.permutation(30)
      own, others = rows[:num_own], rows[num_own : num_own + num_others]
      size = num_own + num_others + num_padding
      found = rng.permutation(30)[: rng.integers(30)]
      candidates = _select(
        _own_candidates(own, others, num_padding),
        _scored(*((row, rng.normal()) for row in found)),
        30,
        max(size, 1),
        key=(draw, 0),
      )
      self.assert_candidates(candidates, 30, max(size, 1))
      keys = candidates.keys.numpy()
      self.assertContainsSubset({*own, *others}, keys)
      self.assertAllEqual(np.sort(own), keys[candidates.is_positive])

  @parameterized.parameters(1, 7, 14, 15, 29, 30)
  def test_budget_is_met_if_nothing_is_found(self, num_candidates):
    candidates = _select(
      _own_candidates(own=[3]), _scored(), 30, num_candidates
    )
    self.assert_candidates(candidates, 30, num_candidates)
    self.assertEqual(
      _certain(candidates), set() if num_candidates < 30 else {*range(30)} - {3}
    )

  @parameterized.parameters((), (4,), (4, 7, 0))
  def test_budget_of_all_rows_makes_all_certain(self, *found):
    scored = _scored(*((row, 1.0) for row in found))
    for own_candidates in (
      _own_candidates(own=[1, 5], padding=6),
      _own_candidates(own=[1], others=[4, 6]),
      _own_candidates(own=range(8)),
    ):
      candidates = _select(own_candidates, scored, 8, 8)
      self.assertAllEqual(candidates.keys, np.arange(8))
      self.assertAllEqual(candidates.log_probability, np.zeros(8))

  def test_own_rows_take_all_places(self):
    own_candidates = _own_candidates(own=[3, 5, 6])
    candidates = _select(own_candidates, _scored((1, 2.0), (3, 1.0)), 20, 3)
    self.assertAllEqual(candidates.keys, [3, 5, 6])
    self.assertAllEqual(candidates.is_positive, [True] * 3)

  @parameterized.named_parameters(
    # The first sorts all classes in random order, the other draws.
    ('sorted', 16, 9),
    ('drawn', 40, 9),
  )
  def test_others_are_uniform(self, num_classes, num_candidates):
    own_candidates = _own_candidates(own=[3, 12], padding=2)
    scored = _scored((0, 1.0), (3, 3.0), (7, 2.0))
    candidates = _draw(
      lambda key: retrieval.select_candidates(
        key, own_candidates, scored, num_classes, num_candidates
      )
    )
    rows = np.setdiff1d(np.arange(num_classes), [0, 3, 7, 12])
    self.assert_uniform(candidates, rows, num_candidates - 4)
    self.assert_unbiased(candidates, num_classes)

  def test_others_are_uniform_with_random_own_candidates(self):
    # Random rows are sometimes among the best, which leaves places to others.
    order = np.random.default_rng(0).permutation(24)
    scored = _scored(*((row, -i) for i, row in enumerate(order[:5])))
    own = tf.constant([2, 11])

    def select(key):
      own_candidates = retrieval.sample_candidates(key, own, 24, 8)
      return retrieval.select_candidates(key, own_candidates, scored, 24, 12)

    candidates = _draw(select)
    num_certain = (candidates.log_probability == 0).sum(1)
    # All of the five best, without own rows among them.
    self.assertAllEqual(
      np.unique(num_certain), [2 + len({*order[:5]} - {2, 11})]
    )
    rows = np.setdiff1d(np.arange(24), [2, 11, *order[:5]])
    self.assert_uniform(candidates, rows, 12 - num_certain[0])
    self.assert_unbiased(candidates, 24)

  def test_sums_are_unbiased_if_the_number_of_certain_rows_varies(self):
    # Four places are free; random rows among the best are certain too.
    scored = _scored(*((row, row % 7 + 0.1 * row) for row in range(20)))
    own = tf.constant([2, 11])

    def select(key):
      own_candidates = retrieval.sample_candidates(key, own, 30, 14)
      return retrieval.select_candidates(key, own_candidates, scored, 30, 18)

    candidates = _draw(select)
    num_certain = (candidates.log_probability == 0).sum(1)
    self.assertGreater(len(set(num_certain)), 3)
    # Some rows are random in every draw.
    self.assertLess(num_certain.max(), 18)
    ones = np.exp(-candidates.log_probability).sum(1)
    self.assertAllClose(ones, np.full(_NUM_DRAWS, 30.0), rtol=1e-5)
    self.assert_unbiased(candidates, 30)

  def test_candidates_depend_on_the_key(self):
    arguments = _own_candidates(own=[3], padding=4), _scored((7, 1.0)), 500, 20
    first = _select(*arguments)
    self.assertAllEqual(first.keys, _select(*arguments).keys)
    self.assertNotAllEqual(first.keys, _select(*arguments, key=(1, 3)).keys)


class DeferClassesTest(SelectionTestCase):
  def _defer(self, classes, own_candidates, num_deferred, key=(1, 2)):
    return retrieval.defer_classes(
      tf.constant(key),
      tf.constant(classes, tf.int64),
      own_candidates,
      num_deferred,
    )

  def test_classes_that_are_left(self):
    deferred = self._defer([9, 3, 5, 7], _own_candidates(own=[3, 7]), 2)
    self.assertCountEqual(deferred.numpy(), [5, 9])
    self.assertEqual(deferred.dtype, tf.int32)

  def test_padding(self):
    deferred = self._defer([3, 5], _own_candidates(own=[3]), 4)
    self.assertCountEqual(deferred.numpy(), [5] + [_PADDING] * 3)
    none = self._defer([3], _own_candidates(own=[3], others=[2, 8]), 2)
    self.assertAllEqual(none, [_PADDING] * 2)

  def test_more_classes_than_places_are_a_uniform_sample(self):
    own_candidates = _own_candidates(own=[0, 1])
    classes = tf.range(8)
    draws = tf.map_fn(
      lambda i: retrieval.defer_classes(
        tf.stack([7, i]), classes, own_candidates, 3
      ),
      tf.range(600),
    )
    counts = np.bincount(draws.numpy().ravel(), minlength=8)
    self.assertAllEqual(counts[:2], [0, 0])
    # Each class is in half of the draws, with a deviation of 12.2.
    self.assertAllInRange(counts[2:], 300 - 55, 300 + 55)

  def test_all_own_rows_that_fit_are_candidates(self):
    # The index finds nothing, or only other rows.
    own = np.random.default_rng(0).permutation(5000)[:240]
    key = tf.constant([3, 4])
    own_candidates = retrieval.sample_candidates(key, own, 5000, 150)
    deferred = self._defer(own, own_candidates, 1500 - 150)
    others = np.setdiff1d(np.arange(5000), own)
    for scored in (_scored(), _scored(*((i, 1.0) for i in others))):
      candidates = retrieval.select_candidates(
        key, own_candidates, scored, 5000, 1500, deferred_classes=deferred
      )
      self.assert_candidates(candidates, 5000, 1500)
      self.assertCountEqual(
        candidates.keys.numpy()[candidates.is_positive.numpy()], own
      )

  def test_deferred_classes_come_before_found_and_random_rows(self):
    own_candidates = _own_candidates(own=[2, 4])
    candidates = retrieval.select_candidates(
      tf.constant([1, 2]),
      own_candidates,
      _scored((8, 2.0), (6, 1.0), (9, 0.5)),
      20,
      5,
      deferred_classes=tf.constant([6, _PADDING, 11]),
    )
    self.assertAllEqual(candidates.keys, [2, 4, 6, 8, 11])
    self.assertAllEqual(candidates.is_positive, [True, True, True, False, True])

  def test_deferred_classes_remain_in_a_selection_by_activation(self):
    own_candidates = _own_candidates(own=[2])
    deferred = tf.constant([6, _PADDING])
    retrieved = retrieval.select_candidates(
      tf.constant([1, 2]),
      own_candidates,
      _scored((8, 2.0), (9, 1.0)),
      20,
      6,
      deferred_classes=deferred,
    )
    # The deferred class has the smallest activation.
    activations = tf.where(retrieved.keys == 6, -9.0, 1.0)
    selected = retrieval.select_by_activation(
      tf.constant([1, 2]),
      own_candidates,
      retrieved,
      activations,
      20,
      3,
      deferred_classes=deferred,
    )
    self.assertAllEqual(selected.keys, [2, 6, 8])


class SelectByActivationTest(SelectionTestCase):
  def _retrieve(self, own_candidates, scored, num_retrieved, key=(1, 2)):
    return _select(own_candidates, scored, 40, num_retrieved, key)

  def test_found_rows_of_the_largest_activations_are_selected(self):
    own_candidates = _own_candidates(own=[5], padding=2)
    scored = _scored((7, 4.0), (1, 3.0), (30, 2.0), (9, 1.0))
    retrieved = self._retrieve(own_candidates, scored, 5)
    self.assertAllEqual(retrieved.keys, [1, 5, 7, 9, 30])
    selected = retrieval.select_by_activation(
      tf.constant([1, 2]),
      own_candidates,
      retrieved,
      tf.constant([0.0, -9.0, -1.0, 2.0, 1.0]),
      40,
      3,
    )
    self.assertAllEqual(selected.keys, [5, 9, 30])
    self.assertAllEqual(selected.is_positive, [True, False, False])
    self.assertAllEqual(selected.log_probability, np.zeros(3))

  def test_selected_rows_were_retrieved_and_own_candidates_remain(self):
    rng = np.random.default_rng(0)
    for draw in range(12):
      num_own, num_others = map(int, rng.integers(5, size=2))
      num_kept = num_own + num_others + int(rng.integers(1, 6))
      num_retrieved = num_kept + int(rng.integers(10))
      rows = rng.permutation(40)
      own, others = rows[:num_own], rows[num_own : num_own + num_others]
      own_candidates = _own_candidates(
        own, others, num_kept - num_own - num_others
      )
      found = rng.permutation(40)[: rng.integers(8)]
      retrieved = self._retrieve(
        own_candidates,
        _scored(*((row, rng.normal()) for row in found)),
        num_retrieved,
        key=(draw, 0),
      )
      selected = retrieval.select_by_activation(
        # The same key would draw the same rows, retrieved or not.
        tf.constant([draw, 1]),
        own_candidates,
        retrieved,
        tf.constant(rng.normal(size=num_retrieved), tf.float32),
        40,
        num_kept,
      )
      self.assert_candidates(selected, 40, num_kept)
      self.assertContainsSubset(selected.keys.numpy(), retrieved.keys.numpy())
      self.assertContainsSubset([*own, *others], selected.keys.numpy())
      self.assertContainsSubset(_certain(selected), _certain(retrieved))

  def test_budget_of_all_retrieved_rows(self):
    own_candidates = _own_candidates(own=[5], padding=2)
    retrieved = self._retrieve(own_candidates, _scored((7, 4.0), (1, 3.0)), 10)
    selected = retrieval.select_by_activation(
      tf.constant([1, 2]), own_candidates, retrieved, tf.range(10.0), 40, 10
    )
    for x, y in zip(selected, retrieved, strict=True):
      self.assertAllClose(x, y)

  def test_random_rows_are_uniform_if_too_few_are_found(self):
    own_candidates = _own_candidates(own=[5], padding=2)
    scored = _scored((7, 4.0), (1, 3.0))

    def select(key):
      retrieved = retrieval.select_candidates(
        key, own_candidates, scored, 16, 11
      )
      return retrieval.select_by_activation(
        key, own_candidates, retrieved, tf.range(11.0), 16, 8
      )

    candidates = _draw(select)
    rows = np.setdiff1d(np.arange(16), [1, 5, 7])
    self.assert_uniform(candidates, rows, 5)
    self.assert_unbiased(candidates, 16)


class RequestedKeysTest(tf.test.TestCase):
  def test_keys_without_own_candidates(self):
    own_candidates = _own_candidates(own=[3, 8], others=[4])
    candidates = _select(own_candidates, _scored((9, 1.0), (0, 1.0)), 20, 5)
    keys = retrieval.requested_keys(candidates, own_candidates, 2)
    self.assertAllEqual(keys, [0, 9])
    self.assertEqual(keys.dtype, tf.int32)

  def test_number_is_static(self):
    @tf.function(
      input_signature=[
        tf.TensorSpec([5], tf.int32),
        tf.TensorSpec([3], tf.int32),
      ]
    )
    def request(candidates, own_candidates):
      candidates = [
        models.Candidates(keys, tf.zeros([0]), tf.zeros([0], tf.bool))
        for keys in (candidates, own_candidates)
      ]
      keys = retrieval.requested_keys(*candidates, 2)
      self.assertEqual(keys.shape, [2])
      return keys

    self.assertAllEqual(request([1, 4, 6, 7, 9], [4, 7, 9]), [1, 6])
    self.assertAllEqual(request([0, 1, 2, 3, 4], [0, 1, 2]), [3, 4])


if __name__ == '__main__':
  tf.test.main()
