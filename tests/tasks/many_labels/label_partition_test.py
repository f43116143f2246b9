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

import collections

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tasks.many_labels import label_partition
from tasks.many_labels import multi_label_source

_NUM_LABELS = 12


def _labels(seed=0, num_examples=400):
  """Returns labels of probabilities 1/2, 1/3, ...; some rows have none."""
  rng = np.random.default_rng(seed)
  chances = 1 / np.arange(2, _NUM_LABELS + 2)
  return [
    np.flatnonzero(rng.random(_NUM_LABELS) < chances).tolist()
    for _ in range(num_examples)
  ]


def _partition(lists, frequent, num_clients=4, seed=0):
  return label_partition.partition_by_frequent_classes(
    multi_label_source.SparseRows.from_lists(lists),
    np.isin(np.arange(_NUM_LABELS), frequent),
    num_clients,
    np.random.default_rng(seed),
  )


class IsFrequentTest(absltest.TestCase):
  def test_share_is_of_the_examples(self):
    counts = np.array([0, 1, 2, 3, 200])
    for share, expected in ((0.01, [2, 3, 4]), (0.5, [4]), (0.011, [3, 4])):
      is_frequent = label_partition.is_frequent(counts, 200, share)
      self.assertEqual(np.flatnonzero(is_frequent).tolist(), expected)


class PartitionTest(parameterized.TestCase):
  @parameterized.product(frequent=[range(3), range(12), [1]], seed=[0, 1])
  def test_examples_are_on_the_clients_of_their_frequent_classes(
    self, frequent, seed
  ):
    lists = _labels()
    clients = [set(c.tolist()) for c in _partition(lists, frequent, seed=seed)]
    home = {}
    for j in frequent:
      of_class = {i for i, row in enumerate(lists) if j in row}
      home[j] = [k for k, c in enumerate(clients) if of_class <= c]
      self.assertNotEmpty(home[j])
    for i, row in enumerate(lists):
      holders = {k for k, c in enumerate(clients) if i in c}
      own = [j for j in frequent if j in row]
      if own:
        self.assertLessEqual(len(holders), len(own))
        self.assertTrue(all(holders & set(home[j]) for j in own))
      else:
        self.assertLen(holders, 1)

  def test_indices_ascend_and_are_distinct(self):
    for client in _partition(_labels(), range(12)):
      self.assertTrue(np.all(np.diff(client) > 0))

  def test_examples_of_several_frequent_classes_repeat(self):
    # 12 classes on 4 clients: some examples are on several clients.
    sizes = [len(c) for c in _partition(_labels(), range(12))]
    self.assertGreater(sum(sizes), 400)

  def test_partition_follows_from_the_seed(self):
    first, again, other = (
      _partition(_labels(), range(3), seed=s) for s in (0, 0, 1)
    )
    for a, b in zip(first, again, strict=True):
      np.testing.assert_array_equal(a, b)
    self.assertNotEqual(
      [c.tolist() for c in first], [c.tolist() for c in other]
    )

  def test_clients_of_classes_and_of_other_examples_are_uniform(self):
    lists = [[0], *[[] for _ in range(50)]]
    with_class, others = np.zeros(4), np.zeros(4)
    for seed in range(300):
      clients = _partition(lists, [0], seed=seed)
      for k, client in enumerate(clients):
        with_class[k] += 0 in client
        others[k] += np.sum(client > 0)
    # Five standard deviations of a binomial count.
    for counts, n in ((with_class, 300), (others, 300 * 50)):
      self.assertEqual(counts.sum(), n)
      np.testing.assert_allclose(
        counts, n / 4, atol=5 * np.sqrt(n * 3 / 16), rtol=0
      )

  def test_clients_without_examples_raise(self):
    with self.assertRaisesRegex(
      ValueError, 'each of 4 clients, found 3 clients .* 1 frequent .* lower'
    ):
      _partition([[2], [2]], [2])

  def test_huge_numbers_of_clients_raise(self):
    labels = multi_label_source.SparseRows.from_lists([[0], [1], []])
    with self.assertRaisesRegex(
      ValueError, 'each of 2147483647 clients, found 5 training .* lower'
    ):
      label_partition.partition_by_frequent_classes(
        labels, np.array([True, False]), 2**31 - 1, np.random.default_rng(0)
      )


class TopLabelsTest(parameterized.TestCase):
  def _partition(self, lists, num_clients, seed=0):
    return label_partition.partition_by_top_labels(
      multi_label_source.SparseRows.from_lists(lists),
      num_clients,
      np.random.default_rng(seed),
    )

  @parameterized.product(num_clients=[1, 3, 7, 12], seed=[0, 1])
  def test_each_client_has_its_label_and_an_equal_share(
    self, num_clients, seed
  ):
    lists = _labels(seed)
    clients = self._partition(lists, num_clients, seed)
    self.assertLen(clients, num_clients)
    counts = collections.Counter(label for row in lists for label in row)
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    for label, client in zip(ranked[:num_clients], clients, strict=True):
      self.assertLen(client, len(lists) // num_clients)
      self.assertTrue(np.all(np.diff(client) > 0))
      num_with = sum(label in lists[i] for i in client)
      self.assertEqual(num_with, min(counts[label], len(client)))

  def test_examples_of_a_client_are_uniform_among_those_of_its_label(self):
    # Label 0 has more examples than fit, label 1 fewer.
    lists = [[0]] * 30 + [[1]] * 5 + [[]] * 5
    drawn, filled = np.zeros(40), np.zeros(40)
    for seed in range(400):
      first, second = self._partition(lists, 2, seed)
      drawn[first] += 1
      filled[second] += 1
    self.assertEqual(drawn[30:].sum(), 0)
    np.testing.assert_array_equal(filled[30:35], 400)
    others = np.concatenate([filled[:30], filled[35:]])
    # Five standard deviations of a binomial count.
    for counts, chance in ((drawn[:30], 20 / 30), (others, 15 / 35)):
      np.testing.assert_allclose(
        counts,
        400 * chance,
        atol=5 * np.sqrt(400 * chance * (1 - chance)),
        rtol=0,
      )

  def test_partition_follows_from_the_seed(self):
    first, again, other = (
      np.concatenate(self._partition(_labels(), 4, seed)) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    self.assertNotEqual(first.tolist(), other.tolist())

  @parameterized.named_parameters(
    (
      'labels',
      [[0], [1], [0, 1]],
      3,
      '3 clients, found 2 labels of 3 training',
    ),
    ('examples', [[0, 1, 2]], 2, '2 clients, found 3 labels of 1 training'),
    ('no_labels', [[], []], 1, '1 clients, found 0 labels of 2 training'),
  )
  def test_too_many_clients_raise(self, lists, num_clients, message):
    with self.assertRaisesRegex(ValueError, message + '.*lower'):
      self._partition(lists, num_clients)


if __name__ == '__main__':
  absltest.main()
