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

import dataclasses
import os
import pathlib
import tempfile
from unittest import mock

from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from programs.training import evaluation
import tasks
from tasks.many_labels import function_sources
from tests.tasks import data_files
from tff_methods import label_hashing

_NUM_LABELS = 8
_NUM_FEATURES = 20
_OPTIONS = tasks.TaskOptions(
  batch_size=16,
  epochs=1,
  num_clients=3,
  hidden_width=16,
  partition_share=0.25,
  frequent_share=0.25,
)


def _examples(num_examples, seed):
  """Returns examples whose features name their labels; half have label 0."""
  rng = np.random.default_rng(seed)
  examples = []
  for i in range(num_examples):
    labels = [0] * (i % 2) + [int(rng.integers(1, _NUM_LABELS))] * (i % 5 > 0)
    noise = rng.integers(_NUM_LABELS, _NUM_FEATURES, size=2).tolist()
    features = dict.fromkeys([*labels, *noise], 1) | {noise[0]: 3}
    examples.append((features, labels))
  return examples


_TRAIN, _TEST = _examples(120, 0), _examples(30, 1)


class _DeliciousTestCase(tf.test.TestCase, parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory())
    cls.cache_dir = os.path.join(cls.dir, 'cache')
    cls.write('delicious.npz', {'_train': _TRAIN, '_test': _TEST})

  @classmethod
  def write(cls, name, splits):
    data_files.write_multi_label(
      cls.dir, name, splits, _NUM_FEATURES, _NUM_LABELS
    )

  @classmethod
  def build(cls, options=_OPTIONS, name='delicious', **kwargs):
    kwargs = {'data_dir': cls.dir} | kwargs
    return tasks.build_task(
      name, cache_dir=cls.cache_dir, options=options, **kwargs
    )


def _train_data(task):
  return task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)


def _rows(batches):
  """Converts batches of unhashed features to the form of `_examples`."""
  rows = []
  for x, y in batches:
    for features, labels in zip(x.numpy(), y.numpy(), strict=True):
      places = np.flatnonzero(features)
      rows.append(
        (
          dict(zip(places.tolist(), features[places].tolist(), strict=True)),
          [label for label in labels.tolist() if label != -1],
        )
      )
  return rows


def _key(row):
  return sorted(row[0].items()), row[1]


