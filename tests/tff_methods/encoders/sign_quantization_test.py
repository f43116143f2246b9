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

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders


def _trip(shape, levels='one'):
  stage = encoders.SignQuantizationStage(levels)
  return round_trip.of_stages([(stage, '')], shape)


class SignQuantizationStageTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(('one', 4), ('two', 8))
  def test_payload_is_a_bit_a_value_and_scales(self, levels, scale_bytes):
    x = np.random.default_rng(0).normal(size=[5, 13]) + 0.3
    payload, decoded = _trip([5, 13], levels)(x)
    self.assertEqual(
      {name: value.nbytes for name, value in payload.items()},
      {'tensors/packed': 9, 'tensors/scales': scale_bytes},
    )
    self.assertAllEqual(decoded > 0, x > 0)
    if levels == 'one':
      expected = {np.float32(sum(abs(v) for v in x.flat) / x.size)}
      self.assertAllClose(np.unique(np.abs(decoded)), list(expected))
    else:
      self.assertAllClose(
        decoded[x > 0], np.full((x > 0).sum(), x[x > 0].mean())
      )
      self.assertAllClose(
        decoded[x < 0], np.full((x < 0).sum(), x[x < 0].mean())
      )

  @parameterized.product(
    levels=['one', 'two'], kind=['normal', 'one', 'equal', 'positive', 'heavy']
  )
  def test_is_contractive(self, levels, kind):
    rng = np.random.default_rng(1)
    x = {
      'normal': rng.normal(size=64),
      'one': np.eye(1, 64)[0],
      'equal': np.ones(64),
      'positive': rng.uniform(size=64),
      'heavy': rng.standard_cauchy(size=64),
    }[kind].astype(np.float32)
    _, decoded = _trip([64], levels)(x)
    error = round_trip.squared_error(decoded, x)
    bound = 1 - np.abs(x).sum() ** 2 / 64 / (x**2).sum()
    self.assertLess(error, 1.0)
    self.assertLessEqual(error, bound + 1e-5)
    if levels == 'one':
      self.assertAlmostEqual(error, bound, places=5)

  @parameterized.parameters('one', 'two')
  def test_zeros_and_no_values(self, levels):
    _, decoded = _trip([9], levels)(np.zeros([9]))
    self.assertAllEqual(decoded, np.zeros([9]))
    _, decoded = _trip([0], levels)(np.zeros([0]))
    self.assertEqual(decoded.shape, (0,))

  def test_not_finite_raises(self):
    with self.assertRaisesRegex(tf.errors.InvalidArgumentError, 'NaN or Inf'):
      _trip([3])(np.array([1.0, np.inf, 0.0]))

  def test_unknown_levels_raise(self):
    with self.assertRaisesRegex(ValueError, "^Expected levels .*found '3'"):
      encoders.SignQuantizationStage('3')


if __name__ == '__main__':
  tf.test.main()
