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
from tff_methods.common import seeds


def _trip(shape, seed_source='reproducible', clip_factor=None):
  stage = encoders.TernaryQuantizationStage([0], seed_source, clip_factor)
  return round_trip.of_stages([(stage, '')], shape)


def _trits(packed, length):
  """Reads the bytes digit by digit: five digits of base three, lowest first."""
  trits = []
  for byte in packed:
    number = int(byte)
    for _ in range(5):
      number, digit = divmod(number, 3)
      trits.append(digit - 1)
    assert number == 0
  assert not any(trits[length:])
  return np.array(trits[:length])


class TernaryQuantizationStageTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(1, 4, 5, 6, 1001)
  def test_payload_is_five_digits_a_byte_and_a_scale(self, length):
    x = np.random.default_rng(0).normal(size=length).astype(np.float32)
    payload, decoded = _trip([length])(x)
    self.assertEqual(
      {name: value.nbytes for name, value in payload.items()},
      {'tensors/packed': (length + 4) // 5, 'tensors/scale': 4},
    )
    scale = payload['tensors/scale']
    self.assertEqual(scale, np.abs(x).max())
    trits = _trits(payload['tensors/packed'], length)
    self.assertAllEqual(decoded, trits * scale)
    # No value changes its sign, and the largest is exact.
    self.assertAllInSet(trits * np.sign(x), [0.0, 1.0])
    self.assertEqual(decoded[np.abs(x).argmax()], x[np.abs(x).argmax()])

  def test_decoded_is_unbiased(self):
    x = np.random.default_rng(0).normal(size=[4, 10]).astype(np.float32)
    x[0, :3] = 0.0, 1e-3, -1e-3
    num_rounds = 20_000
    decoded = _trip([4, 10]).many(x, num_rounds).astype(np.float64)
    # From the formula: rare values may not occur, but their deviation is not 0.
    scale = np.abs(x).max()
    share = np.abs(x) / scale
    deviation = scale * np.sqrt(share * (1 - share) / num_rounds) + 1e-6
    self.assertAllInRange((decoded.mean(0) - x) / deviation, -5, 5)
    self.assertAllEqual(decoded[:, 0, 0], np.zeros(num_rounds))

  def test_probabilities_are_the_magnitudes(self):
    # Small enough for the low bits of the noise to matter.
    num_each = 200_000
    shares = np.array([0.5, -0.25, 0.01, -0.001, 0.0001])
    x = np.concatenate([np.repeat(shares, num_each), [-1.0]])
    _, decoded = _trip(x.shape)(x)
    counts = decoded[:-1].reshape(len(shares), num_each).sum(axis=1)
    deviation = np.sqrt(num_each * np.abs(shares) * (1 - np.abs(shares)))
    self.assertAllInRange((counts - num_each * shares) / deviation, -5, 5)

  @parameterized.parameters((0, 0), (-1, 1))
  def test_largest_noise(self, last_word, expected):
    # All 16 bits of each value's own noise are ones. The finer, shared noise
    # decides on values below the step of these bits, and no result exceeds 1.
    x = np.array([0.4 * 2**-16, 1.0, -1.0, 0.5, 0.0, 1.0])

    def random_words(key, num_words):
      del key  # Unused.
      return tf.constant([-1] * (num_words - 1) + [last_word])

    with mock.patch.object(seeds, 'random_words', random_words):
      stage = encoders.TernaryQuantizationStage([0])
      encoded, _ = stage.encode(
        tf.constant(x, tf.float32), {'key': tf.constant([1, 2])}
      )
    decoded = stage.decode(encoded, {}, shape=[6])
    # With the largest noise, minus 1 becomes zero: of probability 2**-22.
    minus_one = 0 if expected else -1
    self.assertAllEqual(decoded, [expected, 1, minus_one, 1, 0, 1])

  def test_neighbours_are_independent(self):
    x = np.append(np.full(200_000, 0.5), 1.0)
    _, decoded = _trip(x.shape)(x)
    trits = decoded[:-1] - 0.5
    for distance in (1, 2, 5):
      products = 4 * trits[distance:] * trits[:-distance]
      self.assertLess(abs(products.mean()), 5 / np.sqrt(200_000))

  def test_clipping_cuts_off_at_the_deviations_asked_for(self):
    x = np.random.default_rng(0).normal(size=10_000).astype(np.float32)
    x[7] = 40.0
    payload, decoded = _trip([10_000], clip_factor=2.5)(x)
    limit = 2.5 * np.sqrt((x.astype(np.float64) ** 2).mean())
    self.assertAllClose(payload['tensors/scale'], limit, rtol=1e-5)
    self.assertEqual(decoded[7], payload['tensors/scale'])
    # Unbiased, except for the clipping.
    clipped = np.clip(x, -limit, limit)
    standard_error = np.sqrt((np.abs(clipped) * limit - clipped**2).sum())
    self.assertLess(abs((decoded - clipped).sum()), 5 * standard_error)
    self.assertLess(
      round_trip.squared_error(decoded, clipped),
      round_trip.squared_error(_trip([10_000])(x)[1], x),
    )

  def test_clipping_above_the_largest_changes_nothing(self):
    x = np.random.default_rng(0).uniform(-1, 1, 1000)
    _, expected = _trip([1000])(x)
    self.assertAllEqual(_trip([1000], clip_factor=2.5)(x)[1], expected)

  @parameterized.parameters(None, 2.5)
  def test_equal_values_round_trip(self, clip_factor):
    for value in (0.0, 5.0, -3e38, 1e-37):
      x = np.full([9], value, np.float32)
      _, decoded = _trip([9], clip_factor=clip_factor)(x)
      self.assertAllClose(decoded, x, rtol=1e-6)

  @parameterized.parameters(([0],), ([1],), ([],), ([1, 0, 2],))
  def test_edge_case_shapes_round_trip(self, shape):
    x = np.full(shape, 2.5)
    self.assertAllEqual(_trip(shape)(x)[1], x)

  @parameterized.parameters(1e-37, 1e-30, 3.4e38)
  def test_extreme_scales_round_trip(self, scale):
    x = np.random.default_rng(0).uniform(-1, 1, 1000)
    x[0] = 1.0
    _, decoded = _trip([1000], clip_factor=100)(x * scale)
    self.assertAllClose(decoded / scale, np.round(decoded / scale), atol=1e-5)
    self.assertLess(abs((decoded / scale).sum() - x.sum()), 5 * 1000**0.5)

  def test_draws_differ_by_client_and_round_and_are_reproducible(self):
    first, second = np.random.default_rng(0).uniform(size=[2, 64])
    trip = _trip([64])
    runs = [trip(first, 0), trip(second, 0), trip(first, 1)]
    self.assertLen({run[0]['tensors/packed'].tobytes() for run in runs}, 3)
    self.assertAllEqual(trip(first, 0)[1], runs[0][1])

  def test_entropy_never_repeats(self):
    x = np.random.default_rng(0).uniform(size=256)
    trip = _trip([256], 'entropy')
    self.assertLen(
      {trip(x)[0]['tensors/packed'].tobytes() for _ in range(3)}, 3
    )

  @parameterized.parameters(np.nan, np.inf, -np.inf)
  def test_non_finite_raises_when_run(self, value):
    with self.assertRaisesRegex(
      tf.errors.InvalidArgumentError, 'finite values, found NaN or Inf'
    ):
      _trip([2])([1.0, value])

  @parameterized.parameters(0.0, -1, float('inf'), float('nan'))
  def test_clip_factor_out_of_range_raises(self, clip_factor):
    with self.assertRaisesRegex(ValueError, 'clip_factor above 0'):
      encoders.TernaryQuantizationStage([0], clip_factor=clip_factor)

  @parameterized.parameters('2.5', True)
  def test_clip_factor_of_another_type_raises(self, clip_factor):
    with self.assertRaisesRegex(TypeError, 'clip_factor to be a number, found'):
      encoders.TernaryQuantizationStage([0], clip_factor=clip_factor)

  def test_unknown_seed_source_raises(self):
    with self.assertRaisesRegex(ValueError, "'entropy'.*found 'clock'"):
      encoders.TernaryQuantizationStage([0], 'clock')


class TernaryRoundingStageTest(parameterized.TestCase, tf.test.TestCase):
  def test_payload_is_five_digits_a_byte(self):
    x = np.random.default_rng(0).uniform(-1, 1, size=1001).astype(np.float32)
    x[:3] = [-1.0, 0.0, 1.0]
    stage = encoders.TernaryRoundingStage([0])
    payload, decoded = round_trip.of_stages([(stage, '')], [1001])(x)
    self.assertEqual(
      {name: value.nbytes for name, value in payload.items()},
      {'tensors/packed': 201},
    )
    self.assertAllEqual(decoded, _trits(payload['tensors/packed'], 1001))
    self.assertAllEqual(decoded[:3], x[:3])
    self.assertAllInSet(decoded * np.sign(x), [0.0, 1.0])
    # Standard deviation of the mean: below 0.5 / sqrt(1001) = 0.016.
    self.assertLess(abs((decoded - x).mean()), 0.08)


class TernaryQuantizationStageExecutionTest(tf.test.TestCase):
  def test_sums_in_the_aggregator_of_tff(self):
    factory = tff.aggregators.EncodedSumFactory(
      lambda spec: encoders.chain(
        [(encoders.TernaryQuantizationStage([0]), '')], spec
      )
    )
    process = factory.create(tff.TensorType(np.float32, [8]))
    # Only zeros and each client's largest magnitude: nothing is rounded.
    values = [
      np.array([1, -1, 0, 0, 1, 0, 0, 1], np.float32),
      np.array([0, -5, 5, 0, 0, 0, -5, 5], np.float32),
    ]
    result = process.next(process.initialize(), values).result
    self.assertAllEqual(result, [1, -6, 5, 0, 1, 0, -5, 6])


if __name__ == '__main__':
  tf.test.main()
