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
"""Tests for figures."""

import os
import tempfile
from unittest import mock

from absl.testing import absltest
import matplotlib
from matplotlib import image as mpl_image
import numpy as np

from programs.reports import figures


class FiguresTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = self.enter_context(tempfile.TemporaryDirectory())
    self._path = os.path.join(self._dir, 'figure.png')

  def _save_curves(self, y, log_x=True):
    figures.save_curves(
      self._path,
      {'a': figures.Curve([1, 10], y, [0.1, 0.1])},
      x_label='x',
      y_label='y',
      log_x=log_x,
    )
    return mpl_image.imread(self._path)

  def test_curves_are_drawn(self):
    first, other = self._save_curves([1, 2]), self._save_curves([1, 0.5])
    self.assertFalse(np.array_equal(first, other))
    # Blue, the first color.
    red, _, blue = np.moveaxis(first[..., :3], -1, 0)
    self.assertGreater(np.sum(blue > red + 0.3), 100)
    linear = self._save_curves([1, 2], log_x=False)
    self.assertFalse(np.array_equal(first, linear))

  def test_matrices_share_a_color_scale(self):
    half = np.full([2, 2], 0.5)
    figures.save_matrices(
      self._path,
      # An incomplete formula, which is shown as text.
      {'$a': half, 'b': np.array([[0.5, 1.0], [0.0, np.nan]])},
      x_label='x',
      y_label='y',
    )
    image = mpl_image.imread(self._path)[..., :3]
    color = np.array(matplotlib.colormaps['viridis'](0.5)[:3])
    is_half = np.abs(image - color).max(axis=-1) < 0.02
    columns = is_half.sum(axis=0)
    middle = image.shape[1] * 9 // 20
    # Four cells on the left, one on the right.
    self.assertAlmostEqual(
      columns[:middle].sum() / columns[middle:].sum(), 4, delta=0.4
    )

  def test_failure_leaves_the_old_file(self):
    old = self._save_curves([1, 2])
    with mock.patch('os.replace', side_effect=OSError('Out of luck.')):
      with self.assertRaisesRegex(OSError, 'luck'):
        self._save_curves([2, 1])
    np.testing.assert_array_equal(mpl_image.imread(self._path), old)
    self._save_curves([2, 1])
    self.assertEqual(os.listdir(self._dir), ['figure.png'])


if __name__ == '__main__':
  absltest.main()
