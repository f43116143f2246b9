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
"""Tests for bench_private_sums."""

from unittest import mock

from absl.testing import absltest
import numpy as np
import tensorflow_federated as tff

from programs.benchmarks import bench_private_sums
from tff_methods import runtime


class UpdatesTest(absltest.TestCase):
  def test_norms_and_mean_are_as_documented(self):
    vectors = np.array(
      [
        np.concatenate([part.ravel() for part in update])
        for update in bench_private_sums.updates()
      ]
    )
    self.assertEqual(vectors.shape, (20, 25_050))
    np.testing.assert_allclose(
      np.linalg.norm(vectors, axis=1), 2**0.5, rtol=0.02
    )
    self.assertAlmostEqual(
      np.linalg.norm(vectors.mean(axis=0)), (1 + 1 / 20) ** 0.5, delta=0.02
    )


class MeasureTest(absltest.TestCase):
  def test_a_mean_has_no_error(self):
    with mock.patch.object(bench_private_sums, '_NUM_FIRST_ROUNDS', 1):
      context = runtime.create_in_process_context('cpu')
      with tff.framework.get_context_stack().install(context):
        found = bench_private_sums.measure_one(
          tff.aggregators.UnweightedMeanFactory(), 1
        )
    self.assertEqual(found['bytes'], 4 * 25_050 + 4)  # And a count.
    self.assertLess(found['error'], 1e-6)
    self.assertGreater(found['seconds'], 0.0)

  def test_rows(self):
    with (
      mock.patch.object(
        bench_private_sums, 'candidates', return_value={'mean': None}
      ),
      mock.patch.object(
        bench_private_sums,
        'measure_one',
        return_value={'bytes': 1234, 'error': 0.5, 'seconds': 0.25},
      ),
      mock.patch.object(runtime, 'set_local_context'),
    ):
      rows = bench_private_sums.measure(1)
    self.assertEqual(
      rows[3:],
      [
        [
          'a sum of 20 updates of 25,050 values',
          'mean',
          '1,234 bytes',
          'error 0.500, 250 ms CPU',
        ]
      ],
    )

  def test_scalar_quantization(self):
    errors = {}
    for bits in (2, 8, 16):
      found = bench_private_sums.scalar_quantization(bits)
      errors[bits] = found['error']
      # Integers up to 20 · (2^bits − 1) need 6, 13 and 21 bits.
      num_bits = {2: 6, 8: 13, 16: 21}[bits]
      self.assertEqual(found['bytes'], -(-num_bits * 25_050 // 8))
    # The range has 255 and 65,535 steps.
    self.assertAlmostEqual(errors[8] / errors[16], 65_535 / 255, delta=10)
    self.assertGreater(errors[2], 50 * errors[8])


if __name__ == '__main__':
  absltest.main()
