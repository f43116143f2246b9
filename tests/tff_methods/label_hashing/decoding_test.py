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
"""Tests for decoding."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods import label_hashing

_REDUCTIONS = {'mean': np.mean, 'median': np.median}


def _random_log_probabilities(label_hash, batch=6, num_values=None, seed=0):
  """Returns `float32[R, batch, B]`; few distinct values give many ties."""
  rng = np.random.default_rng(seed)
  shape = [label_hash.num_tables, batch, label_hash.num_buckets]
  if num_values:
    return -rng.integers(num_values, size=shape).astype(np.float32)
  return np.log(rng.random(shape, np.float32) + 1e-6)


def _reference_scores(log_probabilities, label_hash, reduction):
  """Returns `float64[batch, p]`."""
  table = label_hash.buckets()
  of_tables = [
    log_probabilities[r].astype(np.float64)[:, table[r]]
    for r in range(label_hash.num_tables)
  ]
  return _REDUCTIONS[reduction](of_tables, axis=0)


def _reference_top_k(scores, k):
  classes = [
    sorted(range(len(row)), key=lambda c: (-row[c], c))[:k] for row in scores
  ]
  return np.take_along_axis(scores, np.array(classes), 1), classes


def _tensor_sizes(graph):
  """Returns the sizes of all tensors, those in loops included."""
  sizes = [
    tensor.shape.num_elements()
    for op in graph.get_operations()
    for tensor in op.outputs
  ]
  for function in graph._functions.values():  # pylint: disable=protected-access
    if getattr(function, 'graph', None) is not None:
      sizes.extend(_tensor_sizes(function.graph))
  return sizes


class DecodingTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.product(
    reduction=('mean', 'median'), num_tables=(1, 2, 3, 4, 5, 8)
  )
  def test_scores_equal_those_of_numpy(self, reduction, num_tables):
    label_hash = label_hashing.LabelHash.draw(70, num_tables, 11, 1)
    log_probabilities = _random_log_probabilities(label_hash)
    scores = label_hashing.class_scores(
      log_probabilities, label_hash, reduction=reduction
    )
    self.assertAllClose(
      scores, _reference_scores(log_probabilities, label_hash, reduction)
    )

  @parameterized.product(
    reduction=('mean', 'median'),
    num_classes=(63, 64, 300),
    k=(1, 60),
    chunk_size=(64, 192, 512),
  )
  def test_top_k_equals_that_of_numpy_with_ties_by_class(
    self, reduction, num_classes, k, chunk_size
  ):
    # Few distinct integers: sums are exact, and most scores tie.
    label_hash = label_hashing.LabelHash.draw(num_classes, 4, 40, 1)
    log_probabilities = _random_log_probabilities(label_hash, num_values=3)
    scores, classes = label_hashing.top_k(
      log_probabilities,
      label_hash,
      k,
      reduction=reduction,
      chunk_size=chunk_size,
    )
    self.assertEqual(classes.dtype, tf.int32)
    expected = _reference_top_k(
      _reference_scores(log_probabilities, label_hash, reduction), k
    )
    self.assertAllEqual(classes, expected[1])
    self.assertAllEqual(scores, expected[0])

  @parameterized.product(reduction=('mean', 'median'), num_tables=(1, 3, 12))
  def test_top_k_has_the_bits_of_class_scores(self, reduction, num_tables):
    label_hash = label_hashing.LabelHash.draw(500, num_tables, 29, 1)
    log_probabilities = _random_log_probabilities(label_hash)
    kwargs = dict(reduction=reduction)
    found = label_hashing.top_k(
      log_probabilities, label_hash, 20, chunk_size=64, **kwargs
    )
    class_scores = tf.function(label_hashing.class_scores)
    for scores_fn in (label_hashing.class_scores, class_scores):
      scores = scores_fn(log_probabilities, label_hash, **kwargs)
      expected = tf.math.top_k(scores, 20)
      self.assertAllEqual(found[0], expected.values)
      self.assertAllEqual(found[1], expected.indices)

  def test_all_classes_in_order(self):
    label_hash = label_hashing.LabelHash.draw(130, 2, 7, 1)
    log_probabilities = _random_log_probabilities(label_hash, num_values=2)
    _, classes = label_hashing.top_k(log_probabilities, label_hash, 130)
    scores = _reference_scores(log_probabilities, label_hash, 'mean')
    self.assertAllEqual(classes, _reference_top_k(scores, 130)[1])

  @parameterized.parameters('mean', 'median')
  def test_impossible_buckets(self, reduction):
    label_hash = label_hashing.LabelHash.draw(200, 4, 30, 1)
    rng = np.random.default_rng(1)
    log_probabilities = _random_log_probabilities(label_hash, num_values=3)
    is_impossible = rng.random(log_probabilities.shape) < 0.6
    log_probabilities[is_impossible] = -np.inf
    log_probabilities[:, 0] = -np.inf
    scores, classes = label_hashing.top_k(
      log_probabilities, label_hash, 150, reduction=reduction, chunk_size=64
    )
    expected = _reference_top_k(
      _reference_scores(log_probabilities, label_hash, reduction), 150
    )
    self.assertAllEqual(scores, expected[0])
    self.assertAllEqual(classes, expected[1])

  @parameterized.parameters('mean', 'median')
  def test_identity_does_not_change_scores(self, reduction):
    label_hash = label_hashing.LabelHash.identity(150)
    log_probabilities = _random_log_probabilities(label_hash)
    kwargs = dict(reduction=reduction)
    scores = label_hashing.class_scores(log_probabilities, label_hash, **kwargs)
    self.assertAllEqual(scores, log_probabilities[0])
    values, classes = label_hashing.top_k(
      log_probabilities, label_hash, 7, **kwargs
    )
    expected = tf.math.top_k(log_probabilities[0], 7)
    self.assertAllEqual(values, expected.values)
    self.assertAllEqual(classes, expected.indices)

  def test_the_class_of_high_buckets_is_found(self):
    label_hash = label_hashing.LabelHash.draw(20_000, 4, 400, 2)
    wanted = np.array([0, 19_999, 777])
    log_probabilities = np.full([4, 3, 400], -9.0, np.float32)
    for r, buckets in enumerate(label_hash.buckets()):
      log_probabilities[r, np.arange(3), buckets[wanted]] = -0.5
    scores, classes = label_hashing.top_k(log_probabilities, label_hash, 2)
    self.assertAllEqual(classes[:, 0], wanted)
    self.assertAllEqual(scores[:, 0], [-0.5] * 3)
    self.assertAllLess(scores[:, 1], -0.5)

  def test_unknown_batch_size(self):
    label_hash = label_hashing.LabelHash.draw(300, 4, 40, 1)
    traced = tf.function(
      lambda x: label_hashing.top_k(x, label_hash, 5, chunk_size=64),
      input_signature=[tf.TensorSpec([4, None, 40])],
    )
    for batch in (0, 1, 6):
      log_probabilities = _random_log_probabilities(label_hash, batch)
      scores, classes = traced(log_probabilities)
      self.assertEqual(scores.shape, [batch, 5])
      expected = label_hashing.top_k(log_probabilities, label_hash, 5)
      self.assertAllEqual(classes, expected[1])

  def test_no_tensor_is_as_large_as_the_scores_of_all_classes(self):
    num_classes, batch = 100_003, 256
    label_hash = label_hashing.LabelHash.draw(num_classes, 4, 50, 0)
    traced = tf.function(
      lambda x: label_hashing.top_k(x, label_hash, 5, chunk_size=128)
    ).get_concrete_function(tf.TensorSpec([4, batch, 50]))
    sizes = [size for size in _tensor_sizes(traced.graph) if size is not None]
    # The scores of a chunk are among them.
    self.assertIn(128 * batch, sizes)
    self.assertLess(max(sizes), num_classes * batch / 50)


class DecodingArgumentsTest(parameterized.TestCase, tf.test.TestCase):
  def setUp(self):
    super().setUp()
    self.label_hash = label_hashing.LabelHash.draw(30, 2, 5, 1)
    self.log_probabilities = _random_log_probabilities(self.label_hash)

  def _top_k(self, k=3, **kwargs):
    return label_hashing.top_k(
      self.log_probabilities, self.label_hash, k, **kwargs
    )

  @parameterized.parameters('top_k', 'class_scores')
  def test_unknown_decoding(self, name):
    args = (3,) if name == 'top_k' else ()
    with self.assertRaisesRegex(
      ValueError, "one of \\('mean', 'median'\\), found 'max'"
    ):
      getattr(label_hashing, name)(
        self.log_probabilities, self.label_hash, *args, reduction='max'
      )

  @parameterized.parameters([[3, 6, 5]], [[2, 6, 30]], [[6, 5]])
  def test_wrong_shape(self, shape):
    with self.assertRaisesRegex(
      ValueError, r'shape \[2, None, 5\].*found \(.*stack those of the tables'
    ):
      label_hashing.class_scores(tf.zeros(shape), self.label_hash)

  def test_more_than_all_classes(self):
    with self.assertRaisesRegex(ValueError, 'k of at most 30.*found 31: ask'):
      self._top_k(31)

  @parameterized.parameters(('k', 0), ('chunk_size', 0))
  def test_zero(self, name, value):
    with self.assertRaisesRegex(ValueError, f'{name} of at least 1, found 0'):
      self._top_k(**{name: value})

  @parameterized.parameters('k', 'chunk_size')
  def test_float(self, name):
    with self.assertRaisesRegex(TypeError, f'{name} to be an int, found float'):
      self._top_k(**{name: 64.0})

  def test_chunk_of_partial_blocks(self):
    with self.assertRaisesRegex(ValueError, 'multiple of 64, found 100: round'):
      self._top_k(chunk_size=100)


class SignedProbabilitiesTest(tf.test.TestCase):
  def test_pairs_are_opposite(self):
    probabilities = np.array([[0.5, 0.2, 0.1, 0.9]])
    signed = label_hashing.signed_probabilities(
      tf.constant(np.log(probabilities), tf.float32)
    )
    self.assertAllClose(signed, [[0.3, -0.3, -0.8, 0.8]])

  def test_estimates_are_unbiased_over_hash_functions(self):
    # Probabilities of buckets that are sums, as the values in a count sketch.
    values = np.array([0.3, 0.0, 0.05, 0.2, 0.01, 0.15])
    num_draws = 4_000
    label_hash = label_hashing.LabelHash.draw(6, num_draws, 4, seed=0)
    buckets = label_hash.buckets()
    sums = np.stack([np.bincount(b, values, minlength=4) for b in buckets])
    signed = label_hashing.signed_probabilities(
      tf.constant(np.log(sums + 1e-30)[:, np.newaxis])
    ).numpy()[:, 0]
    estimates = np.take_along_axis(signed, buckets, axis=1)
    errors = 5 * estimates.std(axis=0) / num_draws**0.5
    self.assertTrue(np.all(np.abs(estimates.mean(axis=0) - values) < errors))
    # Without signs, other classes add a quarter of their values.
    unsigned = np.take_along_axis(sums, buckets, axis=1).mean(axis=0)
    self.assertGreater((unsigned - values).min(), 0.09)

  def test_odd_number_of_buckets(self):
    with self.assertRaisesRegex(ValueError, 'even number .*found 3: add'):
      label_hashing.signed_probabilities(tf.zeros([2, 3]))


if __name__ == '__main__':
  tf.test.main()
