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
"""Multi-label classification tasks."""

from collections.abc import Callable, Sequence
import functools

import attrs
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import assembly
from tasks import client_database
from tasks import functional_models
from tasks import options as options_lib
from tasks import partitions
from tasks import preprocessing
from tasks import serving
from tasks import sources
from tasks import validation
from tasks.many_labels import feature_hashing
from tasks.many_labels import function_sources
from tasks.many_labels import label_partition
from tasks.many_labels import multi_label_database
from tasks.many_labels import multi_label_models
from tasks.many_labels import multi_label_npz
from tasks.many_labels import multi_label_source
from tasks.many_labels import xc_files
from tff_methods import label_hashing

_SOURCES = {
  'delicious': multi_label_npz.delicious,
  'bibtex': multi_label_npz.bibtex,
  'stackex': multi_label_npz.stackex,
  'xc': xc_files.xc,
  'api_calls': function_sources.api_calls,
  'identifiers': function_sources.identifiers,
}
# With 320,000 labels, the logits of a batch take 128 MB.
_EVAL_BATCH_SIZE = 100
# Classes in the outputs of an exported model.
_NUM_TOP_CLASSES = 10


@attrs.define(frozen=True)
class MultiLabelTask(serving.ServedTask):
  """A task whose examples have any number of labels.

  Attributes:
    num_labels: Number of labels.
    network: Layers of the model, from input vectors to logits; see
      `with_network` for others.
    max_labels: Width that labels are padded to, by -1.
    frequent_classes: Classes that metrics count as frequent.
    class_counts: Number of training examples of each class.
    num_train_examples: Number of training examples; one that is on several
      clients counts once.
  """

  num_labels: int = attrs.field(kw_only=True)
  network: label_hashing.Network = attrs.field(kw_only=True)
  max_labels: int = attrs.field(kw_only=True)
  frequent_classes: tuple[int, ...] = attrs.field(kw_only=True)
  class_counts: tuple[int, ...] = attrs.field(kw_only=True)
  num_train_examples: int = attrs.field(kw_only=True)

  def with_network(
    self, network: label_hashing.Network, seed: int
  ) -> 'MultiLabelTask':
    """Returns this task with another network, for all methods.

    Args:
      network: Layers of the model, from the task's input vectors to logits.
      seed: Seed of the initial weights of a model of all labels.

    Raises:
      TypeError: If it is not a network.
      ValueError: If its inputs are not those of the task.
    """
    label_hashing.check_network(network)
    expected = self.network.input_spec
    if not network.input_spec.is_compatible_with(expected):
      raise ValueError(
        f'Expected a network with inputs {expected.dtype.name}'
        f'{expected.shape.as_list()}, found {network.input_spec.dtype.name}'
        f'{network.input_spec.shape.as_list()}: correct its input_spec, or set '
        '`feature_width`.'
      )
    return attrs.evolve(
      self,
      network=network,
      model_fn=_model_fn(network, seed, self.max_labels, self.is_frequent()),
    )

  def is_frequent(self) -> np.ndarray:
    """Returns a mask of the frequent classes, bool `[num_labels]`."""
    return np.isin(np.arange(self.num_labels), self.frequent_classes)

  def hashed_model(
    self, label_hash: label_hashing.LabelHash, seed: int
  ) -> label_hashing.HashedLabelModel:
    """Builds a model with a copy of the network for each hash table.

    Args:
      label_hash: Hash tables from labels to buckets.
      seed: Seed of the initial weights.

    Returns:
      The model.
    """
    return label_hashing.HashedLabelModel(
      self.network, label_hash, self.max_labels, seed=seed
    )

  def evaluated_model_fn(
    self, model: label_hashing.HashedLabelModel, decodings: Sequence[str]
  ) -> Callable[[], tff.learning.models.VariableModel]:
    """Returns a `model_fn` of a hashed model with the metrics of the task.

    Args:
      model: A model of this task, see `hashed_model`.
      decodings: Decodings of bucket scores, see `HashedLabelModel.top_k`. The
        metrics of the task are those of the first. Precisions of the others
        have their names in front, as in `median_precision_at_5`.

    Returns:
      A function that builds the model.
    """
    first, *others = decodings
    metrics_fns = multi_label_models.metrics_fns(
      self.is_frequent(),
      _top_classes_fn(model, first),
      {decoding: _top_classes_fn(model, decoding) for decoding in others},
    )
    functional_model = model.functional_model(metrics_fns)
    names = multi_label_models.weight_names(
      len(functional_model.initial_weights[0])
    )
    return lambda: functional_models.variable_model(functional_model, names)

  def hashed_outputs(
    self, model: label_hashing.HashedLabelModel, decoding: str
  ) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Returns the function from bucket scores to the best classes.

    Args:
      model: A model of this task, see `hashed_model`.
      decoding: Decoding of bucket scores, see `HashedLabelModel.top_k`.

    Returns:
      A function for `tasks.Serving.outputs`.
    """
    k = min(_NUM_TOP_CLASSES, self.num_labels)
    return lambda predictions: _top_outputs(
      *model.top_k(predictions, k, decoding=decoding)
    )


def build_multi_label_task(
  name: str,
  data_dir: str | None,
  cache_dir: str,
  seed: int,
  options: options_lib.TaskOptions,
) -> MultiLabelTask:
  """Builds one of `catalog.MULTI_LABEL_TASK_NAMES`.

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
  path = client_database.ensure_database(
    cache_dir,
    name,
    {
      'source': source.fingerprint,
      'num_clients': options.num_clients,
      'partition': options.partition,
      'partition_share': _partition_share(options),
      'seed': seed,
    },
    lambda p: _build(p, source, options, seed),
  )
  return _assemble(path, seed, options)


