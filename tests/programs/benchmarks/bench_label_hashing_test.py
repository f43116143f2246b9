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
"""Tests for bench_label_hashing."""

from unittest import mock

from absl.testing import absltest
import pytest

from programs.benchmarks import bench_label_hashing


class BenchLabelHashingTest(absltest.TestCase):
  def test_times_both_models(self):
    sizes = {'tiny': (50, 10)}
    with mock.patch.object(bench_label_hashing, 'SIZES', sizes):
      results = bench_label_hashing.time_training('tiny', repeats=1)
      seconds = bench_label_hashing.time_decoding('tiny', repeats=1)
    trunk = 500 * 256 + 256 + 256 * 256 + 256
    model_bytes = {
      'all labels': 4 * (trunk + 256 * 50 + 50),
      'hashed labels': 4 * 4 * (trunk + 256 * 10 + 10),
    }
    self.assertEqual(
      {name: result.model_bytes for name, result in results.items()},
      model_bytes,
    )
    self.assertGreater(min(result.seconds for result in results.values()), 0)
    self.assertEqual([*seconds], ['mean', 'median'])

  @pytest.mark.slow
  def test_decoding_takes_less_than_scores_of_all_labels(self):
    peak = bench_label_hashing.peak_decoding_bytes('AmazonTitles-131K', 'mean')
    # At least a copy of the log-probabilities; all scores take 524 MB.
    self.assertBetween(peak / 1e6, 64, 262)


if __name__ == '__main__':
  absltest.main()
