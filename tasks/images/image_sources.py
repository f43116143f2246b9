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
"""Labelled images from files, or from scikit-learn."""

import dataclasses
import hashlib

import numpy as np
from sklearn import datasets as sklearn_datasets

from tasks import catalog
from tasks import input_files
from tasks import npz_files
from tasks import sources

_NUM_CLASSES = 10


@dataclasses.dataclass(frozen=True)
class LabelledImages:
  """Images and their labels, split into training and held-out test data.

  Attributes:
    x_train: uint8 `[num_train, height, width, channels]`.
    y_train: `[num_train]`, integers from 0.
    x_test: uint8 `[num_test, height, width, channels]`.
    y_test: `[num_test]`, integers from 0.
    retrieval: Images of the same shape and type, and their labels, of classes
      that occur in neither split.
  """

  x_train: np.ndarray
  y_train: np.ndarray
  x_test: np.ndarray
  y_test: np.ndarray
  retrieval: tuple[np.ndarray, np.ndarray] | None = None


@dataclasses.dataclass(frozen=True)
class ImageSource(sources.Source[LabelledImages]):
  """A source of labelled images.

  Attributes:
    num_classes: Number of classes in the training and test data.
  """

  num_classes: int = _NUM_CLASSES


def digits() -> ImageSource:
  """Opens the 1,797 handwritten digits of scikit-learn, 8x8 pixels.

  Every sixth example, starting with the sixth, is held out for testing: 299
  test and 1,498 training examples.

  Returns:
    A source of images of shape `[8, 8, 1]`, from 0 (background) to 16.
  """
  bunch = sklearn_datasets.load_digits()
  x = bunch.images.astype(np.uint8)[..., np.newaxis]
  y = bunch.target.astype(np.uint8)
  is_test = np.arange(len(y)) % 6 == 5
  images = LabelledImages(x[~is_test], y[~is_test], x[is_test], y[is_test])
  fingerprint = hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest()
  return ImageSource(fingerprint, lambda: images)


def mnist(data_dir: str) -> ImageSource:
  """Opens MNIST in `mnist.npz`: `x_train`, `y_train`, `x_test` and `y_test`.

  All are uint8; images are `[n, 28, 28]`, with 0 for the background.

  Args:
    data_dir: Directory of the file.

  Returns:
    A source of images of shape `[28, 28, 1]`.

  Raises:
    ValueError: If the file is missing.
  """
  files = input_files.InputFiles.hash(catalog.files('mnist').find(data_dir))
  (path,) = files.paths

  def load():
    names = ('x_train', 'y_train', 'x_test', 'y_test')
    with files.reading():
      x_train, y_train, x_test, y_test = npz_files.read_npz(path, names)
    for x, y in ((x_train, y_train), (x_test, y_test)):
      npz_files.check_labelled_images(
        path, x, y, (y.size, 28, 28), num_classes=_NUM_CLASSES
      )
    return LabelledImages(
      x_train[..., np.newaxis], y_train, x_test[..., np.newaxis], y_test
    )

  return ImageSource(files.fingerprint, load)


def cifar10(data_dir: str) -> ImageSource:
  """Opens CIFAR-10 in `cifar10_train_{0..4}.npz` and `cifar10_test.npz`.

  Each file has labels `y`, uint8 `[n]`, and `x_delta`, uint8 `[3, n, 32, 32]`.
  The three planes are green, red minus green and blue minus green, each stored
  as mixed first differences along rows and columns, modulo 256.

  Args:
    data_dir: Directory of the files.

  Returns:
    A source of RGB images of shape `[32, 32, 3]`.

  Raises:
    ValueError: If a file is missing.
  """
  files = input_files.InputFiles.hash(catalog.files('cifar10').find(data_dir))

  def load():
    with files.reading():
      parts = [_load_cifar10_part(path) for path in files.paths]
    x_train = np.concatenate([x for x, _ in parts[:-1]])
    y_train = np.concatenate([y for _, y in parts[:-1]])
    return LabelledImages(x_train, y_train, *parts[-1])

  return ImageSource(files.fingerprint, load)


def _load_cifar10_part(path: str) -> tuple[np.ndarray, np.ndarray]:
  delta, y = npz_files.read_npz(path, ('x_delta', 'y'))
  npz_files.check_labelled_images(
    path, delta, y, (3, y.size, 32, 32), num_classes=_NUM_CLASSES
  )
  planes = delta.cumsum(axis=2, dtype=np.uint8).cumsum(axis=3, dtype=np.uint8)
  green, red_minus_green, blue_minus_green = planes
  rgb = (red_minus_green + green, green, blue_minus_green + green)
  return np.stack(rgb, axis=-1), y
