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

from tasks import retrieval_metrics


def _reference(embeddings, labels, r):
  """Equation 9 in plain Python; ties are in index order."""
  unit = []
  for e in embeddings.tolist():
    length = sum(v * v for v in e) ** 0.5
    unit.append([v / length for v in e])
  total = 0.0
  for q in range(len(unit)):
    distances = []
    for i in range(len(unit)):
      if i != q:
        squares = [(a - b) ** 2 for a, b in zip(unit[q], unit[i], strict=True)]
        distances.append((sum(squares), i))
    correct = 0
    for position, (_, i) in enumerate(sorted(distances)[:r], start=1):
      if labels[i] == labels[q]:
        correct += 1
        total += correct / position / r
  return total / len(unit)


class MeanAveragePrecisionTest(parameterized.TestCase):
  @parameterized.product(r=[1, 3, 10, 59], num_classes=[1, 4, 60])
  def test_equals_the_definition(self, r, num_classes):
    rng = np.random.default_rng(r)
    labels = rng.integers(num_classes, size=60)
    embeddings = rng.normal(size=(60, 5)) + rng.normal(size=(60, 5))[labels] * 2
    embeddings = embeddings.astype(np.float32)
    self.assertAlmostEqual(
      retrieval_metrics.mean_average_precision_at_r(embeddings, labels, r),
      _reference(embeddings, labels, r),
      places=6,
    )

  def test_ties_are_in_index_order(self):
    # Lengths are powers of two, so distances are exact and many tie.
    rng = np.random.default_rng(1)
    embeddings = rng.choice([-1.0, 1.0], size=(90, 4)) * rng.choice(
      [0.5, 1.0, 4.0], size=(90, 1)
    )
    labels = rng.integers(5, size=90)
    metric = retrieval_metrics.mean_average_precision_at_r
    self.assertAlmostEqual(
      metric(embeddings, labels, 7), _reference(embeddings, labels, 7), places=9
    )
    self.assertNotAlmostEqual(
      metric(embeddings, labels, 7),
      metric(embeddings[::-1], labels[::-1], 7),
      places=3,
    )

  def test_queries_of_several_batches(self):
    # 1,100 images on an arc; each class is a run of 11 neighbors.
    angles = np.linspace(0, 3, 1100)
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    far = np.repeat(np.eye(100), 11, axis=0)
    labels = np.repeat(np.arange(100), 11)
    metric = retrieval_metrics.mean_average_precision_at_r
    self.assertEqual(metric(far, labels, 10), 1.0)
    self.assertBetween(metric(embeddings, labels, 10), 0.5, 0.9)

  def test_classes_of_one_image_find_nothing(self):
    embeddings = np.random.default_rng(2).normal(size=(30, 3))
    metric = retrieval_metrics.mean_average_precision_at_r
    self.assertEqual(metric(embeddings, np.arange(30), 10), 0.0)

  def test_nonfinite_embeddings_give_nan(self):
    embeddings = np.ones((12, 3))
    embeddings[5, 1] = np.inf
    labels = np.arange(12)
    self.assertTrue(
      np.isnan(
        retrieval_metrics.mean_average_precision_at_r(embeddings, labels, 2)
      )
    )

  @parameterized.named_parameters(
    ('r_large', ValueError, (5, 2), np.arange(5), 5, '1 to 4, .* found 5'),
    ('r_zero', ValueError, (5, 2), np.arange(5), 0, 'found 0'),
    ('r_type', TypeError, (5, 2), np.arange(5), 2.0, '`r` to be an integer'),
    (
      'labels',
      ValueError,
      (5, 2),
      np.arange(4),
      1,
      r'found \[5, 2\] and \[4\]',
    ),
    ('rank', ValueError, (5,), np.arange(5), 1, r'shape \[num, d\]'),
    ('floats', TypeError, (5, 2), np.ones(5), 1, 'integer labels'),
  )
  def test_invalid_arguments_raise(self, error, shape, labels, r, message):
    with self.assertRaisesRegex(error, message) as caught:
      retrieval_metrics.mean_average_precision_at_r(np.ones(shape), labels, r)
    self.assertNotIn('\n', str(caught.exception))


if __name__ == '__main__':
  absltest.main()
