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
"""Tests of the salts of clients."""

import collections

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tff_methods.templates import client_salt

_DATA_TYPE = tff.SequenceType(
  tff.types.tensorflow_to_type(linear_model.datasets(1)[0].element_spec)
)


def _salts(*datasets, seed_source='reproducible'):
  compute = client_salt.build_client_salt(_DATA_TYPE, seed_source)
  return [tuple(compute(dataset)) for dataset in datasets]


class BuildClientSaltTest(tf.test.TestCase):
  def test_follows_from_the_first_batch(self):
    first, second, _ = linear_model.datasets()
    salts = _salts(first, first, first.take(1), second, first.skip(1))
    self.assertEqual(salts[:2], salts[1:3])
    self.assertLen(set(salts), 3)

  def test_differs_by_labels(self):
    (dataset,) = linear_model.datasets(1)
    self.assertLen(
      set(_salts(dataset, dataset.map(lambda x, y: (x, y + 1)))), 2
    )

  def test_without_data_it_is_zero(self):
    (dataset,) = linear_model.datasets(1)
    self.assertEqual(_salts(dataset.take(0)), [(0, 0)])

  def test_entropy_differs_each_time(self):
    (dataset,) = linear_model.datasets(1)
    salts = _salts(dataset, dataset, seed_source='entropy')
    self.assertLen(set(salts), 2)


class AddIdsTest(tf.test.TestCase):
  def test_ids_and_data_make_salts_differ(self):
    @tff.federated_computation(
      tff.FederatedType(client_salt.SALT_TYPE, tff.CLIENTS),
      tff.FederatedType(np.str_, tff.CLIENTS),
    )
    def add(salts, client_ids):
      return client_salt.add_ids(salts, client_ids)

    salts = add([[1, 2], [1, 2], [1, 3], [1, 2]], ['one', 'two', 'one', 'one'])
    self.assertAllEqual(salts[0], salts[3])
    self.assertLen(set(map(tuple, salts)), 3)


class WithSaltTest(tf.test.TestCase):
  def test_salt_is_part_of_the_update(self):
    client_work = tff.learning.templates.build_model_delta_client_work(
      linear_model.model_fn,
      tff.learning.optimizers.build_sgdm(0.1),
      client_weighting=tff.learning.ClientWeighting.NUM_EXAMPLES,
    )
    salted = client_salt.with_salt(client_work)
    weights = tff.learning.models.ModelWeights.from_model(
      linear_model.model_fn()
    )
    weights = tf.nest.map_structure(lambda v: v.numpy(), weights)
    clients = linear_model.datasets(2)
    output = salted.next(
      salted.initialize(),
      [
        collections.OrderedDict(weights=weights, salt=salt)
        for salt in ([1, 2], [3, 4])
      ],
      clients,
    )
    expected = client_work.next(
      client_work.initialize(), [weights] * 2, clients
    )
    for result, plain, salt in zip(
      output.result, expected.result, ([1, 2], [3, 4]), strict=True
    ):
      self.assertAllEqual(result.update['salt'], salt)
      self.assertAllEqual(result.update['value'][0], plain.update[0])
      self.assertEqual(result.update_weight, plain.update_weight)
    self.assertEqual(
      output.measurements['train']['num_examples'],
      expected.measurements['train']['num_examples'],
    )


if __name__ == '__main__':
  tf.test.main()
