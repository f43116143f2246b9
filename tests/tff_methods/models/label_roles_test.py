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
"""Tests for label_roles."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tff_methods.models import label_roles


class LabelRolesTest(parameterized.TestCase, tf.test.TestCase):
  _LABELS = np.array([[0, 2, 5], [7, 0, 3]])

  @parameterized.named_parameters(
    ('default', label_roles.LabelRoles(), set(), set(), set()),
    (
      'all_roles',
      label_roles.LabelRoles(padding=0, unscored=(2, 3), never_correct=(5,)),
      {0},
      {2, 3},
      {5},
    ),
    (
      'class_0_unscored',
      label_roles.LabelRoles(unscored=(0,)),
      set(),
      {0},
      set(),
    ),
  )
  def test_masks(self, roles, padding, unscored, never_correct):
    for mask, excluded in (
      (roles.is_example(self._LABELS), padding),
      (roles.is_scored(self._LABELS), unscored),
      (roles.may_be_correct(self._LABELS), never_correct),
    ):
      self.assertAllEqual(
        mask, [[x not in excluded for x in row] for row in self._LABELS]
      )

  @parameterized.named_parameters(
    ('above', dict(padding=12), 'below 12, found 12'),
    ('negative', dict(unscored=(-1,)), 'at least 0.*found -1'),
    ('never_correct', dict(never_correct=(3, 40)), 'below 12, found 40'),
    (
      'two_roles',
      dict(padding=3, never_correct=(3,)),
      'one role for each label',
    ),
    ('twice', dict(unscored=(3, 3)), 'one role for each label.*leave one out'),
  )
  def test_value_error(self, roles, message):
    with self.assertRaisesRegex(ValueError, message):
      label_roles.LabelRoles(**roles).check(12)

  def test_all_classes_may_have_roles(self):
    label_roles.LabelRoles(0, unscored=(1,), never_correct=(2,)).check(3)


if __name__ == '__main__':
  tf.test.main()
