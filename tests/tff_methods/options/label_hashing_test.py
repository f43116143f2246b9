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

from tff_methods import label_hashing
from tff_methods import options as options_lib


class ReductionsTest(parameterized.TestCase):
  @parameterized.parameters(*options_lib.REDUCTIONS)
  def test_scores_are_the_reduction_of_that_name(self, reduction):
    label_hash = label_hashing.LabelHash.draw(6, 3, 4, 0)
    scores = np.random.default_rng(0).normal(size=[3, 1, 4]).astype(np.float32)
    buckets = label_hash(tf.range(6)).numpy()
    found = label_hashing.class_scores(
      tf.constant(scores), label_hash, reduction=reduction
    )
    expected = [
      getattr(np, reduction)([scores[r, 0, buckets[r, c]] for r in range(3)])
      for c in range(6)
    ]
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)


if __name__ == '__main__':
  tf.test.main()
