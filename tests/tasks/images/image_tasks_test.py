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

from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

import tasks
from tasks.images import image_sources
from tests.tasks import data_files

_OPTIONS = tasks.TaskOptions(batch_size=8, epochs=2, num_clients=40)


def _build_digits(cache_dir, **kwargs):
  kwargs = {'cache_dir': cache_dir, 'options': _OPTIONS} | kwargs
  return tasks.build_task('digits', **kwargs)


def _train_data(task):
  return task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)


def _arrays(batches):
  x, y = zip(*batches, strict=True)
  return np.concatenate(x), np.concatenate(y)


class _TempDirTestCase(tf.test.TestCase, parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())
    self.cache_dir = os.path.join(self.dir, 'cache')


class _DigitsTestCase(tf.test.TestCase):
  """Its tests share the files of client data, which take a second to write."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.cache_dir = cls.enterClassContext(tempfile.TemporaryDirectory())


class DigitsComputationTest(_DigitsTestCase):
  def test_dataset_computation_takes_a_client_id(self):
    train_data = _train_data(_build_digits(self.cache_dir))
    self.assertEqual(
      train_data.dataset_computation.type_signature.compact_representation(),
      '(str -> <float32[?,8,8,1],int32[?]>*)',
    )

  def test_input_spec_of_the_model_matches_the_data(self):
    task = _build_digits(self.cache_dir)
    self.assertEqual(
      task.model_fn().input_spec,
      (
        tf.TensorSpec((None, 8, 8, 1), tf.float32),
        tf.TensorSpec((None,), tf.int32),
      ),
    )


class DigitsExecutionTest(_DigitsTestCase):
  def test_clients_and_held_out_data_have_all_examples_once(self):
    options = tasks.TaskOptions(epochs=1)
    task = _build_digits(self.cache_dir, options=options)
    images = image_sources.digits().load()
    train_data = _train_data(task)
    self.assertLen(train_data.client_ids, 50)
    clients = [
      _arrays(train_data.create_tf_dataset_for_client(c))
      for c in train_data.client_ids
    ]
    self.assertEqual({len(y) for _, y in clients}, {29, 30})
    x, y = (np.concatenate(a) for a in zip(*clients, strict=True))
    self.assertCountEqual(
      zip((x * 16).astype(np.uint8).tolist(), y.tolist(), strict=True),
      zip(images.x_train.tolist(), images.y_train.tolist(), strict=True),
    )
    x, y = _arrays(task.datasets.get_centralized_test_data())
    self.assertAllClose(x, images.x_test / 16)
    self.assertAllEqual(y, images.y_test)

  def test_epochs_differ_in_their_order_only(self):
    train_data = _train_data(_build_digits(self.cache_dir))
    _, y = _arrays(train_data.create_tf_dataset_for_client('00'))
    first, second = np.split(y, 2)
    self.assertAllEqual(sorted(first), sorted(second))
    self.assertNotAllEqual(first, second)

  def test_limit_counts_after_the_epochs(self):
    options = tasks.TaskOptions(epochs=2, max_client_examples=45)
    train_data = _train_data(_build_digits(self.cache_dir, options=options))
    _, y = _arrays(train_data.create_tf_dataset_for_client('00'))
    self.assertLen(y, 45)

  def test_batches_are_the_same_in_every_run_and_runtime(self):
    train_data = _train_data(_build_digits(self.cache_dir))
    expected = _arrays(train_data.create_tf_dataset_for_client('07'))
    compute = train_data.dataset_computation
    again = _train_data(_build_digits(self.cache_dir)).dataset_computation
    for batches in (compute('07'), compute('07'), again('07')):
      x, y = _arrays(batches)
      self.assertAllEqual(x, expected[0])
      self.assertAllEqual(y, expected[1])

  def test_seed_changes_order_partition_and_weights(self):
    first, other = (_build_digits(self.cache_dir, seed=s) for s in (0, 1))
    x, _ = _arrays(_train_data(first).create_tf_dataset_for_client('00'))
    z, _ = _arrays(_train_data(other).create_tf_dataset_for_client('00'))
    self.assertNotAllEqual(np.unique(x, axis=0), np.unique(z, axis=0))
    v, w = (t.model_fn().trainable_variables[0].numpy() for t in (first, other))
    self.assertNotAllClose(v, w)

  def test_seed_leaves_the_held_out_data(self):
    first, other = (_build_digits(self.cache_dir, seed=s) for s in (0, 1))
    x, _ = _arrays(first.datasets.get_centralized_test_data())
    z, _ = _arrays(other.datasets.get_centralized_test_data())
    self.assertAllEqual(x, z)

  @pytest.mark.slow
  def test_rounds_on_client_ids_learn_and_repeat_bit_for_bit(self):
    task = _build_digits(self.cache_dir)
    train_data = _train_data(task)
    process = tff.simulation.compose_dataset_computation_with_learning_process(
      train_data.dataset_computation,
      tff.learning.algorithms.build_weighted_fed_avg(
        task.model_fn,
        client_optimizer_fn=tff.learning.optimizers.build_sgdm(0.1),
      ),
    )

    def train():
      state, losses = process.initialize(), []
      for _ in range(4):
        output = process.next(state, train_data.client_ids[:4])
        state = output.state
        losses.append(output.metrics['client_work']['train']['loss'])
      return process.get_model_weights(state).trainable, losses

    weights, losses = train()
    self.assertLess(losses[-1], 0.7 * losses[0])
    again, _ = train()
    for a, b in zip(weights, again, strict=True):
      self.assertAllEqual(a, b)


class FilesTest(_TempDirTestCase):
  def test_mnist(self):
    arrays = data_files.write_mnist(self.dir)
    task = tasks.build_task(
      'mnist',
      data_dir=self.dir,
      cache_dir=self.cache_dir,
      options=tasks.TaskOptions(num_clients=2, batch_size=7),
    )
    x, y = _arrays(task.datasets.get_centralized_test_data())
    self.assertAllClose(x[..., 0], arrays['x_test'] / 255)
    self.assertAllEqual(y, arrays['y_test'])
    batches = list(_train_data(task).create_tf_dataset_for_client('0'))
    self.assertEqual([len(y) for _, y in batches], [7, 7, 7, 7, 2])

  def test_cifar10_is_standardized(self):
    parts = data_files.write_cifar10(self.dir)
    task = tasks.build_task(
      'cifar10',
      data_dir=self.dir,
      cache_dir=self.cache_dir,
      options=tasks.TaskOptions(num_clients=4),
    )
    x, y = _arrays(task.datasets.get_centralized_test_data())
    self.assertAllEqual(y, parts['test'][1])
    # Published means and deviations of the channels, for pixels in [0, 1].
    pixels = x * [0.2470, 0.2435, 0.2616] + [0.4914, 0.4822, 0.4465]
    self.assertAllClose(pixels, parts['test'][0] / 255, atol=1e-3)

  def test_changed_source_or_option_has_a_new_file(self):
    data_files.write_mnist(self.dir)
    kwargs = {'data_dir': self.dir, 'cache_dir': self.cache_dir}

    def build(seed=0, **options):
      options = tasks.TaskOptions(**{'num_clients': 3} | options)
      task = tasks.build_task('mnist', seed=seed, options=options, **kwargs)
      return len(os.listdir(self.cache_dir)), task

    self.assertEqual(build()[0], 1)
    # These options take effect when examples are read.
    self.assertEqual(build(batch_size=3, epochs=2)[0], 1)
    self.assertEqual(build(num_clients=4)[0], 2)
    self.assertEqual(build(seed=1)[0], 3)
    self.assertEqual(build(partition='dirichlet')[0], 4)
    self.assertEqual(build(partition='dirichlet', dirichlet_alpha=0.1)[0], 5)
    arrays = data_files.write_mnist(self.dir, num_test=21)
    number_of_files, task = build()
    self.assertEqual(number_of_files, 6)
    _, y = _arrays(task.datasets.get_centralized_test_data())
    self.assertAllEqual(y, arrays['y_test'])


class ErrorsTest(_TempDirTestCase):
  def test_more_clients_than_examples_raise(self):
    options = tasks.TaskOptions(num_clients=1499)
    with self.assertRaisesRegex(ValueError, '`num_clients` from 1 to 1498'):
      _build_digits(self.cache_dir, options=options)
    self.assertEmpty(os.listdir(self.cache_dir))


if __name__ == '__main__':
  tf.test.main()