def _assemble(
  path: str, seed: int, options: options_lib.TaskOptions
) -> MultiLabelTask:
  summary = multi_label_database.load_summary(path)
  multi_label_models.check_size(
    len(summary.label_counts), options_lib.required(options.hidden_width)
  )
  feature_hash = feature_hashing.FeatureHash(
    summary.num_features, options_lib.required(options.feature_width)
  )
  is_frequent = label_partition.is_frequent(
    summary.label_counts,
    summary.num_examples,
    options_lib.required(options.frequent_share),
  )

  datasets = _build_datasets(path, seed, options, summary, feature_hash)
  network = label_hashing.DenseNetwork(
    feature_hash.width, 2 * (options_lib.required(options.hidden_width),)
  )
  return MultiLabelTask(
    datasets,
    _model_fn(network, seed, summary.max_labels, is_frequent),
    serving=_serving(feature_hash, len(is_frequent)),
    num_labels=len(is_frequent),
    network=network,
    max_labels=summary.max_labels,
    frequent_classes=tuple(np.flatnonzero(is_frequent).tolist()),
    class_counts=tuple(summary.label_counts.tolist()),
    num_train_examples=summary.num_examples,
  )


def _model_fn(
  network: label_hashing.Network,
  seed: int,
  max_labels: int,
  is_frequent: np.ndarray,
) -> Callable[[], tff.learning.models.VariableModel]:
  """Returns the `model_fn` of a model of all labels."""

  @functools.cache
  def functional_model() -> tff.learning.models.FunctionalModel:
    return multi_label_models.baseline(
      network, seed=seed, max_labels=max_labels, is_frequent=is_frequent
    )

  return lambda: functional_models.variable_model(
    functional_model(),
    multi_label_models.weight_names(len(functional_model().initial_weights[0])),
  )


def _serving(
  feature_hash: feature_hashing.FeatureHash, num_labels: int
) -> serving.Serving:
  k = min(_NUM_TOP_CLASSES, num_labels)
  return serving.Serving(
    {
      'features': tf.TensorSpec([None, None], tf.int64),
      'values': tf.TensorSpec([None, None], tf.float32),
    },
    feature_hash.hash_padded,
    lambda logits: _top_outputs(*tf.math.top_k(logits, k)),
  )


def _top_classes_fn(
  model: label_hashing.HashedLabelModel, decoding: str
) -> Callable[[tf.Tensor, int], tf.Tensor]:
  """Returns the function from bucket scores and k to the k best classes."""

  def top_classes(predictions: tf.Tensor, k: int) -> tf.Tensor:
    return model.top_k(predictions, k, decoding=decoding)[1]

  return top_classes


def _top_outputs(scores: tf.Tensor, classes: tf.Tensor) -> dict[str, tf.Tensor]:
  return {'classes': classes, 'scores': scores}


def _build_datasets(
  path: str,
  seed: int,
  options: options_lib.TaskOptions,
  summary: multi_label_database.Summary,
  feature_hash: feature_hashing.FeatureHash,
) -> tff.simulation.baselines.BaselineTaskDatasets:
  def decode(serialized):
    indices, values, labels = multi_label_database.parse_examples(serialized)
    labels = tf.cast(labels, tf.int32).to_tensor(
      label_hashing.PADDING, shape=[None, summary.max_labels]
    )
    return feature_hash(indices, values), labels

  return validation.SharedExampleDatasets(
    train_data=client_database.load_train_data(path),
    test_data=client_database.load_test_data(path),
    train_preprocess_fn=preprocessing.build_train_preprocess_fn(
      assembly.client_spec(options, client_database.largest_client(path)),
      decode,
      seed,
    ),
    eval_preprocess_fn=lambda d: d.batch(_EVAL_BATCH_SIZE).map(decode),
  )


def _build(
  path: str,
  source: multi_label_source.MultiLabelSource,
  options: options_lib.TaskOptions,
  seed: int,
) -> None:
  data = source.load()
  partition = _partition(data, options, np.random.default_rng(seed))
  multi_label_database.write_database(path, data, partition)


def _partition_share(options: options_lib.TaskOptions) -> float | None:
  """Returns the option, or `None` if the partition does not use it."""
  is_used = options.partition == 'frequent_labels'
  return options.partition_share if is_used else None


def _partition(
  data: multi_label_source.MultiLabelData,
  options: options_lib.TaskOptions,
  rng: np.random.Generator,
) -> list[np.ndarray]:
  """Returns the indices of each client's examples."""
  labels = data.train.labels
  num_clients = options_lib.required(options.num_clients)
  if options.partition == 'iid':
    return partitions.partition_iid(len(labels), num_clients, rng)
  if options.partition == 'top_labels':
    return label_partition.partition_by_top_labels(labels, num_clients, rng)
  frequent = label_partition.is_frequent(
    np.bincount(labels.indices, minlength=data.num_labels),
    len(labels),
    options_lib.required(_partition_share(options)),
  )
  return label_partition.partition_by_frequent_classes(
    labels, frequent, num_clients, rng
  )
