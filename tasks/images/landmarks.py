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
"""Google Landmarks by photographer, with TFF's data."""

from collections.abc import Mapping
import functools

import tensorflow as tf
import tensorflow_federated as tff

from tasks import assembly
from tasks import catalog
from tasks import downloads
from tasks import options as options_lib
from tasks import row_task
from tasks import serving
from tasks.images import embedding_models

NUM_CLASSES = 2028

# Downloaded by TFF as one directory.
_SPLIT_DIR = 'gld160k'
_FEATURES: Mapping[str, tf.io.FixedLenFeature] = {
  'image/encoded_jpeg': tf.io.FixedLenFeature((), tf.string),
  'class': tf.io.FixedLenFeature((), tf.int64),
}
_RESIZED = 256
_CROPPED = 224
_NUM_EXAMPLES = 164_172  # In all: an upper bound for each client.


def build_landmarks_task(
  name: str,
  data_dir: str | None,
  cache_dir: str,
  seed: int,
  options: options_lib.TaskOptions,
) -> row_task.RowTask:
  """Builds `gldv2`.

  The data is Landmarks-User-160k of Hsu, Qi and Brown (2020), "Federated Visual
  Classification with Real-World Data Distribution". Images are resized to
  256x256 pixels, regardless of their aspect ratio, and cropped to 224x224: in
  the center for evaluation, at a random position for training. The position
  follows from the seed and the image, so a client sees the same crop in each
  round. Pixels are from -1 to 1.

  Args:
    name: Name of the task.
    data_dir: Directory with the files of the task; `None` downloads them.
    cache_dir: Directory of downloaded files.
    seed: Seed of all random choices.
    options: Resolved options of the task.

  Returns:
    The task.

  Raises:
    ValueError: If the download fails, or a file is missing.
  """
  if not data_dir:
    data_dir = cache_dir
    downloads.ensure_downloaded(
      data_dir,
      _SPLIT_DIR,
      lambda d: tff.simulation.datasets.gldv2.load_data(cache_dir=d),
      title='Landmarks-User-160k',
      remedy=(
        f'give a `data_dir` with {_SPLIT_DIR}, or choose the task '
        "'omniglot' with a `data_dir`, or 'digits', which needs no download."
      ),
    )
  train_dir, test_path = catalog.files(name).find(data_dir)
  return assembly.assemble_row_task(
    train_data=tff.simulation.datasets.FilePerUserClientData.create_from_dir(
      train_dir
    ),
    test_data=tf.data.TFRecordDataset(test_path),
    decode_fn=functools.partial(_decode, _random_crop(seed)),
    eval_decode_fn=functools.partial(_decode, _central_crop),
    body_fn=embedding_models.build_mobilenet_fn(seed),
    rows_fn=functools.partial(embedding_models.class_rows, seed, NUM_CLASSES),
    client_spec=assembly.client_spec(options, _NUM_EXAMPLES),
    seed=seed,
    serving=serving.Serving(
      {'jpegs': tf.TensorSpec([None], tf.string)},
      lambda jpegs: _decode_jpegs(_central_crop, jpegs),
    ),
  )


def _decode(crop_fn, serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  examples = tf.io.parse_example(serialized, _FEATURES)
  x = _decode_jpegs(crop_fn, examples['image/encoded_jpeg'])
  return x, tf.cast(examples['class'], tf.int32)


def _decode_jpegs(crop_fn, jpegs: tf.Tensor) -> tf.Tensor:
  size = (_RESIZED, _RESIZED)

  def decode(jpeg):
    image = tf.io.decode_jpeg(jpeg, channels=3)
    return crop_fn(tf.image.resize(image, size), jpeg)

  images = tf.map_fn(
    decode,
    jpegs,
    fn_output_signature=tf.TensorSpec((_CROPPED, _CROPPED, 3), tf.float32),
  )
  return images / 127.5 - 1.0


def _random_crop(seed: int):
  def crop(image, jpeg):
    image_hash = tf.strings.to_hash_bucket_fast(jpeg, 2**31)
    return tf.image.stateless_random_crop(
      image, (_CROPPED, _CROPPED, 3), seed=tf.stack([seed, image_hash])
    )

  return crop


def _central_crop(image, jpeg):
  del jpeg  # All images have the same crop.
  margin = (_RESIZED - _CROPPED) // 2
  return image[margin:-margin, margin:-margin]
