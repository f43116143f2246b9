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


if __name__ == '__main__':
  absltest.main()
