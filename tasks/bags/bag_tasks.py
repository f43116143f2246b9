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
"""Prediction of an item from a bag of ids."""

from collections.abc import Callable
import functools

import tensorflow as tf
import tensorflow_federated as tff

from tasks import assembly
from tasks import client_database
from tasks import functional_models
from tasks import options as options_lib
from tasks import preprocessing
from tasks import row_task
from tasks import serving
from tasks import sources
from tasks import stored_baselines
from tasks.bags import bag_database
from tasks.bags import bag_models
from tasks.bags import bag_sources
from tasks.bags import popularity_baseline
from tff_methods import models

_SOURCES = {'tags': bag_sources.tags, 'lastfm': bag_sources.lastfm}
# With 17,632 items, the logits of a batch take 7 MB.
_EVAL_BATCH_SIZE = 100


def build_bag_task(
  name: str,
  data_dir: str | None,
  cache_dir: str,
  seed: int,
  options: options_lib.TaskOptions,
) -> row_task.RowTask:
  """Builds one of `catalog.BAG_TASK_NAMES`.

  Args:
    name: Name of the task.
    data_dir: Directory with the files of the task.
    cache_dir: Directory of cached client data.
    seed: Seed of all random choices.
    options: Resolved options of the task.

  Returns:
    The task.

  Raises:
    ValueError: If data is missing or damaged, or there are fewer ids than
      `vocab_size`.
  """
  source = sources.open_source(_SOURCES[name], data_dir)
  path = client_database.ensure_database(
    cache_dir,
    name,
    {'source': source.fingerprint},
    lambda p: bag_database.write_database(p, source.load()),
  )
  summary = bag_database.load_summary(path)
  num_ids = options.vocab_size or summary.num_ids
  is_item = name == 'lastfm'
  if num_ids > summary.num_ids:
    raise ValueError(
      f'Expected `vocab_size` of at most {summary.num_ids}, the number of '
      f'distinct words of the clients of {name!r}, found {num_ids}: lower it.'
    )

  def decode(serialized):
    ids, items = bag_database.parse_examples(serialized)
    return _inputs(ids.to_tensor(bag_models.PADDING), num_ids), tf.cast(
      items, tf.int32
    )

  @functools.cache
  def row_model_fn() -> models.RowModel:
    return bag_models.row_model(
      seed,
      num_ids,
      len(summary.item_names),
      options_lib.required(options.embedding_dim),
    )

  return row_task.RowTask(
    tff.simulation.baselines.BaselineTaskDatasets(
      train_data=client_database.load_train_data(path),
      test_data=client_database.load_test_data(path),
      train_preprocess_fn=preprocessing.build_train_preprocess_fn(
        assembly.client_spec(options, client_database.largest_client(path)),
        decode,
        seed,
      ),
      eval_preprocess_fn=lambda d: d.batch(_EVAL_BATCH_SIZE).map(decode),
    ),
    lambda: functional_models.variable_model(
      bag_models.ranking_model(row_model_fn(), is_item=is_item),
      bag_models.WEIGHT_NAMES,
    ),
    row_model_fn,
    class_names=summary.item_names,
    baselines_fn=_build_baselines_fn(
      path, decode, num_ids, len(summary.item_names), is_item=is_item
    ),
    classes_by_frequency=(
      range(len(summary.item_names)) if name == 'tags' else None
    ),
    serving=serving.Serving(
      {'ids': tf.TensorSpec([None, None], tf.int64)},
      lambda ids: _inputs(ids, num_ids),
    ),
  )


def _build_baselines_fn(
  path: str,
  decode: Callable[[tf.Tensor], tuple[dict[str, tf.Tensor], tf.Tensor]],
  num_ids: int,
  num_items: int,
  *,
  is_item: bool,
) -> Callable[[], dict[str, float]]:
  """Builds the function to metrics of the most frequent items.

  Its first call reads all training examples, and writes the metrics beside the
  database.
  """

  def compute() -> dict[str, float]:
    train, test = (
      examples.batch(_EVAL_BATCH_SIZE).map(decode)
      for examples in (
        stored_baselines.load_train_examples(path),
        client_database.load_test_data(path),
      )
    )
    return popularity_baseline.metrics(train, test, num_items, is_item=is_item)

  # Raise the last number when metrics change.
  file = f'{path}.popularity-{num_ids}-2.json'
  return functools.partial(stored_baselines.load_or_compute, file, compute)


def _inputs(ids: tf.Tensor, num_ids: int) -> dict[str, tf.Tensor]:
  """Returns the input of the model, of the most frequent ids."""
  return bag_models.bag_inputs(tf.where(ids < num_ids, ids, bag_models.PADDING))
