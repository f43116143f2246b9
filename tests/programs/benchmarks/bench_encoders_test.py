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
"""Tests for bench_encoders."""

from absl.testing import absltest
import numpy as np
import pytest

from programs.benchmarks import bench_encoders


class RoundTripTest(absltest.TestCase):
  def test_decodes_tensors_of_each_shape(self):
    shapes = [[300], [20, 30]]
    tensors = bench_encoders.heavy_tailed(shapes)
    run = bench_encoders.round_trip_fn(
      shapes, lambda spec: bench_encoders.sketch(spec, 8, 'uniform')
    )
    for decoded, x in zip(run(tensors), tensors, strict=True):
      self.assertEqual(decoded.shape, x.shape)
      error = np.linalg.norm(decoded - x) / np.linalg.norm(x)
      self.assertBetween(error, 1e-6, 0.05)

  def test_times_each_candidate(self):
    seconds = bench_encoders.time_round_trips([[300], [20, 30]], repeats=1)
    self.assertEqual(
      [*seconds], [bench_encoders.COPY, *bench_encoders.CANDIDATES]
    )
    self.assertGreater(min(seconds.values()), 0)

  def test_times_each_sparse_candidate(self):
    seconds = bench_encoders.time_sparse_round_trips(1000, repeats=1)
    self.assertEqual(
      [*seconds],
      [
        bench_encoders.COPY,
        bench_encoders.SELECTION,
        'top-k',
        'top-k, 4 bits',
      ],
    )
    self.assertGreater(min(seconds.values()), 0)

  @pytest.mark.slow
  def test_peak_memory_is_at_least_the_result(self):
    peak = bench_encoders.peak_arrays([[2_000_000]], 'uniform')
    self.assertBetween(peak, 1, 20)


class NormalizedErrorsTest(absltest.TestCase):
  @pytest.mark.slow
  def test_errors_and_payloads(self):
    results = bench_encoders.normalized_errors(bits=2, length=1000)
    errors = {name: error for name, (error, _) in results.items()}
    self.assertLen(results, 5)
    self.assertLess(errors['eden, rotated'], errors['uniform, rotated'])
    self.assertLess(errors['uniform, rotated'], errors['uniform'])
    # 250 bytes of values, and a few of scale and seed.
    self.assertBetween(results['eden, rotated'][1], 250, 280)
    # TensorFlow sends 1024 values.
    self.assertGreater(results['TensorFlow, rotated'][1], 256)


if __name__ == '__main__':
  absltest.main()
