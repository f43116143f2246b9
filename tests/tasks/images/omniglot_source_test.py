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

import os
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tasks.images import omniglot_source
from tests.tasks import data_files


class OmniglotTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  def test_splits_by_drawer_and_set(self):
    arrays, _ = data_files.write_omniglot(self.dir)
    source = omniglot_source.omniglot(self.dir)
    images = source.load()
    self.assertEqual(source.num_classes, 24)
    self.assertEqual(images.x_train.shape, (24 * 16, 28, 28, 1))
    self.assertEqual(images.x_test.shape, (24 * 4, 28, 28, 1))
    np.testing.assert_array_equal(np.bincount(images.y_train), [16] * 24)
    np.testing.assert_array_equal(np.bincount(images.y_test), [4] * 24)
    x, y = images.retrieval
    self.assertEqual(x.shape, (60, 28, 28, 1))
    self.assertEqual(np.unique(y).tolist(), [24, 25, 26])
    self.assertEqual(arrays['label'].dtype, np.uint16)

  def test_averages_ink_over_squares_of_3_75_pixels(self):
    _, drawings = data_files.write_omniglot(self.dir)
    x, _ = omniglot_source.omniglot(self.dir).load().retrieval
    # Enlarge each pixel to 4x4, so that a square has 15x15.
    fine = np.kron(drawings[24 * 20 :], np.ones((1, 4, 4)))
    shares = fine.reshape(60, 28, 15, 28, 15).mean(axis=(2, 4))
    np.testing.assert_allclose(x[..., 0], 255 * shares, atol=0.5 + 1e-6)

  def test_fingerprint_changes_with_the_file(self):
    data_files.write_omniglot(self.dir)
    first = omniglot_source.omniglot(self.dir).fingerprint
    self.assertEqual(omniglot_source.omniglot(self.dir).fingerprint, first)
    data_files.write_omniglot(self.dir, num_evaluation=4)
    self.assertNotEqual(omniglot_source.omniglot(self.dir).fingerprint, first)

  def test_missing_file_raises(self):
    with self.assertRaisesRegex(ValueError, 'omniglot.npz, found none'):
      omniglot_source.omniglot(self.dir)

  @parameterized.named_parameters(
    ('missing', {'drawer': None}, 'found no drawer'),
    ('length', {'drawer': np.ones(5, np.uint8)}, r'found \[\[540\], \[5\]'),
    ('gap', {'label': np.full(540, 7, np.uint16)}, 'consecutive labels from 0'),
    ('no_evaluation', {'evaluation': np.zeros(540)}, 'and 0 examples'),
    ('type', {'label': np.repeat(np.arange(27), 20)}, 'uint16 labels'),
    ('images', {'images': np.ones((540, 105, 13), np.uint8)}, '105, 13'),
    (
      'drawer_type',
      {'drawer': np.tile(np.arange(1.0, 21.0), 27)},
      'found float64',
    ),
    (
      'drawer_zero',
      {'drawer': np.tile(np.arange(20, dtype=np.uint8), 27)},
      'drawers from 1 .* found uint8 from 0',
    ),
    (
      'evaluation',
      {'evaluation': np.repeat(np.array([0, 1, 2], np.uint8), (480, 40, 20))},
      'evaluation of 0 and 1, .* and uint8 up to 2',
    ),
    ('strings', {'drawer': np.full(540, 'x')}, 'strings in `drawer`'),
    ('drawers', {'drawer': np.ones(540, np.uint8)}, 'drawers above 16'),
  )
  def test_invalid_arrays_raise(self, changes, message):
    arrays, _ = data_files.write_omniglot(self.dir)
    arrays = {k: v for k, v in (arrays | changes).items() if v is not None}
    np.savez(os.path.join(self.dir, 'omniglot.npz'), **arrays)
    with self.assertRaisesRegex(
      ValueError, f'{message}.*: (replace it|save numbers)'
    ) as e:
      omniglot_source.omniglot(self.dir).load()
    self.assertNotIn('\n', str(e.exception))


if __name__ == '__main__':
  absltest.main()
