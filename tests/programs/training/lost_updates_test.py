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
"""Tests for lost_updates."""

import collections

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.training import lost_updates
from tests.tff_methods import linear_model
from tests.tff_methods import local_updates

_SIZES = {'a': 1, 'b': 2, 'c': 4, 'd': 0}


def _metrics(finalizer=(), **train):
  return {'client_work': {'train': train}, 'finalizer': finalizer}


class LostUpdatesTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('none', 7, (0, 0)),
    ('smallest', 6, (1, 1)),
    ('largest', 3, (1, 2)),
    ('two', 1, (2, 2)),
  )
  def test_bounds_of_their_number(self, num_batches, expected):
    lost = lost_updates.find(
      _metrics(num_batches=num_batches, num_examples=10),
      list(_SIZES),
      _SIZES.__getitem__,
    )
    self.assertEqual((lost.num_clients, lost.is_all), (4, False))
    self.assertEqual((lost.at_least, lost.at_most), expected)

  def test_of_models_that_do_not_count_batches(self):
    for num_examples, expected in ((5, 0), (0, 4)):
      lost = lost_updates.find(
        _metrics(num_examples=num_examples), list(_SIZES), self.fail
      )
      self.assertEqual((lost.at_least, lost.at_most), (expected, expected))
      self.assertEqual(lost.is_all, expected == 4)

  def test_rejected_by_the_server(self):
    for is_rejected in (False, True):
      finalizer = collections.OrderedDict(
        update_non_finite=np.int32(is_rejected)
      )
      lost = lost_updates.find(
        _metrics(finalizer, num_batches=7), list(_SIZES), _SIZES.__getitem__
      )
      self.assertEqual(lost.is_all, is_rejected)
      self.assertEqual(lost.at_least, 0)

  @parameterized.named_parameters(
    ('some', (5, 2, 2), 'lost the updates of 2 of 5 clients, which had NaN'),
    ('range', (5, 2, 3), 'lost the updates of at least 2 of 5 clients, which'),
    ('all', (5, 5, 5), 'changed nothing: the updates of all 5 clients had NaN'),
    ('mean', (5, 0, 0, True), 'changed nothing: the mean of the updates had'),
  )
  def test_description(self, lost, expected):
    found = lost_updates.LostUpdates(*lost).describe()
    self.assertStartsWith(found, expected)
    self.assertNotIn('\n', found)

  def test_a_client_with_nan_in_a_round_of_tff(self):
    clients = linear_model.datasets(num_clients=3)
    clients[1] = clients[1].map(lambda x, y: (x * np.nan, y))
    data = tff.simulation.datasets.ClientData.from_clients_and_tf_fn(
      ['0', '1', '2'],
      lambda client_id: tf.data.Dataset.range(
        1 + tf.strings.to_number(client_id, tf.int64)
      ),
    )
    count_batches = lost_updates.build_count_batches(data)
    self.assertEqual([count_batches(c) for c in '012'], [1, 2, 3])
    process = local_updates.fed_avg()
    metrics = process.next(process.initialize(), clients).metrics
    sizes = [sum(1 for _ in client) for client in clients]
    lost = lost_updates.find(
      metrics, ['0', '1', '2'], lambda client_id: sizes[int(client_id)]
    )
    self.assertEqual(lost, lost_updates.LostUpdates(3, 1, 1, False))


if __name__ == '__main__':
  tf.test.main()
