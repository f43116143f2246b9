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
"""Image classification with partitioned data: digits, MNIST, CIFAR-10."""

from collections.abc import Callable
import dataclasses
import functools

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import assembly
from tasks import client_database
from tasks import options as options_lib
from tasks import partitions
from tasks import preprocessing
from tasks import sources
from tasks.images import image_models
from tasks.images import image_sources


@dataclasses.dataclass(frozen=True)
class _ImageTask:
  """Data and model of a task.

  Attributes:
    open_source: Opens the images; takes `data_dir` if the task has files.
    image_format: Shape of the images, and normalization of their pixels.
    keras_model_fn: Builds the model from a seed.
  """

  open_source: Callable[..., image_sources.ImageSource]
  image_format: preprocessing.ImageFormat
  keras_model_fn: Callable[[int], tf.keras.Model]


_TASKS = {
  'digits': _ImageTask(
    open_source=image_sources.digits,
    image_format=preprocessing.ImageFormat((8, 8, 1), (0.0,), (16.0,)),
    keras_model_fn=image_models.digits_cnn,
  ),
  'mnist': _ImageTask(
    open_source=image_sources.mnist,
    image_format=preprocessing.ImageFormat((28, 28, 1), (0.0,), (255.0,)),
    keras_model_fn=image_models.mnist_cnn,
  ),
  'cifar10': _ImageTask(
    open_source=image_sources.cifar10,
    image_format=preprocessing.ImageFormat(
      shape=(32, 32, 3),
      # Mean and standard deviation of the channels of the training images.
      mean=(125.306918, 122.950394, 113.865383),
      scale=(62.993219, 62.088708, 66.704900),
    ),
    keras_model_fn=image_models.all_cnn,
  ),
}


def build_image_task(
  name: str,
  data_dir: str | None,
  cache_dir: str,
  seed: int,
  options: options_lib.TaskOptions,
) -> tff.simulation.baselines.BaselineTask:
  """Builds `digits`, `mnist` or `cifar10`.

  Args:
    name: Name of the task.
    data_dir: Directory with the files of the task, or `None`.
    cache_dir: Directory of cached client data.
    seed: Seed of all random choices.
    options: Resolved options of the task.

  Returns:
    The task.
  """
  task = _TASKS[name]
  source = sources.open_source(task.open_source, data_dir)
  contents_key: dict[str, object] = {
    'source': source.fingerprint,
    'partition': options.partition,
    'num_clients': options.num_clients,
    'seed': seed,
  }
  if options.partition == 'dirichlet':
    contents_key['dirichlet_alpha'] = options.dirichlet_alpha
  path = client_database.ensure_database(
    cache_dir, name, contents_key, lambda p: _build(p, source, options, seed)
  )
  return assembly.assemble_task(
    train_data=client_database.load_train_data(path),
    test_data=client_database.load_test_data(path),
    decode_fn=task.image_format.decode,
    keras_model_fn=functools.partial(
      _keras_model_fn(task, options.image_model), seed
    ),
    client_spec=assembly.client_spec(
      options, client_database.largest_client(path)
    ),
    seed=seed,
    serving=task.image_format.serving(),
  )


def _keras_model_fn(
  task: _ImageTask, image_model: str | None
) -> Callable[[int], tf.keras.Model]:
  # Only MNIST takes the option.
  if image_model == 'small_cnn':
    return image_models.mnist_small_cnn
  if image_model == 'all_cnn':
    return functools.partial(
      image_models.all_cnn, image_shape=task.image_format.shape
    )
  return task.keras_model_fn


def _build(
  path: str,
  source: image_sources.ImageSource,
  options: options_lib.TaskOptions,
  seed: int,
) -> None:
  images = source.load()
  rng = np.random.default_rng(seed)
  labels = images.y_train
  num_clients = options_lib.required(options.num_clients)
  if options.partition == 'iid':
    partition = partitions.partition_iid(len(labels), num_clients, rng)
  else:
    partition = partitions.partition_dirichlet(
      labels, num_clients, options_lib.required(options.dirichlet_alpha), rng
    )
  client_database.write_database(
    path,
    (images.x_train, images.y_train),
    (images.x_test, images.y_test),
    partition,
  )
