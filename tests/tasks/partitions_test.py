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

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tasks import partitions

_NUM_LABELS = 10


def _labels(num_examples):
  return np.random.default_rng(17).integers(_NUM_LABELS, size=num_examples)


def _partition(kind, labels, num_clients, seed, alpha=0.5):
  rng = np.random.default_rng(seed)
  if kind == 'iid':
    return partitions.partition_iid(len(labels), num_clients, rng)
  return partitions.partition_dirichlet(labels, num_clients, alpha, rng)


def _label_table(labels, partition):
  return np.stack(
    [np.bincount(labels[p], minlength=_NUM_LABELS) for p in partition]
  )


class PartitionsTest(parameterized.TestCase):
  @parameterized.product(
    kind=['iid', 'dirichlet'],
    sizes=[(1498, 50), (103, 7), (10, 10), (5, 1)],
    alpha=[1e-6, 1e-3, 0.5, 1e4, 1e12],
  )
  def test_deals_each_example_once_in_even_sizes(self, kind, sizes, alpha):
    num_examples, num_clients = sizes
    partition = _partition(
      kind, _labels(num_examples), num_clients, seed=1, alpha=alpha
    )
    self.assertLen(partition, num_clients)
    self.assertEqual(
      sorted(np.concatenate(partition).tolist()), list(range(num_examples))
    )
    client_sizes = [len(p) for p in partition]
    self.assertLessEqual(max(client_sizes) - min(client_sizes), 1)

  @parameterized.parameters('iid', 'dirichlet')
  def test_follows_from_the_seed(self, kind):
    labels = _labels(300)
    first, again, other = (_partition(kind, labels, 10, s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    self.assertFalse(np.array_equal(first, other))

  def test_iid_labels_pass_a_test_of_homogeneity(self):
    labels = _labels(20_000)
    table = _label_table(labels, _partition('iid', labels, 100, seed=5))
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    chi_squared = ((table - expected) ** 2 / expected).sum()
    degrees = (100 - 1) * (_NUM_LABELS - 1)
    self.assertBetween(
      (chi_squared - degrees) / np.sqrt(2 * degrees), -4.0, 4.0
    )

  @parameterized.parameters(0.1, 0.5, 5.0)
  def test_dirichlet_labels_have_the_moments_of_the_distribution(self, alpha):
    # Two examples of a client share their label with probability
    # E[sum q^2] = (alpha + 1) / (10 alpha + 1). This holds for the first
    # clients only, since labels run out for the last ones.
    labels = _labels(60_000)
    partition = _partition('dirichlet', labels, 1200, seed=6, alpha=alpha)
    table = _label_table(labels, partition)[:500]
    pairs = (table * (table - 1)).sum(1) / (50 * 49)
    error = pairs.std() / np.sqrt(len(pairs))
    self.assertLess(
      abs(pairs.mean() - (alpha + 1) / (_NUM_LABELS * alpha + 1)), 4 * error
    )

  def test_smaller_alpha_is_farther_from_iid(self):
    labels = _labels(1498)
    labels_held = []
    for kind, alpha in (
      ('dirichlet', 0.05),
      ('dirichlet', 0.5),
      ('iid', None),
    ):
      table = _label_table(labels, _partition(kind, labels, 50, 7, alpha))
      labels_held.append((table > 0).sum(1).mean())
    self.assertLess(labels_held[0], 3.5)
    self.assertBetween(labels_held[1], 3.5, 8.0)
    self.assertGreater(labels_held[2], 9.0)

  @parameterized.parameters(5e-324, 1e-300, 9e-7, 0.0, -1.0, 2e12, 1e300)
  def test_alpha_that_cannot_be_drawn_with_raises(self, alpha):
    with self.assertRaisesRegex(ValueError, 'Expected `alpha` .*found'):
      _partition('dirichlet', _labels(10), 2, seed=0, alpha=alpha)

  @parameterized.product(kind=['iid', 'dirichlet'], num_clients=[0, 11])
  def test_clients_without_examples_raise(self, kind, num_clients):
    with self.assertRaisesRegex(ValueError, 'from 1 to 10.* found'):
      _partition(kind, _labels(10), num_clients, seed=0)


class PartitionByClassesTest(parameterized.TestCase):
  def _partition(self, labels, seed=0, classes=20, examples=5):
    return partitions.partition_by_classes(
      labels,
      classes_per_client=classes,
      examples_per_class=examples,
      rng=np.random.default_rng(seed),
    )

  @parameterized.parameters((964, 16, 144), (23, 16, 3), (20, 11, 2))
  def test_each_client_has_five_examples_of_each_of_twenty_classes(
    self, num_classes, num_examples, num_clients
  ):
    labels = np.tile(np.arange(num_classes), num_examples)
    partition = self._partition(labels)
    self.assertLen(partition, num_clients)
    for indices in partition:
      _, counts = np.unique(labels[indices], return_counts=True)
      self.assertEqual(counts.tolist(), [5] * 20)
    dealt = np.concatenate(partition)
    self.assertLen(np.unique(dealt), len(dealt))
    self.assertLen(np.unique(labels[dealt]), num_classes)

  def test_classes_of_different_sizes(self):
    labels = np.repeat(np.arange(60), np.random.default_rng(1).integers(4, 40))
    labels = np.concatenate([labels, np.arange(20), np.full(90, 3)])
    partition = self._partition(labels, classes=7)
    dealt = np.concatenate(partition)
    self.assertLen(np.unique(dealt), len(dealt))
    for indices in partition:
      _, counts = np.unique(labels[indices], return_counts=True)
      self.assertEqual(counts.tolist(), [5] * 7)

  def test_follows_from_the_seed(self):
    labels = np.tile(np.arange(50), 10)
    first, again, other = (self._partition(labels, s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    self.assertFalse(np.array_equal(first, other))

  def test_classes_co_occur_at_random(self):
    # Two of 200 classes are on the same client of 20 with probability 19 / 199.
    labels = np.tile(np.arange(200), 5)
    together = [
      any({0, 1} <= set(labels[p]) for p in self._partition(labels, seed))
      for seed in range(400)
    ]
    self.assertBetween(np.mean(together), 0.095 - 0.045, 0.095 + 0.045)

  def test_too_few_examples_raise(self):
    with self.assertRaisesRegex(ValueError, 'least 20 classes of 5.*found 19'):
      self._partition(np.repeat(np.arange(21), [5] * 19 + [4] * 2))


if __name__ == '__main__':
  absltest.main()
