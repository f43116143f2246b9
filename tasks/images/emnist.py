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
"""EMNIST by writer, with TFF's data."""

from collections.abc import Mapping
import functools
import os

import tensorflow as tf
import tensorflow_federated as tff

from tasks import assembly
from tasks import catalog
from tasks import downloads
from tasks import options as options_lib
from tasks import serving
from tasks.images import image_models

_LARGEST_CLIENT = 418  # Examples, from TFF's own EMNIST tasks.


def build_emnist_task(
  name: str,
  data_dir: str | None,
  cache_dir: str,
  seed: int,
  options: options_lib.TaskOptions,
) -> tff.simulation.baselines.BaselineTask:
  """Builds `emnist`.

  Pixels are those of TFF: from 1.0, the background, to 0.0.

  Args:
    name: Name of the task.
    data_dir: Directory with the files of the task; `None` downloads them.
    cache_dir: Directory of downloaded files.
    seed: Seed of all random choices.
    options: Resolved options of the task.

  Returns:
    The task.

  Raises:
    ValueError: If the download fails, or a file is missing or damaged.
  """
  files = catalog.files(name)
  if not data_dir:
    data_dir = cache_dir
    downloads.ensure_downloaded(
      data_dir,
      files.layouts[0][0],
      lambda d: tff.simulation.datasets.emnist.load_data(cache_dir=d),
      title='EMNIST',
      remedy=(
        f'give a `data_dir` with {files.description}, or choose the task '
        "'digits', which needs no download, or 'mnist' with a `data_dir`."
      ),
    )
  (path,) = files.find(data_dir)
  train_data, test_data = _load(path, options_lib.required(options.only_digits))
  return assembly.assemble_task(
    train_data=train_data,
    # Without a seed, TFF orders the clients by the clock.
    test_data=test_data.create_tf_dataset_from_all_clients(seed=0),
    decode_fn=_decode,
    keras_model_fn=functools.partial(
      image_models.mnist_cnn,
      seed,
      num_classes=10 if options.only_digits else 62,
    ),
    client_spec=assembly.client_spec(options, _LARGEST_CLIENT),
    seed=seed,
    serving=serving.Serving(
      {'images': tf.TensorSpec([None, 28, 28], tf.float32)}, _add_channel
    ),
  )


def _load(
  path: str, only_digits: bool
) -> tuple[
  tff.simulation.datasets.ClientData, tff.simulation.datasets.ClientData
]:
  try:
    return tff.simulation.datasets.emnist.load_data(
      only_digits, os.path.dirname(path)
    )
  # TFF's errors for other files have no public type, or no clear message.
  except Exception as e:
    raise ValueError(
      f"Expected {path} to be TFF's EMNIST, found a file that cannot be read "
      f'({type(e).__name__}): remove it.'
    ) from e


def _decode(examples: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
  return _add_channel(examples['pixels']), examples['label']


def _add_channel(images: tf.Tensor) -> tf.Tensor:
  return tf.expand_dims(images, -1)
