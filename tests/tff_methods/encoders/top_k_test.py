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
from unittest import mock

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders
from tff_methods.encoders import top_k

_DENORMALS = np.array([1e-45, -4e-45, 3e-45, 1e-40, -1e-40, 0.0], np.float32)


def _expected(x, k):
  """Sorts by the bits of the magnitude, then by position."""
  magnitudes = [
    int.from_bytes(value.tobytes(), 'little') % 2**31
    for value in x.astype(np.float32)
  ]
  order = sorted(range(len(x)), key=lambda i: (-magnitudes[i], i))
  return np.array(sorted(order[:k]), np.int32)


def _vectors(n):
  rng = np.random.default_rng(0)
  few = np.zeros(n)
  few[rng.choice(n, 1 + n // 100, replace=False)] = rng.normal(
    size=1 + n // 100
  )
  huge = rng.normal(size=n)
  huge[n // 3] = -3e38
  return {
    'normal': rng.normal(size=n),
    'heavy_tailed': rng.standard_cauchy(n).clip(-1e38, 1e38),
    'zeros': np.zeros(n),
    'minus_zeros': np.full(n, -0.0),
    'equal': np.full(n, -2.5),
    'signs': rng.choice([-1.0, 1.0], n),
    'ties': rng.integers(-3, 4, n),
    'few': few,
    'huge': huge,
    'denormal': rng.choice(_DENORMALS, n),
    'ascending': np.arange(n),
  }


class LargestTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(
    (1, 1), (7, 1), (7, 7), (1000, 1), (1000, 37), (1000, 999), (9, 0)
  )
  def test_small_vectors(self, n, k):
    for name, x in _vectors(n).items():
      x = x.astype(np.float32)
      with self.subTest(name):
        self.assertAllEqual(top_k.largest(tf.constant(x), k), _expected(x, k))

  # Fewer than exceed the sampled threshold, as many, and far more.
  @parameterized.parameters(1, 50, 600)
  def test_sampled_vectors(self, k):
    largest = tf.function(lambda x: top_k.largest(x, k))
    with mock.patch.object(top_k, '_SAMPLE_SIZE', 256):
      for name, x in _vectors(5000).items():
        x = x.astype(np.float32)
        with self.subTest(name):
          self.assertAllEqual(largest(x), _expected(x, k))

  @parameterized.named_parameters(
    # The stride is 19: all large values are in the sample, or none.
    ('threshold_too_high', 100.0, 1.0),
    ('threshold_too_low', 0.0, 1.0),
  )
  def test_unrepresentative_sample_does_not_change_the_result(
    self, sampled, others
  ):
    x = np.random.default_rng(0).uniform(1, 2, 5000) * others
    x[::19] = np.random.default_rng(1).uniform(1, 2, len(x[::19])) * sampled
    x = x.astype(np.float32)
    with mock.patch.object(top_k, '_SAMPLE_SIZE', 256):
      for k in (30, 400):
        self.assertAllEqual(top_k.largest(tf.constant(x), k), _expected(x, k))

  def test_long_vector_agrees_with_a_sort_by_numpy(self):
    x = np.random.default_rng(0).normal(size=600_000).astype(np.float32)
    order = np.argsort(-np.abs(x), kind='stable')
    for k in (3, 6000, 150_000):
      self.assertAllEqual(top_k.largest(tf.constant(x), k), np.sort(order[:k]))


class ScatterTest(tf.test.TestCase):
  def test_positions_out_of_range_raise_when_run(self):
    for position in (-1, 3):
      with self.assertRaises(tf.errors.InvalidArgumentError):
        top_k.scatter(tf.constant([1.0]), tf.constant([position]), 3)


class TopKStageTest(parameterized.TestCase, tf.test.TestCase):
  def _trip(self, fraction, shape):
    return round_trip.of_stages([(encoders.TopKStage(fraction), '')], shape)

  @parameterized.parameters(
    # 4 bytes per value. Bits of positions: 10 of 1000 take 6 low bits each and
    # 10 + 990 // 64 high bits; 1 of 100, 7; all, 0; 50 of 100, 100.
    (0.01, [10, 100], 40, 8 + 4),
    (0.001, [100], 4, 1),
    (1.0, [8], 32, 0),
    (0.5, [100], 200, 13),
  )
  def test_sends_values_and_positions_only(
    self, fraction, shape, value_bytes, position_bytes
  ):
    x = np.random.default_rng(0).normal(size=shape)
    payload, _ = self._trip(fraction, shape)(x)
    self.assertEqual(
      {name: value.nbytes for name, value in payload.items()},
      {'tensors/values': value_bytes, 'tensors/positions': position_bytes},
    )

  @parameterized.parameters(0.01, 0.1, 0.7, 1.0)
  def test_decodes_to_the_largest_and_zeros(self, fraction):
    x = np.random.default_rng(0).normal(size=[20, 50]).astype(np.float32)
    payload, decoded = self._trip(fraction, [20, 50])(x)
    threshold = np.sort(np.abs(x), axis=None)[-round(1000 * fraction)]
    expected = np.where(np.abs(x) >= threshold, x, 0.0)
    self.assertAllEqual(decoded, expected)
    self.assertAllEqual(payload['tensors/values'], expected[expected != 0.0])

  @parameterized.parameters(([0],), ([1],), ([1, 1],))
  def test_edge_case_shapes_round_trip(self, shape):
    x = np.full(shape, 3.0)
    self.assertAllEqual(self._trip(0.5, shape)(x)[1], x)

  def test_values_can_be_encoded_further(self):
    stages = [
      (encoders.TopKStage(0.1), 'values'),
      (encoders.HierarchicalQuantizationStage(4), ''),
    ]
    x = np.random.default_rng(0).normal(size=1000)
    payload, decoded = round_trip.of_stages(stages, [1000])(x)
    # 50 bytes of codes, 8 of range; 3 low bits each, and 100 + 900 // 8 high
    # bits.
    sizes = sorted(value.nbytes for value in payload.values())
    self.assertEqual(sizes, [8, 50, 38 + 27])
    kept = np.flatnonzero(decoded)
    self.assertAllEqual(kept, _expected(x, 100))
    magnitudes = np.abs(x[kept])
    self.assertAllInRange(
      np.abs(decoded - x)[kept],
      0.0,
      (magnitudes.max() - magnitudes.min()) / 16 * 1.001,
    )

  @parameterized.parameters(0.0, -0.5, 1.5, float('nan'))
  def test_fraction_out_of_range_raises(self, fraction):
    with self.assertRaisesRegex(ValueError, r'fraction in \(0, 1\], found'):
      encoders.TopKStage(fraction)


class TopKStageExecutionTest(tf.test.TestCase):
  def test_sums_in_the_aggregator_of_tff(self):
    factory = tff.aggregators.EncodedSumFactory(
      lambda spec: encoders.chain([(encoders.TopKStage(0.25), '')], spec)
    )
    process = factory.create(tff.TensorType(np.float32, [8]))
    values = [
      np.array([1, 9, 2, -3, 8, 4, 5, 0], np.float32),
      np.array([1, 1, 1, 1, -1, 1, 1, -7], np.float32),
    ]
    result = process.next(process.initialize(), values).result
    self.assertAllEqual(result, [1, 9, 0, 0, 8, 0, 0, -7])


if __name__ == '__main__':
  tf.test.main()
