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

from tasks.images import image_sources
from tests.tasks import data_files


class DigitsTest(absltest.TestCase):
  def test_has_all_labels_in_both_splits(self):
    images = image_sources.digits().load()
    self.assertEqual(images.x_train.shape, (1498, 8, 8, 1))
    self.assertEqual(images.x_test.shape, (299, 8, 8, 1))
    self.assertEqual(images.x_train.max(), 16)
    self.assertGreater(np.bincount(images.y_train).min(), 130)
    self.assertGreater(np.bincount(images.y_test).min(), 20)

  def test_holds_out_examples_that_are_not_trained_on(self):
    images = image_sources.digits().load()
    train = {x.tobytes() for x in images.x_train}
    self.assertEmpty([x for x in images.x_test if x.tobytes() in train])


class MnistTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  def test_reads_written_arrays(self):
    arrays = data_files.write_mnist(self.dir)
    images = image_sources.mnist(self.dir).load()
    np.testing.assert_array_equal(images.x_train[..., 0], arrays['x_train'])
    np.testing.assert_array_equal(images.y_train, arrays['y_train'])
    np.testing.assert_array_equal(images.x_test[..., 0], arrays['x_test'])
    np.testing.assert_array_equal(images.y_test, arrays['y_test'])

  def test_fingerprint_changes_with_the_file(self):
    data_files.write_mnist(self.dir)
    first = image_sources.mnist(self.dir).fingerprint
    self.assertEqual(image_sources.mnist(self.dir).fingerprint, first)
    data_files.write_mnist(self.dir, num_train=61)
    self.assertNotEqual(image_sources.mnist(self.dir).fingerprint, first)

  def test_missing_file_raises(self):
    with self.assertRaisesRegex(ValueError, 'mnist.npz, found none'):
      image_sources.mnist(self.dir)
    with self.assertRaisesRegex(ValueError, 'not/there/mnist.npz, found none'):
      image_sources.mnist('not/there')

  @parameterized.parameters(0, 10, 1000, 20_000)
  def test_truncated_file_raises(self, length):
    data_files.write_mnist(self.dir)
    os.truncate(os.path.join(self.dir, 'mnist.npz'), length)
    with self.assertRaisesRegex(ValueError, 'cannot be read.*replace it'):
      image_sources.mnist(self.dir).load()

  def test_altered_file_raises(self):
    data_files.write_mnist(self.dir)
    with open(os.path.join(self.dir, 'mnist.npz'), 'r+b') as f:
      f.seek(5000)
      f.write(bytes(64))
    with self.assertRaisesRegex(ValueError, 'cannot be read.*replace it'):
      image_sources.mnist(self.dir).load()

  @parameterized.named_parameters(
    ('missing', {'y_test': None}, 'found no y_test'),
    ('floats', {'x_train': np.zeros((5, 28, 28))}, 'found float64'),
    ('shape', {'x_train': np.zeros((5, 784), np.uint8)}, r'uint8 \[5, 784\]'),
    ('count', {'y_test': np.zeros(4, np.uint8)}, r'and uint8 \[4\]'),
    ('labels', {'y_test': np.full(5, 10, np.uint8)}, 'up to 10'),
  )
  def test_invalid_arrays_raise(self, changes, message):
    x, y = np.zeros((5, 28, 28), np.uint8), np.zeros(5, np.uint8)
    arrays = {'x_train': x, 'y_train': y, 'x_test': x, 'y_test': y} | changes
    arrays = {k: v for k, v in arrays.items() if v is not None}
    np.savez(os.path.join(self.dir, 'mnist.npz'), **arrays)
    with self.assertRaisesRegex(ValueError, message):
      image_sources.mnist(self.dir).load()


class Cifar10Test(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())
    self.parts = data_files.write_cifar10(self.dir)

  def test_decodes_encoded_images(self):
    images = image_sources.cifar10(self.dir).load()
    train = [self.parts[f'train_{i}'] for i in range(5)]
    np.testing.assert_array_equal(
      images.x_train, np.concatenate([x for x, _ in train])
    )
    np.testing.assert_array_equal(
      images.y_train, np.concatenate([y for _, y in train])
    )
    np.testing.assert_array_equal(images.x_test, self.parts['test'][0])
    np.testing.assert_array_equal(images.y_test, self.parts['test'][1])

  def test_missing_file_raises(self):
    os.remove(os.path.join(self.dir, 'cifar10_train_3.npz'))
    with self.assertRaisesRegex(ValueError, 'cifar10_train_3.npz, found none'):
      image_sources.cifar10(self.dir)

  def test_truncated_file_raises(self):
    os.truncate(os.path.join(self.dir, 'cifar10_test.npz'), 9000)
    with self.assertRaisesRegex(ValueError, 'cifar10_test.npz .*replace it'):
      image_sources.cifar10(self.dir).load()

  def test_plain_images_raise(self):
    x, y = self.parts['test']
    path = os.path.join(self.dir, 'cifar10_test.npz')
    data_files.write_lzma_npz(path, {'x_delta': x, 'y': y})
    with self.assertRaisesRegex(ValueError, r'images \[3, 8, 32, 32\]'):
      image_sources.cifar10(self.dir).load()


if __name__ == '__main__':
  absltest.main()
