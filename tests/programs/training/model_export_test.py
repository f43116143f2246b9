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
"""Tests for model_export."""

import os
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from programs.methods import label_flags
from programs.methods import label_methods
from programs.methods import registry
from programs.runs import run_files
from programs.training import evaluation
from programs.training import model_export
import tasks
from tasks import client_database
from tasks.many_labels import multi_label_database
from tasks.text import text_database
from tests.tasks import data_files

# Loads models where neither this package nor TFF can be imported.
_FOREIGN_PROGRAM = """
import pathlib, sys

class Blocked:
  def find_spec(self, name, path=None, target=None):
    package = name.partition('.')[0]
    if package in ('tensorflow_federated', 'tff_methods', 'tasks', 'programs'):
      raise ImportError(f'{name} is blocked')

sys.meta_path.insert(0, Blocked())
import numpy as np
import tensorflow as tf

for directory in map(pathlib.Path, sys.argv[1:]):
  served = tf.saved_model.load(str(directory / 'saved_model')).signatures
  with np.load(directory / 'inputs.npz', allow_pickle=True) as inputs:
    inputs = {name: tf.constant(array) for name, array in inputs.items()}
  outputs = served['serving_default'](**inputs)
  if 'class_names' in served:
    outputs.update(served['class_names']())
  if (directory / 'model.keras').exists():
    model = tf.keras.models.load_model(directory / 'model.keras')
    outputs['keras'] = model(np.load(directory / 'x.npy'))
  np.savez(directory / 'outputs.npz', **outputs)
try:
  import tensorflow_federated
except ImportError as e:
  print(e)
"""
_MLH = label_flags.LabelHashChoice(3, 4, 'mean', seed=5)


def _images(serialized, shape):
  pixels, _ = client_database.parse_examples(serialized)
  return {'images': tf.reshape(pixels, [-1, *shape])}


def _sentences(serialized):
  return {'sentences': text_database.parse_sentences(serialized)}


def _features(serialized):
  features, values, _ = multi_label_database.parse_examples(serialized)
  return {'features': features.to_tensor(-1), 'values': values.to_tensor(7)}


# Task, its options, method, its options, and raw inputs of its test examples.
_CASES = {
  'digits': ('digits', {}, 'fed_avg', None, lambda s: _images(s, [8, 8, 1])),
  'rows': ('omniglot', {}, 'fed_ss', None, lambda s: _images(s, [28, 28, 1])),
  'text': (
    'shakespeare',
    {'vocab_size': 5, 'ffn_dim': 8},
    'lsh_select',
    None,
    _sentences,
  ),
  'labels': ('delicious', {'num_clients': 3}, 'fed_avg', None, _features),
  'hashed_features': (
    'delicious',
    {'feature_width': 3, 'num_clients': 3},
    'fed_avg',
    None,
    _features,
  ),
  'hashed_labels': (
    'delicious',
    {'num_clients': 3},
    'fed_mlh',
    _MLH,
    _features,
  ),
}


def _random_weights(model) -> tff.learning.models.ModelWeights:
  rng = np.random.default_rng(0)
  return tf.nest.map_structure(
    lambda w: rng.normal(scale=0.3, size=w.shape).astype(np.float32),
    tff.learning.models.ModelWeights.from_model(model),
  )


class _Case:
  """A model with random weights, its export and its results here."""

  def __init__(self, name: str, data_dir: str, directory: pathlib.Path):
    task_name, options, method_name, method_options, inputs_fn = _CASES[name]
    self.task = tasks.build_task(
      task_name,
      data_dir=None if task_name == 'digits' else data_dir,
      cache_dir=f'{data_dir}/cache',
      options=tasks.TaskOptions(**options),
    )
    method = registry.METHODS[method_name]
    self.evaluate = evaluation.Evaluation(
      self.task, method.build_evaluated_model_fn(self.task, method_options)
    )
    self.export = model_export.ModelExport(
      self.task,
      self.evaluate.model,
      method.build_outputs_fn(self.task, method_options),
    )
    self.weights = _random_weights(self.evaluate.model)
    self.directory = directory
    test_data = self.task.datasets.test_data
    self.inputs = inputs_fn(next(iter(test_data.batch(1000))))
    x, self.labels = next(
      iter(self.task.datasets.get_centralized_test_data().unbatch().batch(1000))
    )
    self.written = self.export.write(self.weights, str(directory))
    np.save(directory / 'x.npy', x)
    np.savez(directory / 'inputs.npz', **self.inputs)
    self.predictions = self.evaluate.model.predict_on_batch(x, training=False)

  def outputs(self) -> dict[str, np.ndarray]:
    with np.load(self.directory / 'outputs.npz', allow_pickle=True) as outputs:
      return dict(outputs)


