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
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

import tasks
from tasks.folder import file_readers
from tests.tasks.folder import folders

_MODELS = 'tests.tasks.folder.folders'


def _initial_weights(model_fn):
  @tff.tensorflow.computation
  def weights():
    return tff.learning.models.ModelWeights.from_model(model_fn())

  return tf.nest.flatten(weights())


class _FolderTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())
    self.cache_dir = os.path.join(self.dir, 'cache')

  def _build(self, model='dense', seed=0, **options):
    if ':' not in model and not model.endswith('.keras'):
      model = f'{_MODELS}:{model}'
    return tasks.build_task(
      'folder',
      data_dir=self.dir,
      cache_dir=self.cache_dir,
      seed=seed,
      options=tasks.TaskOptions(keras_model=model, **options),
    )


class FolderTaskTest(_FolderTestCase):
  def test_clients_and_their_batches(self):
    folders.write(self.dir, folders.clients({'a': 1, 'b': 10}))
    task = self._build(batch_size=4, test_fraction=0.5)
    data = task.datasets.train_data
    self.assertSequenceEqual(data.client_ids, ['a', 'b'])
    train = data.preprocess(task.datasets.train_preprocess_fn)
    self.assertEqual(
      train.dataset_computation.type_signature.compact_representation(),
      '(str -> <float32[?,2],int32[?]>*)',
    )
    (batch,) = train.dataset_computation('a')
    x, y = folders.clients({'a': 1})['a.npz'].values()
    np.testing.assert_array_equal(batch[0], np.float32(x))
    np.testing.assert_array_equal(batch[1], y)
    sizes = [len(y) for _, y in train.dataset_computation('b')]
    self.assertEqual(sizes, [4, 1])
    (test,) = task.datasets.get_centralized_test_data()
    self.assertLen(test[1], 5)
    self.assertEqual(task.class_names, ('0', '1', '2'))
    self.assertEqual(
      task.serving.inputs, {'x': tf.TensorSpec([None, 2], tf.float32)}
    )

  def test_names_of_layers_do_not_depend_on_other_models(self):
    folders.write(self.dir, folders.clients({'a': 9, 'b': 9}))
    names = []
    for _ in range(2):
      task = self._build()
      names.append([v.name for v in task.rows_model_fn().trainable_variables])
    self.assertIn('dense/kernel:0', names[0])
    self.assertEqual(*names)

  def test_is_read_once(self):
    folders.write(self.dir, folders.clients({'a': 9, 'b': 9}))
    read = mock.Mock(wraps=file_readers.read_tables)
    with mock.patch.object(file_readers, 'read_tables', read):
      self._build()
      self._build('softmax')
      self.assertEqual(read.call_count, 2)
      self._build(split='client')
      self.assertEqual(read.call_count, 4)

  def test_two_inputs_of_numbers_and_strings(self):
    csv = folders.two_inputs_csv(60, 5)
    folders.write(self.dir, {'all.csv': csv}, folders.TWO_INPUTS)
    task = self._build('two_inputs', output_layer='scores')
    (batch,) = task.datasets.get_centralized_test_data()
    weights = _initial_weights(task.model_fn)
    self.assertEqual(weights[-1].shape, (4,))
    self.assertIn(b'up, quoted', batch[0]['word'].numpy())
    self.assertEqual(task.row_model.dimension, 4)
    # The model of the rows predicts as the row model, with the same weights.
    full = task.row_model.full_model()
    rng = np.random.default_rng(0)
    drawn = [
      rng.normal(size=np.shape(w)).astype(np.float32)
      for w in full.initial_weights[0]
    ]
    x = tf.nest.map_structure(lambda t: t.numpy(), batch[0])
    predicted = tff.tensorflow.computation(
      lambda: full.predict_on_batch(
        (tuple(map(tf.constant, drawn)), ()),
        tf.nest.map_structure(tf.constant, x),
        training=False,
      )
    )()
    model = task.rows_model_fn()
    for variable, value in zip(model.trainable_variables, drawn, strict=True):
      variable.assign(value)
    np.testing.assert_allclose(
      model.predict_on_batch(batch[0], training=False), predicted, rtol=1e-5
    )

  def test_label_that_is_a_number(self):
    schema = {'features': {'x': {'shape': [2]}}, 'label': {'column': 'y'}}
    folders.write(self.dir, folders.clients({'a': 9, 'b': 9}), schema)
    task = self._build('one_number')
    self.assertNotIsInstance(task, tasks.RowTask)
    (batch,) = task.datasets.get_centralized_test_data()
    model = task.model_fn()
    output = model.forward_pass(batch, training=False)
    x, y = (t.numpy() for t in batch)
    error = x @ model.trainable_variables[0].numpy() - y.reshape(-1, 1)
    self.assertAllClose(output.loss, np.mean(error**2))

  def test_probabilities(self):
    folders.write(self.dir, folders.clients({'a': 9, 'b': 9}))
    task = self._build('softmax')
    (batch,) = task.datasets.get_centralized_test_data()
    model = task.model_fn()
    output = model.forward_pass(batch, training=False)
    chosen = np.take_along_axis(
      output.predictions.numpy(), batch[1].numpy()[:, np.newaxis], 1
    )
    self.assertAllClose(output.loss, -np.mean(np.log(chosen)))
    with self.assertRaisesRegex(ValueError, 'without activation'):
      _ = task.row_model

  def assertAllClose(self, first, second):  # noqa: N802
    np.testing.assert_allclose(first, second, rtol=1e-5)


