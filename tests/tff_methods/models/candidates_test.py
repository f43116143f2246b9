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
"""Tests for candidates."""

import numpy as np
import tensorflow as tf

from tff_methods.models import candidates as candidates_lib


def _candidates(keys):
  return candidates_lib.Candidates(
    tf.constant(keys),
    tf.zeros([len(keys)]),
    tf.zeros([len(keys)], tf.bool),
  )


class CandidatesTest(tf.test.TestCase):
  def test_positions_of_labels_of_any_shape(self):
    keys = [-1, -1, 0, 4, 5, 11]
    for dtype in (tf.int32, tf.int64, tf.uint8):
      labels = tf.constant([[0, 4, 5], [11, 4, 0]], dtype)
      positions, is_there = _candidates(keys).positions(labels)
      self.assertEqual(positions.dtype, tf.int32)
      self.assertAllEqual(positions, [[2, 3, 4], [5, 3, 2]])
      self.assertAllEqual(is_there, np.ones([2, 3], bool))

  def test_other_labels_are_not_found(self):
    keys = [-1, 2, 4, 7]
    labels = tf.constant([0, 1, 2, 3, 5, 8, 1000])
    positions, is_there = _candidates(keys).positions(labels)
    self.assertAllEqual(
      is_there, [False, False, True, False, False, False, False]
    )
    # Their positions are valid all the same, so that they can be gathered.
    self.assertAllInRange(positions, 0, 3)

  def test_padding_is_not_found(self):
    for keys in ([-1, 2], [-1, -1]):
      _, is_there = _candidates(keys).positions(tf.constant([-1]))
      self.assertAllEqual(is_there, [False])

  def test_all_classes(self):
    keys, log_probability, is_positive = candidates_lib.all_classes(3)
    self.assertAllEqual(keys, [0, 1, 2])
    self.assertAllEqual(log_probability, [0.0, 0.0, 0.0])
    self.assertAllEqual(is_positive, [False, False, False])


if __name__ == '__main__':
  tf.test.main()
