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

from tff_methods import models
from tff_methods import retrieval
from tff_methods.common import seeds

_NUM_DRAWS = 1000
# Of a frequency or a mean, in standard deviations: one right test in 16,000
# fails, and seeds are fixed.
_QUANTILE = 4.0
_PADDING = -1


def _held(own=(), others=(), padding=0):
  """Returns `Candidates` of rows of its own, at random, and padding."""
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


def _select(held, scored, num_classes, num_candidates, key=(1, 2)):
  return retrieval.select_candidates(
    tf.constant(key), held, scored, num_classes, num_candidates
  )


def _certain(candidates):
  """Returns those that are certain without being the client's own."""
  return set(
    candidates.keys.numpy()[
      (candidates.log_probability == 0) & ~candidates.is_positive
    ]
  )


def _draw(select):
  """Returns what many clients select, as arrays `[_NUM_DRAWS, k]`.

  Args:
    select: From a key to `Candidates`.
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
    """Asserts what is true of all: the budget, their order and probability."""
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
    """Asserts that a sum over candidates stands for that over all rows."""
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
    """Asserts how often each of the rows is among the random ones."""
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
  def test_best_by_score_are_added_to_a_clients_own(self):
    held = _held(own=[2, 9], padding=3)
    scored = _scored((4, 1.0), (7, 3.0), (1, 2.0), (9, 9.0), (0, 2.5))
    candidates = _select(held, scored, 20, 5)
    self.assertAllEqual(candidates.keys, [0, 1, 2, 7, 9])
    self.assertAllEqual(
      candidates.is_positive, [False, False, True, False, True]
    )
    self.assertAllEqual(candidates.log_probability, np.zeros(5))

  def test_first_of_equal_scores(self):
    scored = _scored((8, 1.0), (3, 1.0), (5, 1.0), (1, 0.5))
    candidates = _select(_held(padding=2), scored, 20, 2)
    self.assertAllEqual(candidates.keys, [3, 8])

  def test_rows_held_already_take_no_room(self):
    # There is room for two more.
    held = _held(own=[2], others=[5, 6, 7])
    scored = _scored((5, 9.0), (0, 8.0), (6, 7.0), (1, 6.0), (7, 5.0), (3, 4.0))
    candidates = _select(held, scored, 20, 6)
    self.assertAllEqual(candidates.keys, [0, 1, 2, 5, 6, 7])
    # 7 is there by chance alone: it comes after the last that fits.
    self.assertEqual(_certain(candidates), {0, 1, 5, 6})
    self.assert_candidates(candidates, 20, 6)

  def test_all_held_rows_stay(self):
    rng = np.random.default_rng(0)
    for draw in range(12):
      num_own, num_others, num_padding = map(int, rng.integers(4, size=3))
      rows = rng.permutation(30)
      own, others = rows[:num_own], rows[num_own : num_own + num_others]
      size = num_own + num_others + num_padding
      found = rng.permutation(30)[: rng.integers(30)]
      candidates = _select(
        _held(own, others, num_padding),
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
  def test_budget_is_met_where_nothing_is_found(self, num_candidates):
    candidates = _select(_held(own=[3]), _scored(), 30, num_candidates)
    self.assert_candidates(candidates, 30, num_candidates)
    self.assertEqual(
      _certain(candidates), set() if num_candidates < 30 else {*range(30)} - {3}
    )

  @parameterized.parameters((), (4,), (4, 7, 0))
  def test_budget_of_all_rows_has_all_with_certainty(self, *found):
    scored = _scored(*((row, 1.0) for row in found))
    for held in (
      _held(own=[1, 5], padding=6),
      _held(own=[1], others=[4, 6]),
      _held(own=range(8)),
    ):
      candidates = _select(held, scored, 8, 8)
      self.assertAllEqual(candidates.keys, np.arange(8))
      self.assertAllEqual(candidates.log_probability, np.zeros(8))

  def test_own_rows_may_be_all_there_is_room_for(self):
    held = _held(own=[3, 5, 6])
    candidates = _select(held, _scored((1, 2.0), (3, 1.0)), 20, 3)
    self.assertAllEqual(candidates.keys, [3, 5, 6])
    self.assertAllEqual(candidates.is_positive, [True] * 3)

  @parameterized.named_parameters(
    # The first sorts all classes at random; the other draws one by one.
    ('much_room', 16, 9),
    ('little_room', 40, 9),
  )
  def test_others_are_uniform(self, num_classes, num_candidates):
    held = _held(own=[3, 12], padding=2)
    scored = _scored((0, 1.0), (3, 3.0), (7, 2.0))
    candidates = _draw(
      lambda key: retrieval.select_candidates(
        key, held, scored, num_classes, num_candidates
      )
    )
    rows = np.setdiff1d(np.arange(num_classes), [0, 3, 7, 12])
    self.assert_uniform(candidates, rows, num_candidates - 4)
    self.assert_unbiased(candidates, num_classes)

  def test_others_are_uniform_with_random_rows_held(self):
    # Held rows are among the best now and then, and decide how far these go.
    order = np.random.default_rng(0).permutation(24)
    scored = _scored(*((row, -i) for i, row in enumerate(order[:5])))
    own = tf.constant([2, 11])

    def select(key):
      held = retrieval.sample_candidates(key, own, 24, 8)
      return retrieval.select_candidates(key, held, scored, 24, 12)

    candidates = _draw(select)
    num_certain = (candidates.log_probability == 0).sum(1)
    # All of the five, but for those that are own.
    self.assertAllEqual(
      np.unique(num_certain), [2 + len({*order[:5]} - {2, 11})]
    )
    rows = np.setdiff1d(np.arange(24), [2, 11, *order[:5]])
    self.assert_uniform(candidates, rows, 12 - num_certain[0])
    self.assert_unbiased(candidates, 24)

  def test_sum_is_unbiased_where_held_rows_leave_room_to_others(self):
    # There is room for four; so many more are certain as are held by chance.
    scored = _scored(*((row, row % 7 + 0.1 * row) for row in range(20)))
    own = tf.constant([2, 11])

    def select(key):
      held = retrieval.sample_candidates(key, own, 30, 14)
      return retrieval.select_candidates(key, held, scored, 30, 18)

    candidates = _draw(select)
    num_certain = (candidates.log_probability == 0).sum(1)
    self.assertGreater(len(set(num_certain)), 3)
    # Else nothing would stand for the other rows.
    self.assertLess(num_certain.max(), 18)
    ones = np.exp(-candidates.log_probability).sum(1)
    self.assertAllClose(ones, np.full(_NUM_DRAWS, 30.0), rtol=1e-5)
    self.assert_unbiased(candidates, 30)

  def test_same_key_same_candidates_other_key_others(self):
    arguments = _held(own=[3], padding=4), _scored((7, 1.0)), 500, 20
    first = _select(*arguments)
    self.assertAllEqual(first.keys, _select(*arguments).keys)
    self.assertNotAllEqual(first.keys, _select(*arguments, key=(1, 3)).keys)


class SelectByActivationTest(SelectionTestCase):
  def _retrieve(self, held, scored, num_retrieved, key=(1, 2)):
    return _select(held, scored, 40, num_retrieved, key)

  def test_of_those_found_the_largest_activations_stay(self):
    held = _held(own=[5], padding=2)
    scored = _scored((7, 4.0), (1, 3.0), (30, 2.0), (9, 1.0))
    retrieved = self._retrieve(held, scored, 5)
    self.assertAllEqual(retrieved.keys, [1, 5, 7, 9, 30])
    kept = retrieval.select_by_activation(
      tf.constant([1, 2]),
      held,
      retrieved,
      tf.constant([0.0, -9.0, -1.0, 2.0, 1.0]),
      40,
      3,
    )
    self.assertAllEqual(kept.keys, [5, 9, 30])
    self.assertAllEqual(kept.is_positive, [True, False, False])
    self.assertAllEqual(kept.log_probability, np.zeros(3))

  def test_all_kept_were_retrieved_and_all_held_stay(self):
    rng = np.random.default_rng(0)
    for draw in range(12):
      num_own, num_others = map(int, rng.integers(5, size=2))
      num_kept = num_own + num_others + int(rng.integers(1, 6))
      num_retrieved = num_kept + int(rng.integers(10))
      rows = rng.permutation(40)
      own, others = rows[:num_own], rows[num_own : num_own + num_others]
      held = _held(own, others, num_kept - num_own - num_others)
      found = rng.permutation(40)[: rng.integers(8)]
      retrieved = self._retrieve(
        held,
        _scored(*((row, rng.normal()) for row in found)),
        num_retrieved,
        key=(draw, 0),
      )
      kept = retrieval.select_by_activation(
        # With the same key the same rows would be drawn, retrieved or not.
        tf.constant([draw, 1]),
        held,
        retrieved,
        tf.constant(rng.normal(size=num_retrieved), tf.float32),
        40,
        num_kept,
      )
      self.assert_candidates(kept, 40, num_kept)
      self.assertContainsSubset(kept.keys.numpy(), retrieved.keys.numpy())
      self.assertContainsSubset([*own, *others], kept.keys.numpy())
      self.assertContainsSubset(_certain(kept), _certain(retrieved))

  def test_as_many_as_retrieved_are_all_kept(self):
    held = _held(own=[5], padding=2)
    retrieved = self._retrieve(held, _scored((7, 4.0), (1, 3.0)), 10)
    kept = retrieval.select_by_activation(
      tf.constant([1, 2]), held, retrieved, tf.range(10.0), 40, 10
    )
    for x, y in zip(kept, retrieved, strict=True):
      self.assertAllClose(x, y)

  def test_random_rows_are_uniform_where_too_few_are_found(self):
    held = _held(own=[5], padding=2)
    scored = _scored((7, 4.0), (1, 3.0))

    def select(key):
      retrieved = retrieval.select_candidates(key, held, scored, 16, 11)
      return retrieval.select_by_activation(
        key, held, retrieved, tf.range(11.0), 16, 8
      )

    candidates = _draw(select)
    rows = np.setdiff1d(np.arange(16), [1, 5, 7])
    self.assert_uniform(candidates, rows, 5)
    self.assert_unbiased(candidates, 16)


class KeysToAskForTest(tf.test.TestCase):
  def test_are_those_not_held(self):
    held = _held(own=[3, 8], others=[4])
    candidates = _select(held, _scored((9, 1.0), (0, 1.0)), 20, 5)
    keys = retrieval.requested_keys(candidates, held, 2)
    self.assertAllEqual(keys, [0, 9])
    self.assertEqual(keys.dtype, tf.int32)

  def test_number_is_static(self):
    @tf.function(
      input_signature=[
        tf.TensorSpec([5], tf.int32),
        tf.TensorSpec([3], tf.int32),
      ]
    )
    def ask(wanted, held):
      candidates = [
        models.Candidates(keys, tf.zeros([0]), tf.zeros([0], tf.bool))
        for keys in (wanted, held)
      ]
      keys = retrieval.requested_keys(*candidates, 2)
      self.assertEqual(keys.shape, [2])
      return keys

    self.assertAllEqual(ask([1, 4, 6, 7, 9], [4, 7, 9]), [1, 6])
    self.assertAllEqual(ask([0, 1, 2, 3, 4], [0, 1, 2]), [3, 4])


if __name__ == '__main__':
  tf.test.main()
