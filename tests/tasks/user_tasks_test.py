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
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import tensorflow as tf
import tensorflow_federated as tff

import tasks

_HERE = 'tests.tasks.user_tasks_test'


def _model_fn():
  model = tf.keras.Sequential([tf.keras.Input([1]), tf.keras.layers.Dense(1)])
  spec = (tf.TensorSpec([None, 1]), tf.TensorSpec([None, 1]))
  loss = tf.keras.losses.MeanSquaredError()
  return tff.learning.models.from_keras_model(model, loss, spec)


def _task(train_data):
  batches = train_data.create_tf_dataset_for_client('b').batch(2)
  return tff.simulation.baselines.BaselineTask(
    tff.simulation.baselines.BaselineTaskDatasets(
      train_data=train_data.preprocess(lambda d: d.batch(2)), test_data=batches
    ),
    _model_fn,
  )


def build(seed, data_dir=None, options=None):
  del data_dir, options
  return _task(
    tff.simulation.datasets.ClientData.from_clients_and_tf_fn(
      ['a', 'b'],
      lambda client: tf.data.Dataset.from_tensors(
        (
          tf.cast(tf.strings.length(client), tf.float32)[tf.newaxis],
          tf.constant([float(seed)]),
        )
      ),
    )
  )


def build_with_seed(seed):
  return build(seed)


def build_from_python():
  numbers = {'a': 1.0, 'b': 2.0}
  return _task(
    tff.simulation.datasets.ClientData.from_clients_and_tf_fn(
      list(numbers),
      lambda c: tf.data.Dataset.from_tensors(([numbers[c]], [0.0])),
    )
  )


def build_none():
  return None


class UserTaskTest(parameterized.TestCase):
  def test_gets_the_arguments_that_it_takes(self):
    task = tasks.build_task(f'{_HERE}:build', seed=7)
    data = task.datasets.train_data.preprocess(
      task.datasets.train_preprocess_fn
    )
    ((_, label),) = data.dataset_computation('a')
    self.assertEqual(label, 7)

  @parameterized.named_parameters(
    ('none', 'build_none', {}, 'BaselineTask, found NoneType'),
    (
      'python',
      'build_from_python',
      {},
      'a data set of a client id, .* found .*: make it of TensorFlow ops',
    ),
    (
      'option',
      'build_with_seed',
      {'options': tasks.TaskOptions(batch_size=3)},
      'to take `options`, which is given, found arguments .seed.',
    ),
    ('dir', 'build_with_seed', {'data_dir': '/no'}, '`data_dir` to be a dir'),
  )
  def test_refuses_in_one_line(self, function, arguments, message):
    with self.assertRaisesRegex(ValueError, message) as caught:
      tasks.build_task(f'{_HERE}:{function}', **arguments)
    self.assertNotIn('\n', str(caught.exception))

  def test_refuses_data_that_it_does_not_take(self):
    with tempfile.TemporaryDirectory() as directory:
      with self.assertRaisesRegex(ValueError, 'to take `data_dir`'):
        tasks.build_task(f'{_HERE}:build_with_seed', data_dir=directory)


if __name__ == '__main__':
  absltest.main()