class MultiLabelTaskTest(_DeliciousTestCase):
  def test_attributes(self):
    task = self.build()
    self.assertIsInstance(task, tasks.MultiLabelTask)
    self.assertEqual(
      (task.num_labels, task.network, task.max_labels),
      (
        _NUM_LABELS,
        label_hashing.DenseNetwork(_NUM_FEATURES, (16, 16)),
        2,
      ),
    )
    self.assertEqual(task.frequent_classes, (0,))
    self.assertEqual(task.is_frequent().tolist(), [True] + [False] * 7)
    computation = _train_data(task).dataset_computation
    self.assertEqual(
      computation.type_signature.compact_representation(),
      '(str -> <float32[?,20],int32[?,2]>*)',
    )

  def test_clients_have_the_examples_of_their_classes(self):
    train_data = _train_data(self.build())
    self.assertEqual(train_data.client_ids, ['0', '1', '2'])
    clients = [
      _rows(train_data.create_tf_dataset_for_client(c))
      for c in train_data.client_ids
    ]
    with_frequent = [sum(0 in labels for _, labels in c) for c in clients]
    self.assertEqual(sorted(with_frequent), [0, 0, 60])
    # With one frequent class, each example is on one client.
    self.assertCountEqual(
      [_key(row) for client in clients for row in client], map(_key, _TRAIN)
    )

  def test_held_out_examples_are_in_their_order(self):
    rows = _rows(self.build().datasets.get_centralized_test_data())
    self.assertEqual(list(map(_key, rows)), list(map(_key, _TEST)))

  def test_many_features_are_hashed(self):
    options = tasks.TaskOptions(num_clients=2, feature_width=6)
    task = self.build(options)
    self.assertEqual(task.network.input_width, 6)
    ((x, _),) = task.datasets.get_centralized_test_data()
    self.assertEqual(x.shape, (30, 6))
    # Signs keep the magnitudes of features that do not collide.
    self.assertNotEmpty(np.intersect1d(x, [-3, 3]))

  def test_choices_that_do_not_change_the_data_share_a_file(self):
    self.build()
    before = os.listdir(self.cache_dir)
    self.build(tasks.TaskOptions(num_clients=3, partition_share=0.25))
    self.assertEqual(os.listdir(self.cache_dir), before)
    for options, seed in (
      (tasks.TaskOptions(num_clients=4, partition_share=0.25), 0),
      (tasks.TaskOptions(num_clients=3, partition_share=0.3), 0),
      (_OPTIONS, 1),
    ):
      self.build(options, seed=seed)
      self.assertLen(os.listdir(self.cache_dir), len(before) + 1)
      before = os.listdir(self.cache_dir)

  def test_frequent_classes_are_of_the_metrics_alone(self):
    self.write('bibtex.npz', {'_train': _TRAIN, '_test': _TEST})
    counts = np.bincount([label for _, labels in _TRAIN for label in labels])
    self.build()
    files = os.listdir(self.cache_dir)
    for share in (0.01, 0.3):
      options = dataclasses.replace(_OPTIONS, frequent_share=share)
      frequent = self.build(options).frequent_classes
      expected = np.flatnonzero(counts / len(_TRAIN) >= share).tolist()
      self.assertEqual(list(frequent), expected)
    self.assertEqual(os.listdir(self.cache_dir), files)
    default = self.build(tasks.TaskOptions(num_clients=1), 'bibtex')
    expected = np.flatnonzero(counts / len(_TRAIN) >= 0.01).tolist()
    self.assertEqual(list(default.frequent_classes), expected)

  @parameterized.parameters('iid', 'top_labels')
  def test_clients_of_other_partitions_are_of_equal_size(self, partition):
    options = tasks.TaskOptions(
      partition=partition, num_clients=3, hidden_width=16
    )
    data = self.build(options).datasets.train_data
    sizes = [
      len(list(data.create_tf_dataset_for_client(client_id)))
      for client_id in data.client_ids
    ]
    self.assertEqual(sizes, [len(_TRAIN) // 3] * 3)

  def test_stackex_holds_out_a_tenth(self):
    self.write('stackex_cooking.npz', {'': _TRAIN})
    task = self.build(name='stackex')
    rows = _rows(task.datasets.get_centralized_test_data())
    self.assertEqual(list(map(_key, rows)), list(map(_key, _TRAIN[9::10])))

  def test_xc_reads_text(self):
    directory = self.enterContext(tempfile.TemporaryDirectory())
    for name, examples in (('train.txt', _TRAIN), ('test.txt', _TEST)):
      lines = [f'{len(examples)} {_NUM_FEATURES} {_NUM_LABELS}']
      for features, labels in examples:
        pairs = ' '.join(f'{i}:{value}' for i, value in features.items())
        lines.append(f'{",".join(map(str, labels))} {pairs}')
      pathlib.Path(directory, name).write_text('\n'.join(lines) + '\n')
    task = self.build(name='xc', data_dir=directory)
    rows = _rows(task.datasets.get_centralized_test_data())
    self.assertEqual(list(map(_key, rows)), list(map(_key, _TEST)))

  def test_api_calls_reads_functions(self):
    directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    paths = {}
    for i in range(60):
      name = f'module{i}.py'
      paths[name] = str(directory / name)
      call = 'open' if i % 2 else 'close'
      (directory / name).write_text(f'def {call}_it{i}(): {call}()\n')
    source = function_sources.functions_source(
      paths, 'some', function_sources.CALLS
    )
    with mock.patch.dict(
      'tasks.many_labels.multi_label_tasks._SOURCES',
      {'api_calls': lambda: source},
    ):
      # Two frequent classes could both be on one of two clients.
      options = tasks.TaskOptions(num_clients=1)
      task = self.build(options, 'api_calls', data_dir=None)
    self.assertEqual(task.num_labels, 2)
    # The features close, it and open; each number occurs only once.
    self.assertEqual(task.network.input_width, 3)
    for x, y in task.datasets.get_centralized_test_data():
      self.assertAllEqual(x[:, 0] == 1, y[:, 0] == 0)

  @parameterized.named_parameters(
    ('no_data', {'data_dir': None}, "'delicious' expects `data_dir`"),
    (
      'stray_data',
      {'name': 'api_calls'},
      "'api_calls' takes no `data_dir`",
    ),
    (
      'option',
      {'options': tasks.TaskOptions(vocab_size=3)},
      'found `vocab_size=3`: leave it out',
    ),
    (
      'clients',
      {'options': tasks.TaskOptions(num_clients=500)},
      'each of 500 clients, found .* `partition_share`',
    ),
    ('file', {'name': 'xc'}, 'train.txt and test.txt, or .* found neither'),
  )
  def test_invalid_arguments_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message) as caught:
      self.build(**kwargs)
    self.assertNotIn('\n', str(caught.exception))


class ExecutionTest(_DeliciousTestCase):
  def test_another_network_is_that_of_all_methods(self):
    task = self.build()
    network = label_hashing.DenseNetwork(task.network.input_width, (3,))
    changed = task.with_network(network, seed=7)
    self.assertEqual(changed.network, network)
    shapes = [w.shape.as_list() for w in changed.model_fn().trainable_variables]
    p = task.num_labels
    self.assertEqual(shapes, [[network.input_width, 3], [3], [3, p], [p]])
    for weight, expected in zip(
      changed.model_fn().trainable_variables,
      network.initial_weights(7, p),
      strict=True,
    ):
      self.assertAllEqual(weight, expected)
    hashed = changed.hashed_model(
      label_hashing.LabelHash.draw(p, 2, 4, seed=0), seed=1
    )
    self.assertEqual(hashed.network, network)
    with self.assertRaisesRegex(TypeError, 'Expected a network.*found None'):
      task.with_network(None, seed=0)
    with self.assertRaisesRegex(TypeError, 'found the class DenseNetwork: see'):
      task.with_network(label_hashing.DenseNetwork, seed=0)
    wider = label_hashing.DenseNetwork(network.input_width + 1, (3,))
    with self.assertRaisesRegex(ValueError, r'inputs float32\[None, .*found'):
      task.with_network(wider, seed=0)

  def test_precisions_of_compared_decodings_are_those_of_each_alone(self):
    task = self.build()
    model = task.hashed_model(
      label_hashing.LabelHash.draw(task.num_labels, 3, 4, seed=5), seed=0
    )

    def metrics(*decodings):
      evaluated = task.evaluated_model_fn(model, decodings)()
      for batch in task.datasets.get_centralized_test_data():
        evaluated.forward_pass(batch, training=False)
      unfinalized = evaluated.report_local_unfinalized_metrics()
      return {
        name: finalize(unfinalized[name]).numpy()
        for name, finalize in evaluated.metric_finalizers().items()
      }

    compared = metrics('mean', 'median', 'count_sketch')
    alone = metrics('mean')
    self.assertLess(set(alone), set(compared))
    for name, value in alone.items():
      self.assertEqual(compared[name], value)
    for decoding in ('median', 'count_sketch'):
      alone = metrics(decoding)
      for k in (1, 3, 5):
        name = f'precision_at_{k}'
        self.assertEqual(compared[f'{decoding}_{name}'], alone[name])
    names = [f'precision_at_{k}' for k in (1, 3, 5)]
    self.assertNotEqual(
      [compared[name] for name in names],
      [compared[f'count_sketch_{name}'] for name in names],
    )

  @pytest.mark.slow
  def test_rounds_on_client_ids_learn_and_are_evaluated(self):
    task = self.build()
    evaluate = evaluation.Evaluation(task)
    train_data = _train_data(task)
    process = tff.simulation.compose_dataset_computation_with_learning_process(
      train_data.dataset_computation,
      tff.learning.algorithms.build_weighted_fed_avg(
        task.model_fn,
        client_optimizer_fn=tff.learning.optimizers.build_adam(0.02),
      ),
    )
    state = process.initialize()
    before = evaluate(process.get_model_weights(state))
    for _ in range(15):
      state = process.next(state, train_data.client_ids).state
    after = evaluate(process.get_model_weights(state))
    self.assertLess(after['loss'], 0.6 * before['loss'])
    # Always predicting class 0 would reach one half.
    self.assertGreater(after['accuracy'], 0.6)
    self.assertEqual(after['accuracy'], after['precision_at_1'])
    self.assertAllClose(
      after['precision_at_3'],
      after['frequent_precision_at_3'] + after['infrequent_precision_at_3'],
    )
    self.assertEqual(after['num_examples'], len(_TEST))
    # Half of the examples have class 0, the only frequent class.
    self.assertBetween(after['frequent_precision_at_5'], 0.05, 0.1 + 1e-6)


if __name__ == '__main__':
  tf.test.main()
