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
"""Tests for validation."""

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import validation


def _datasets(sizes):
  """Returns data whose examples are different numbers."""
  ends = np.cumsum(sizes)
  clients = {
    f'{i}': {'x': np.arange(end - size, end)}
    for i, (size, end) in enumerate(zip(sizes, ends, strict=True))
  }
  return tff.simulation.baselines.BaselineTaskDatasets(
    train_data=tff.simulation.datasets.TestClientData(clients),
    test_data=tf.data.Dataset.from_tensor_slices({'x': [-1, -2]}),
    train_preprocess_fn=lambda d: d.map(lambda e: e['x']).batch(2),
    eval_preprocess_fn=lambda d: d.map(lambda e: e['x']).batch(3),
  )


def _numbers(dataset):
  return np.concatenate([[], *dataset.as_numpy_iterator()]).astype(int).tolist()


class HoldOutTest(parameterized.TestCase):
  @parameterized.parameters(
    (0.25, [3, 7, 11, 15]),
    (0.5, [1, 3, 5, 7, 9, 11, 13, 15]),
    (0.1, [9]),
    (0.6, [1, 3, 4, 6, 8, 9, 11, 13, 14]),
  )
  def test_held_out_examples_are_evenly_spaced(self, fraction, expected):
    datasets = validation.hold_out(_datasets([16]), fraction)
    found = _numbers(datasets.get_centralized_test_data())
    self.assertEqual(found, expected)

  def test_each_example_is_in_one_part(self):
    sizes = [1, 2, 5, 40, 0]
    datasets = validation.hold_out(_datasets(sizes), 0.3)
    train_data = datasets.train_data.preprocess(datasets.train_preprocess_fn)
    parts = [
      _numbers(train_data.create_tf_dataset_for_client(client_id))
      for client_id in train_data.client_ids
    ]
    held_out = _numbers(datasets.get_centralized_test_data())
    self.assertCountEqual(held_out + sum(parts, []), range(48))
    # A client of a single example trains on it.
    self.assertIn([0], parts)
    self.assertLen(held_out, 13)

  def test_selects_the_same_in_graphs_as_tff_builds_them(self):
    datasets = validation.hold_out(_datasets([10]), 0.2)
    train_data = datasets.train_data.preprocess(datasets.train_preprocess_fn)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
      examples = train_data.serializable_dataset_fn(tf.constant('0'))
      batch = tf.data.experimental.get_single_element(
        examples.unbatch().batch(10)
      )
      self.assertEqual(session.run(batch).tolist(), [0, 1, 2, 3, 5, 6, 7, 8])

  def test_a_fraction_that_holds_out_nothing_is_refused(self):
    with self.assertRaisesRegex(ValueError, 'found none with .* 0.1; raise it'):
      validation.hold_out(_datasets([9, 3]), 0.1)


class SharedExamplesTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    # Most examples are on two of three clients.
    self._clients = {
      f'{i}': [f'{n}'.encode() for n in range(100 * i, 100 * i + 200)]
      for i in range(3)
    }
    self._datasets = validation.SharedExampleDatasets(
      train_data=tff.simulation.datasets.ClientData.from_clients_and_tf_fn(
        list(self._clients),
        lambda client_id: tf.data.Dataset.from_tensor_slices(
          [f'{n}' for n in range(200)]
        ).map(
          lambda n: tf.strings.as_string(
            tf.strings.to_number(n, tf.int32)
            + 100 * tf.strings.to_number(client_id, tf.int32)
          )
        ),
      ),
      test_data=tf.data.Dataset.from_tensor_slices(['test']),
      train_preprocess_fn=lambda d: d.batch(2),
      eval_preprocess_fn=lambda d: d.batch(3),
    )

  def test_no_client_trains_on_validation_data_of_another(self):
    held_out = validation.hold_out(self._datasets, 0.25)
    train_data = held_out.train_data.preprocess(held_out.train_preprocess_fn)
    (*validated,) = np.concatenate(
      list(held_out.get_centralized_test_data().as_numpy_iterator())
    )
    # Each once: 400 examples, of which a quarter are expected.
    self.assertLen(set(validated), len(validated))
    self.assertBetween(len(validated), 65, 135)
    for client_id, examples in self._clients.items():
      dataset = train_data.create_tf_dataset_for_client(client_id)
      trained = np.concatenate(list(dataset.as_numpy_iterator())).tolist()
      self.assertEqual(
        trained, [e for e in examples if e not in set(validated)]
      )


if __name__ == '__main__':
  absltest.main()
