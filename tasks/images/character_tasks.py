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
"""Classification of characters: many classes, a few on each client."""

import functools

import numpy as np

from tasks import assembly
from tasks import client_database
from tasks import options as options_lib
from tasks import partitions
from tasks import preprocessing
from tasks import row_task
from tasks import sources
from tasks.images import embedding_models
from tasks.images import glyph_source
from tasks.images import image_sources
from tasks.images import omniglot_source

# 100 images over 20 classes: Waghmare et al. (2022), "Efficient Image
# Representation Learning with Federated Sampled Softmax", section 4.3, for SOP.
_CLASSES_PER_CLIENT = 20
_EXAMPLES_PER_CLASS = 5
_SOURCES = {
  'omniglot': omniglot_source.omniglot,
  'glyphs': glyph_source.glyphs,
}
_FORMAT = preprocessing.ImageFormat((28, 28, 1), (0.0,), (255.0,))


def build_character_task(
  name: str,
  data_dir: str | None,
  cache_dir: str,
  seed: int,
  options: options_lib.TaskOptions,
) -> row_task.RowTask:
  """Builds `omniglot` or `glyphs`.

  Args:
    name: Name of the task.
    data_dir: Directory with the files of the task, or `None`.
    cache_dir: Directory of cached client data.
    seed: Seed of all random choices.
    options: Resolved options of the task.

  Returns:
    The task.
  """
  source = sources.open_source(_SOURCES[name], data_dir)
  num_clients = options.num_clients
  partition = (
    {'num_clients': num_clients}
    if options.partition == 'iid'
    else {
      'classes_per_client': _CLASSES_PER_CLIENT,
      'examples_per_class': _EXAMPLES_PER_CLASS,
    }
  )
  path = client_database.ensure_database(
    cache_dir,
    name,
    {'source': source.fingerprint, **partition, 'seed': seed},
    lambda p: _build(p, source, seed, num_clients),
  )
  return assembly.assemble_row_task(
    train_data=client_database.load_train_data(path),
    test_data=client_database.load_test_data(path),
    retrieval_data=client_database.load_retrieval_data(path),
    decode_fn=_FORMAT.decode,
    body_fn=functools.partial(embedding_models.character_cnn, seed),
    rows_fn=functools.partial(
      embedding_models.class_rows, seed, source.num_classes
    ),
    client_spec=assembly.client_spec(
      options, client_database.largest_client(path)
    ),
    seed=seed,
    serving=_FORMAT.serving(),
  )


def _build(
  path: str,
  source: image_sources.ImageSource,
  seed: int,
  num_clients: int | None,
) -> None:
  """Writes the database: IID clients, or `None` for clients of few classes."""
  images = source.load()
  rng = np.random.default_rng(seed)
  if num_clients is not None:
    partition = partitions.partition_iid(len(images.y_train), num_clients, rng)
  else:
    partition = partitions.partition_by_classes(
      images.y_train,
      classes_per_client=_CLASSES_PER_CLIENT,
      examples_per_class=_EXAMPLES_PER_CLASS,
      rng=rng,
    )
  client_database.write_database(
    path,
    (images.x_train, images.y_train),
    (images.x_test, images.y_test),
    partition,
    images.retrieval,
  )
