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
"""Tests for bench_xc_files."""

import pathlib
import tempfile

from absl.testing import absltest
import numpy as np

from programs.benchmarks import bench_xc_files
from tasks.many_labels import xc_files


class WriteFilesTest(absltest.TestCase):
  def test_files_have_the_shape(self):
    directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    shape = bench_xc_files.Shape(2_000, 500, 80, 300, 4.0, 2.0)
    num_bytes = bench_xc_files.write_files(directory, shape)
    sizes = [path.stat().st_size for path in directory.iterdir()]
    self.assertEqual(num_bytes, sum(sizes))
    data = xc_files.xc(str(directory)).load()
    self.assertEqual((data.num_features, data.num_labels), (80, 300))
    self.assertLen(data.train.labels, 2_000)
    self.assertLen(data.test.labels, 500)
    mean = len(data.train.features.indices) / 2_000
    self.assertAlmostEqual(mean, 4, delta=0.4)
    # A repeated label counts once.
    mean = len(data.train.labels.indices) / 2_000
    self.assertAlmostEqual(mean, 1.9, delta=0.2)
    counts = np.bincount(data.train.labels.indices, minlength=300)
    self.assertGreater(counts[0], 20 * np.median(counts))


class TimeLoadingTest(absltest.TestCase):
  def test_the_cache_is_used(self):
    shape = bench_xc_files.Shape(300, 20, 30, 50, 2.0, 2.0)
    loading = bench_xc_files.time_loading(shape)
    self.assertGreater(loading.first_seconds, loading.next_seconds)
    self.assertGreater(loading.peak_bytes, 0)


if __name__ == '__main__':
  absltest.main()