class InitialWeightsTest(_FolderTestCase):
  def test_follow_from_the_seed(self):
    folders.write(self.dir, folders.clients({'a': 9, 'b': 9}))
    one, again, other = (
      _initial_weights(self._build(seed=seed).model_fn) for seed in (0, 0, 1)
    )
    for i in range(len(one)):
      np.testing.assert_array_equal(one[i], again[i])
    self.assertFalse(np.array_equal(one[0], other[0]))

  def test_are_those_of_the_file(self):
    folders.write(self.dir, folders.clients({'a': 9, 'b': 9}))
    saved = folders.dense(3)
    path = os.path.join(self.dir, 'model.keras')
    saved.save(path)
    expected = saved.get_weights()
    task = self._build(path)
    found = _initial_weights(task.model_fn)
    for i in range(4):
      np.testing.assert_array_equal(found[i], expected[i])
    *body, rows = task.row_model.full_model().initial_weights[0]
    np.testing.assert_array_equal(body[0], expected[0])
    np.testing.assert_array_equal(rows[:, :-1], expected[2].T)


class RefusalTest(_FolderTestCase):
  @parameterized.named_parameters(
    ('none', {'model': 'no.keras'}, "found none of the name 'no.keras'"),
    ('module', {'model': 'no_such:dense'}, "a module 'no_such'"),
    ('function', {'model': 'sparse'}, "a function 'sparse' in .*, found none"),
    ('no_model', {'model': 'no_model'}, 'tf.keras.Model, found str'),
    ('fails', {'model': 'fails'}, "found KeyError: 'weights' in .*folders.py"),
    ('arguments', {'model': 'takes_unknown'}, 'found `width`: give it a def'),
    ('inputs', {'model': 'two_inputs'}, r'take inputs float32 \[None, 2\]'),
    ('outputs', {'model': 'one_number'}, r'\[1, 3\] .* found \[1, 1\]'),
    ('same_layers', {'model': 'same_layers'}, 'make all layers inside'),
    ('layer', {'output_layer': 'rows'}, "one of dense.*, found 'rows'"),
    ('batch_size', {'vocab_size': 9}, '`vocab_size=9`: leave it out'),
    ('fraction', {'test_fraction': 1.0}, 'below 1, found 1'),
    ('split', {'split': 'label'}, "'label'"),
  )
  def test_refuses_in_one_line(self, options, message):
    folders.write(self.dir, folders.clients({'a': 9, 'b': 9}))
    with self.assertRaisesRegex(ValueError, message) as caught:
      self._build(**options)
    self.assertNotIn('\n', str(caught.exception))

  def test_layer_without_a_size_in_graphs(self):
    schema = {
      **folders.SCHEMA,
      'features': {'x': {'dtype': 'string', 'shape': [1]}},
    }
    folders.write(self.dir, {'a.csv': 'x,y\nup,0\ndown,1\nup,2\n'}, schema)
    with self.assertRaisesRegex(
      ValueError, 'in a graph of TensorFlow, .* and no sizes from their tables'
    ):
      self._build('sized_by_table', test_fraction=0.5)

  def test_without_model_or_schema(self):
    folders.write(self.dir, folders.clients({'a': 9}))
    with self.assertRaisesRegex(ValueError, 'Expected `keras_model`'):
      tasks.build_task('folder', data_dir=self.dir)
    os.remove(os.path.join(self.dir, 'schema.json'))
    with self.assertRaisesRegex(ValueError, 'the file .*schema.json, found'):
      self._build()

  def test_writes_nothing_of_bad_data(self):
    files = folders.clients({'a': 9}) | {'b.npz': {'x': [[1, 1]], 'y': [7]}}
    folders.write(self.dir, files)
    with self.assertRaisesRegex(ValueError, "b.npz, row 0, column 'y'"):
      self._build()
    self.assertEmpty(os.listdir(self.cache_dir))


if __name__ == '__main__':
  absltest.main()
