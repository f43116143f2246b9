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
"""Tests for all_examples."""

from absl.testing import absltest
from absl.testing import parameterized
import tensorflow as tf
import tensorflow_federated as tff

from tasks import all_examples


def _client_data(values):
  return tff.simulation.datasets.TestClientData(
    {client: {'x': x} for client, x in values.items()}
  )


class AsTestDataTest(parameterized.TestCase):
  @parameterized.parameters(
    # A data set, or clients.
    (lambda: tf.data.Dataset.from_tensor_slices({'x': [7, 8]}),),
    (lambda: _client_data({'e': [8], 'd': [7]}),),
  )
  def test_examples_of_all_clients_and_test_data(self, build_test_data):
    datasets = tff.simulation.baselines.BaselineTaskDatasets(
      train_data=_client_data({'b': [3, 4, 5], 'a': [1, 2], 'c': [6]}),
      test_data=build_test_data(),
      train_preprocess_fn=lambda dataset: dataset.take(1).batch(1),
      eval_preprocess_fn=lambda dataset: dataset.map(lambda e: e['x']).batch(3),
    )
    found = all_examples.as_test_data(datasets)
    batches = list(found.get_centralized_test_data().as_numpy_iterator())
    self.assertEqual(
      [b.tolist() for b in batches], [[1, 2, 3], [4, 5, 6], [7, 8]]
    )
    of_training = all_examples.as_test_data(datasets, of_training=True)
    batches = list(of_training.get_centralized_test_data().as_numpy_iterator())
    self.assertEqual([b.tolist() for b in batches], [[1, 2, 3], [4, 5, 6]])
    self.assertIs(found.train_preprocess_fn, datasets.train_preprocess_fn)


if __name__ == '__main__':
  absltest.main()
