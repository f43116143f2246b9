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
"""Tests for round_metrics."""

import collections

from absl.testing import absltest
import numpy as np

from programs.training import round_metrics


class RoundMetricsTest(absltest.TestCase):
  def test_all_numbers_by_their_paths(self):
    metrics = collections.OrderedDict(
      distributor=(),
      client_work=collections.OrderedDict(
        train=collections.OrderedDict(
          sparse_categorical_accuracy=np.float32(0.5), num_examples=np.int64(7)
        ),
        norm=1.5,
      ),
      aggregator=collections.OrderedDict(
        mean_value=collections.OrderedDict(payload_bytes=np.int64(2**40)),
        mean_weight=(),
      ),
      finalizer=collections.OrderedDict(
        update_non_finite=np.int32(0),
        is_skipped=False,
        per_tensor=np.ones(3),
        note='text',
        nothing=None,
      ),
    )
    self.assertEqual(
      dict(round_metrics.flatten(metrics)),
      {
        'train/accuracy': 0.5,
        'train/num_examples': 7,
        'client_work/norm': 1.5,
        'aggregator/mean_value/payload_bytes': 2**40,
        'finalizer/update_non_finite': 0,
        'finalizer/is_skipped': False,
      },
    )


if __name__ == '__main__':
  absltest.main()
