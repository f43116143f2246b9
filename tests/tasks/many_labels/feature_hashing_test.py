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

from tasks.many_labels import feature_hashing


def _hash(feature_hash, rows):
  """Hashes mappings from features to values."""
  indices = tf.ragged.constant([list(r) for r in rows], tf.int64)
  values = tf.ragged.constant([list(r.values()) for r in rows], tf.float32)
  return feature_hash(indices, values).numpy()


class FeatureHashTest(tf.test.TestCase, parameterized.TestCase):
  def test_few_features_have_coordinates_of_their_own(self):
    for width in (4, 100):
      feature_hash = feature_hashing.FeatureHash(4, width)
      self.assertEqual(feature_hash.width, 4)
      self.assertAllEqual(
        _hash(feature_hash, [{3: 2.0, 0: 1.5}, {}, {1: -1.0}]),
        [[1.5, 0, 0, 2], [0, 0, 0, 0], [0, -1, 0, 0]],
      )

  def test_each_feature_has_a_coordinate_and_a_sign(self):
    feature_hash = feature_hashing.FeatureHash(300, 20)
    hashed = _hash(feature_hash, [{i: 1.0} for i in range(300)])
    self.assertEqual(hashed.shape, (300, 20))
    self.assertAllEqual(np.count_nonzero(hashed, axis=1), np.ones(300))
    self.assertAllEqual(np.unique(hashed), [-1, 0, 1])
    # Hashing is linear: an example is the sum of its features.
    row = {7: 2.0, 250: -0.5, 31: 4.0, 32: 1.0, 33: 1.0, 34: 1.0}
    self.assertAllClose(
      _hash(feature_hash, [row])[0],
      sum(value * hashed[i] for i, value in row.items()),
    )

  def test_hash_functions_follow_from_the_seed(self):
    rows = [{i: 1.0} for i in range(50)]
    first, again, other = (
      _hash(feature_hashing.FeatureHash(50, 5, seed), rows)
      for seed in (0, 0, 1)
    )
    self.assertAllEqual(first, again)
    self.assertNotAllEqual(first, other)

  def test_inner_products_are_unbiased(self):
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 60)).astype(np.float32)
    rows = [dict(enumerate(x)), dict(enumerate(y))]
    products = []
    for seed in range(150):
      a, b = _hash(feature_hashing.FeatureHash(60, 16, seed), rows)
      products.append(np.dot(a, b))
    error = np.std(products) / np.sqrt(len(products))
    self.assertBetween(np.mean(products) - np.dot(x, y), -4 * error, 4 * error)
    # Without signs, collisions would add a large positive bias.
    self.assertLess(error, 0.1 * np.dot(x, y))

  def test_works_on_unknown_batch_sizes(self):
    feature_hash = feature_hashing.FeatureHash(30, 8)
    data = tf.data.Dataset.from_tensor_slices(
      tf.ragged.constant([[1, 2], [], [3]], tf.int64)
    )
    data = data.ragged_batch(2).map(
      lambda i: feature_hash(i, tf.cast(i, tf.float32))
    )
    self.assertEqual(data.element_spec, tf.TensorSpec([None, 8], tf.float32))
    expected = _hash(feature_hash, [{1: 1.0, 2: 2.0}, {}, {3: 3.0}])
    self.assertAllEqual(np.concatenate(list(data)), expected)

  def test_padded_features(self):
    feature_hash = feature_hashing.FeatureHash(30, 8)
    self.assertAllEqual(
      feature_hash.hash_padded(
        tf.constant([[-1, 2], [3, 29]], tf.int64),
        tf.constant([[9.0, 2.0], [3.0, 4.0]]),
      ),
      _hash(feature_hash, [{2: 2.0}, {3: 3.0, 29: 4.0}]),
    )

  @parameterized.parameters(
    ([[0, 30]], [[1.0, 1.0]], 'features from 0 to 29, or -1 .*found others'),
    ([[-2, 0]], [[1.0, 1.0]], 'features from 0 to 29, or -1 .*found others'),
    ([[0, 1]], [[1.0]], 'features and values of one shape'),
  )
  def test_wrong_padded_features(self, features, values, message):
    hashed = tf.function(feature_hashing.FeatureHash(30, 8).hash_padded)
    with self.assertRaisesRegex(tf.errors.InvalidArgumentError, message):
      hashed(tf.constant(features, tf.int64), tf.constant(values))


if __name__ == '__main__':
  tf.test.main()