@pytest.mark.slow
class ModelExportTest(parameterized.TestCase, tf.test.TestCase):
  """Models in another process, without this package and TFF."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    data_dir = cls.enterClassContext(tempfile.TemporaryDirectory())
    data_files.write_omniglot(data_dir)
    data_files.write_shakespeare(
      data_dir,
      [
        (f'speaker {i}', f'to be or not to be {i % 3}\n' * 10)
        for i in range(40)
      ],
    )
    examples = [({i % 5: 1, 5: 2}, [i % 5, 5 + i % 3]) for i in range(60)]
    data_files.write_multi_label(
      data_dir,
      'delicious.npz',
      {'_train': examples, '_test': examples[:20]},
      6,
      8,
    )
    cls._cases = {}
    for name in _CASES:
      directory = pathlib.Path(data_dir) / name
      directory.mkdir()
      cls._cases[name] = _Case(name, data_dir, directory)
    process = subprocess.run(
      [
        *(sys.executable, '-c', _FOREIGN_PROGRAM),
        *(str(case.directory) for case in cls._cases.values()),
      ],
      cwd=data_dir,
      capture_output=True,
      text=True,
    )
    assert process.returncode == 0, process.stderr
    cls._stdout = process.stdout

  def test_other_process_could_not_import_tff(self):
    self.assertEqual(self._stdout, 'tensorflow_federated is blocked\n')

  @parameterized.parameters('digits', 'rows', 'text')
  def test_logits_are_those_of_the_model(self, name):
    case = self._cases[name]
    self.assertAllClose(
      case.outputs()['logits'], case.predictions, rtol=1e-5, atol=1e-5
    )

  def test_metrics_are_those_of_the_run(self):
    case = self._cases['digits']
    hits = case.outputs()['logits'].argmax(axis=1) == case.labels.numpy()
    self.assertLen(hits, 299)
    self.assertAllClose(case.evaluate(case.weights)['accuracy'], hits.mean())

  @parameterized.parameters('labels', 'hashed_features')
  def test_classes_are_those_of_the_highest_logits(self, name):
    case = self._cases[name]
    outputs = case.outputs()
    logits = case.predictions.numpy()
    self.assertAllEqual(outputs['classes'], np.argsort(-logits, axis=1))
    self.assertAllClose(outputs['scores'], -np.sort(-logits, axis=1))

  def test_hash_is_in_the_model(self):
    case = self._cases['hashed_labels']
    buckets = case.task.hashed_model(
      label_methods.label_hash(case.task, _MLH), 0
    ).label_hash.buckets()
    log_probabilities = -np.logaddexp(0, -case.predictions.numpy())
    scores = np.mean(
      [log_probabilities[:, r, buckets[r]] for r in range(len(buckets))], axis=0
    )
    outputs = case.outputs()
    self.assertAllClose(
      outputs['scores'], -np.sort(-scores, axis=1), rtol=1e-5, atol=1e-5
    )
    self.assertAllClose(
      np.take_along_axis(scores, outputs['classes'], axis=1), outputs['scores']
    )

  def test_class_names_are_those_of_the_task(self):
    case = self._cases['text']
    names = [name.decode() for name in case.outputs()['class_names']]
    self.assertEqual(tuple(names), case.task.class_names)

  def test_keras_file_takes_what_the_model_takes(self):
    case = self._cases['digits']
    self.assertAllClose(case.outputs()['keras'], case.predictions, atol=1e-5)

  def test_files_are_complete_and_nothing_else_is_left(self):
    for name, case in self._cases.items():
      expected = {model_export.SAVED_MODEL, 'inputs.npz', 'x.npy'}
      expected |= {'outputs.npz'}
      if name == 'digits':  # Others have layers that are not Keras' own.
        expected.add(model_export.KERAS_MODEL)
      self.assertEqual(set(os.listdir(case.directory)), expected)

  def test_writes_again_over_an_earlier_export(self):
    case = self._cases['digits']
    directory = self.enter_context(tempfile.TemporaryDirectory())
    for _ in range(2):
      case.export.write(case.weights, directory)
    self.assertCountEqual(
      os.listdir(directory),
      [model_export.SAVED_MODEL, model_export.KERAS_MODEL],
    )

  def test_unwritable_directory(self):
    path = self._cases['rows'].directory / 'x.npy'
    case = self._cases['digits']
    with self.assertRaisesRegex(run_files.StorageError, 'Expected to write'):
      case.export.write(case.weights, f'{path}/below')


class ServingOfOtherTasksTest(tf.test.TestCase):
  def test_model_that_cannot_be_traced(self):
    model = mock.Mock(trainable_variables=[], non_trainable_variables=[])
    model.predict_on_batch.side_effect = ValueError('no such layer')
    task = mock.Mock()
    task.datasets.element_type_structure = (tf.TensorSpec([None]), None)
    with self.assertRaisesRegex(
      model_export.NotExportableError,
      'that TensorFlow can save, found: ValueError: no such layer; its ',
    ):
      model_export.ModelExport(task, model)

  def test_names_of_inputs_and_outputs(self):
    x = {'b': tf.TensorSpec([None, 2]), 'a': tf.TensorSpec([None])}
    spec = {'x': x, 'y': tf.TensorSpec([None])}
    dataset = tf.data.Dataset.from_tensor_slices(
      {'x': {'b': tf.ones([3, 2]), 'a': tf.ones([3])}, 'y': tf.ones([3])}
    ).batch(2)

    def model_fn():
      a = tf.keras.Input([], name='a')
      b = tf.keras.Input([2], name='b')
      y = tf.keras.layers.Dense(1)(tf.concat([a[:, tf.newaxis], b], axis=1))
      return tff.learning.models.from_keras_model(
        tf.keras.Model({'a': a, 'b': b}, y[:, 0]),
        loss=tf.keras.losses.MeanSquaredError(),
        input_spec=spec,
      )

    client_data = tff.simulation.datasets.TestClientData(
      {'c': {'x': [[0.0]], 'y': [0.0]}}
    )
    task = tff.simulation.baselines.BaselineTask(
      tff.simulation.baselines.BaselineTaskDatasets(
        train_data=client_data,
        test_data=dataset,
        train_preprocess_fn=lambda _: dataset,
        eval_preprocess_fn=lambda d: d,
      ),
      model_fn,
    )
    evaluate = evaluation.Evaluation(task)
    export = model_export.ModelExport(task, evaluate.model)
    directory = self.enter_context(tempfile.TemporaryDirectory())
    weights = _random_weights(evaluate.model)
    (path,) = export.write(weights, directory)
    served = tf.saved_model.load(path).signatures['serving_default']
    b = np.array([[1.0, 2.0]], np.float32)
    outputs = served(a=tf.constant([3.0]), b=tf.constant(b))
    kernel, bias = weights.trainable
    self.assertAllClose(
      outputs['predictions'], [[3.0, 1.0, 2.0] @ kernel[:, 0] + bias[0]]
    )

  def test_tables_of_layers_are_exported(self):
    vocabulary = ['yes', 'no']
    spec = (tf.TensorSpec([None], tf.string), tf.TensorSpec([None]))
    x = tf.keras.Input([], dtype=tf.string)
    lookup = tf.keras.layers.StringLookup(
      vocabulary=vocabulary, output_mode='one_hot'
    )
    y = tf.keras.layers.Dense(1, use_bias=False)(lookup(x))
    model = tff.learning.models.from_keras_model(
      tf.keras.Model(x, y[:, 0]),
      loss=tf.keras.losses.MeanSquaredError(),
      input_spec=spec,
    )
    task = mock.Mock()
    task.datasets.element_type_structure = spec
    export = model_export.ModelExport(task, model)
    directory = self.enter_context(tempfile.TemporaryDirectory())
    weights = tff.learning.models.ModelWeights(
      [np.array([[1.0], [2.0], [3.0]], np.float32)], []
    )
    (path,) = export.write(weights, directory)
    served = tf.saved_model.load(path).signatures['serving_default']
    outputs = served(x=tf.constant(['no', 'other', 'yes']))
    self.assertAllEqual(outputs['predictions'], [3.0, 1.0, 2.0])


if __name__ == '__main__':
  tf.test.main()
