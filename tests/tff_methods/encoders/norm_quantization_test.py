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

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders
from tff_methods.common import seeds


def _trip(shape, bits=4, **kwargs):
  stage = encoders.NormQuantizationStage(bits, [0], **kwargs)
  return round_trip.of_stages([(stage, '')], shape)


def _normal(*shape):
  return np.random.default_rng(0).normal(size=shape).astype(np.float32)


class NormQuantizationStageTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters((2, 7), (3, 512), (5, 64), (8, 1), (16, 100))
  def test_payload_is_codes_and_a_norm_for_each_bucket(self, bits, bucket_size):
    x = _normal(3, 67)
    payload, decoded = _trip([3, 67], bits, bucket_size=bucket_size)(x)
    self.assertEqual(
      {name: value.nbytes for name, value in payload.items()},
      {
        'tensors/packed': int(np.ceil(201 * bits / 8)),
        'tensors/norms': 4 * int(np.ceil(201 / bucket_size)),
      },
    )
    # Each value is next to what it was, between two multiples of the norm.
    for i in range(0, 201, bucket_size):
      bucket = np.ravel(x)[i : i + bucket_size]
      found = np.ravel(decoded)[i : i + bucket_size]
      step = np.abs(bucket).max() / (2 ** (bits - 1) - 1)
      self.assertAllInRange(np.abs(found - bucket), 0.0, step * 1.001)
      self.assertAllClose(found / step, np.round(found / step), atol=2e-3)

  @parameterized.parameters('max', 'euclidean')
  def test_decoding_is_unbiased_with_the_variance_of_the_paper(self, norm):
    x = _normal(96)
    decoded = _trip([96], 3, bucket_size=32, norm=norm).many(x, 2000)
    decoded = decoded.astype(np.float64)
    buckets = x.reshape(3, 32).astype(np.float64)
    norms = np.linalg.norm(buckets, np.inf if norm == 'max' else 2, axis=1)
    # A value between two of the 3 steps: Bernoulli, times the step.
    position = np.abs(buckets) / norms[:, None] * 3
    rest = position - np.floor(position)
    variance = (rest * (1 - rest) * (norms[:, None] / 3) ** 2).ravel()
    squared_error = ((decoded - x) ** 2).mean(axis=0).sum()
    self.assertBetween(squared_error / variance.sum(), 0.97, 1.03)
    error = decoded.mean(axis=0) - x
    deviation = np.sqrt(variance / 2000)
    self.assertLess(np.abs(error / np.maximum(deviation, 1e-6)).max(), 5.0)

  @parameterized.parameters(2, 8, 16)
  def test_zeros_and_largest_values_are_exact(self, bits):
    x = np.zeros([300], np.float32)
    x[[3, 40]] = [2.5, -2.5]
    _, decoded = _trip([300], bits, bucket_size=100)(x)
    self.assertAllEqual(decoded, x)

  @parameterized.parameters(1e-30, 1e38)
  def test_any_scale(self, scale):
    x = _normal(50) * np.float32(scale) / np.float32(4.0)
    _, decoded = _trip([50], 8)(x)
    self.assertAllInRange(np.abs(decoded / scale - x / scale), 0.0, 1.0 / 100)

  def test_zero_stays_zero_with_the_largest_noise(self):
    stage = encoders.NormQuantizationStage(4, [0])
    params, _ = stage.get_params(stage.initial_state())
    ones = tf.fill([3], tf.constant(-1, tf.int32))
    with mock.patch.object(seeds, 'random_words', return_value=ones):
      encoded, _ = stage.encode(tf.constant([0.0, 1.0]), params)
      decoded = stage.decode(encoded, {}, shape=[2])
    self.assertAllEqual(decoded, [0.0, 1.0])

  def test_no_values(self):
    payload, decoded = _trip([0, 3])(np.zeros([0, 3]))
    self.assertEqual(decoded.shape, (0, 3))
    self.assertEqual(sum(x.nbytes for x in payload.values()), 0)

  def test_not_finite_raises(self):
    with self.assertRaisesRegex(tf.errors.InvalidArgumentError, 'NaN or Inf'):
      _trip([3])(np.array([1.0, np.nan, 0.0]))

  @parameterized.parameters(
    ({'bits': 1}, 'bits of at least 2, .*found 1'),
    ({'bucket_size': 0}, 'bucket_size of at least 1, found 0'),
    ({'norm': 'l1'}, "norm to be one of .*found 'l1'"),
  )
  def test_bad_arguments_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, f'^Expected {message}'):
      _trip([3], **kwargs)


if __name__ == '__main__':
  tf.test.main()
