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
from scipy import stats
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders
from tff_methods.encoders import eden_quantization


def _trip(bits, shape, rotation=True):
  stages = [(encoders.EdenQuantizationStage(bits), '')]
  if rotation:
    stages.insert(0, (encoders.RotationStage([0]), 'rotated'))
  return round_trip.of_stages(stages, shape)


def _lloyd_max_distortion(bits):
  """Runs Lloyd's algorithm on a million quantiles of a normal distribution."""
  x = stats.norm.ppf((np.arange(1_000_000) + 0.5) / 1_000_000)
  sums = np.concatenate([[0], np.cumsum(x)])
  levels = stats.norm.ppf((np.arange(2**bits) + 0.5) / 2**bits)
  for _ in range(3000):
    middles = (levels[1:] + levels[:-1]) / 2
    ends = np.concatenate([[0], np.searchsorted(x, middles), [len(x)]])
    levels = np.diff(sums[ends]) / np.diff(ends)
  nearest = np.repeat(levels, np.diff(ends))
  return ((x - nearest) ** 2).mean()


class NormalLevelsTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(1, 2, 3, 4, 5)
  def test_distortion_is_near_that_of_lloyd_max(self, bits):
    width, levels = eden_quantization.normal_levels(bits)
    x = stats.norm.ppf((np.arange(1_000_000) + 0.5) / 1_000_000)
    cells = np.floor(2**bits * stats.norm.cdf(x / width)).astype(int)
    distortion = ((x - levels[cells]) ** 2).mean()
    best = _lloyd_max_distortion(bits)
    self.assertBetween(distortion / best, 0.999, 1.002 if bits < 3 else 1.01)

  def test_two_bits_are_the_levels_of_the_literature(self):
    # Max, "Quantizing for minimum distortion" (1960), table I.
    _, levels = eden_quantization.normal_levels(2)
    self.assertAllClose(levels, [-1.510, -0.4528, 0.4528, 1.510], atol=1e-3)


class EdenQuantizationStageTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(1, 2, 3, 8, 11, 16)
  def test_payload_is_as_documented(self, bits):
    payload, _ = _trip(bits, [3, 67])(np.ones([3, 67]))
    self.assertEqual(
      {name.split('/')[-1]: value.nbytes for name, value in payload.items()},
      {'packed': int(np.ceil(201 * bits / 8)), 'scale': 4},
    )

  # 1 / (1 - d) - 1 for the Lloyd-Max distortions d of Max (1960).
  @parameterized.parameters((1, 0.5708), (2, 0.1332), (3, 0.0358), (4, 0.00959))
  def test_error_of_a_heavy_tailed_vector(self, bits, expected):
    x = np.random.default_rng(0).standard_t(3, size=50_000)
    _, decoded = _trip(bits, x.shape)(x)
    self.assertAllClose(
      round_trip.squared_error(decoded, x), expected, rtol=0.05
    )

  def test_projection_on_the_input_is_the_input(self):
    y = np.random.default_rng(0).normal(size=999)
    _, decoded = _trip(2, y.shape, rotation=False)(y)
    self.assertAllClose(decoded @ y, y @ y, rtol=1e-5)

  @parameterized.parameters(
    (1, 'normal', 1024),
    (2, 'normal', 997),
    (1, 'student', 1024),
    (2, 'student', 729),
    (1, 'student', 1000),
    (4, 'student', 1024),
  )
  def test_decoded_is_nearly_unbiased_over_rotations(self, bits, tail, length):
    rng = np.random.default_rng(0)
    x = rng.normal(size=length)
    if tail == 'student':
      x = rng.standard_t(3, length)
    num_rounds = 4000
    decoded = _trip(bits, x.shape).many(x, num_rounds).astype(np.float64)
    squared_error = ((decoded - x) ** 2).sum(axis=1).mean()
    # Expected squared error of an unbiased mean of this many. Five standard
    # deviations of a chi-squared variable are well within a third of it.
    chance = squared_error / num_rounds * 4 / 3
    squared_bias = ((decoded.mean(axis=0) - x) ** 2).sum() - chance
    self.assertLess(squared_bias, 0.01 * squared_error)

  def test_loses_values_of_nearly_empty_vectors_at_every_rotation(self):
    x = np.zeros(64)
    x[:2] = 1.0, 0.8
    decoded = _trip(1, x.shape).many(x, 50)
    expected = np.zeros(64)
    expected[0] = 1.64
    self.assertAllClose(decoded, np.tile(expected, [50, 1]), atol=1e-5)

  def test_errors_of_correlated_clients_are_hardly_correlated(self):
    rng = np.random.default_rng(0)
    first, noise = rng.normal(size=[2, 100_000])
    trip = _trip(2, first.shape)
    for r in (0.0, 0.3, 0.5, 0.8):
      second = r * first + np.sqrt(1 - r**2) * noise
      errors = [trip(x)[1] - x for x in (first, second)]
      correlation = np.corrcoef(*errors)[0, 1]
      # Five standard errors of the correlation of independent samples.
      self.assertLess(abs(correlation), r**3 + 5 / np.sqrt(100_000))

  @parameterized.parameters(0.0, 5.0, 1e-30, -1e38)
  def test_constants_round_trip(self, value):
    x = np.full([64], value, np.float32)
    _, decoded = _trip(8, [64])(x)
    self.assertAllClose(decoded, x, rtol=0.05)

  @parameterized.parameters(([0],), ([1],), ([],), ([1, 0, 2],))
  def test_edge_case_shapes_round_trip(self, shape):
    x = np.full(shape, -2.5)
    self.assertAllClose(_trip(2, shape)(x)[1], x)

  @parameterized.parameters(8, 16)
  def test_values_beyond_the_largest_float_saturate(self, bits):
    # The outermost levels exceed it, though few or no values do.
    stage = encoders.EdenQuantizationStage(bits)
    y = np.random.default_rng(0).uniform(-3.4e38, 3.4e38, 100)
    payload, _ = stage.encode(tf.constant(y, tf.float32), {})
    decoded = stage.decode(payload, {}, shape=[100]).numpy()
    self.assertTrue(np.isfinite(decoded).all())

  @parameterized.parameters(1e-33, 1e-20, 1e20, 1e38)
  def test_extreme_scales_round_trip(self, scale):
    x = np.random.default_rng(0).uniform(-1, 1, 1000) * scale
    _, decoded = _trip(8, [1000])(x)
    self.assertLess(round_trip.squared_error(decoded / scale, x / scale), 1e-3)

  @parameterized.parameters(np.nan, np.inf, -np.inf)
  def test_non_finite_raises_when_run(self, value):
    with self.assertRaisesRegex(
      tf.errors.InvalidArgumentError, 'finite values, found NaN or Inf'
    ):
      _trip(2, [2], rotation=False)([1.0, value])


class EdenQuantizationStageExecutionTest(tf.test.TestCase):
  def test_sums_in_the_aggregator_of_tff(self):
    factory = tff.aggregators.EncodedSumFactory(
      lambda spec: encoders.chain(
        [
          (encoders.RotationStage([0]), 'rotated'),
          (encoders.EdenQuantizationStage(12), ''),
        ],
        spec,
      )
    )
    process = factory.create(tff.TensorType(np.float32, [20, 5]))
    values = list(np.random.default_rng(0).normal(size=[3, 20, 5]).astype('f'))
    result = process.next(process.initialize(), values).result
    self.assertAllClose(result, sum(values), atol=0.05)


if __name__ == '__main__':
  tf.test.main()
