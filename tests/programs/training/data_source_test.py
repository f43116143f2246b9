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
"""Tests for data_source."""

import copy
import random

from absl.testing import absltest
from absl.testing import parameterized
import tensorflow as tf
import tensorflow_federated as tff

from programs.training import data_source
from programs.training import sampling

_CLIENT_IDS = [f'client_{i}' for i in range(20)]


class SampledClientsTest(parameterized.TestCase):
  def test_selections_are_the_samples_of_the_rounds(self):
    sample = sampling.build_sampling_fn(_CLIENT_IDS, 7, seed=3)
    source = data_source.SampledClientsDataSource(_CLIENT_IDS[::-1], 3)
    for _ in range(2):  # Each iterator is an independent pass.
      iterator = source.iterator()
      self.assertEqual(
        [iterator.select(7) for _ in range(5)], [sample(i) for i in range(1, 6)]
      )

  def test_global_generator_does_not_matter(self):
    def select():
      iterator = data_source.SampledClientsDataSource(_CLIENT_IDS, 1).iterator()
      return [iterator.select(3), iterator.select(2)]

    random.seed(1)
    first = select()
    random.seed(2)
    self.assertEqual(select(), first)

  def test_type_is_that_of_the_source_of_tff(self):
    expected = tff.program.ClientIdDataSource(_CLIENT_IDS).federated_type
    source = data_source.SampledClientsDataSource(_CLIENT_IDS, 0)
    self.assertTrue(source.federated_type.is_identical_to(expected))
    self.assertTrue(source.iterator().federated_type.is_identical_to(expected))

  def test_bytes_continue(self):
    iterator = data_source.SampledClientsDataSource(_CLIENT_IDS, 5).iterator()
    iterator.select(2)
    again = data_source.SampledClientsIterator.from_bytes(iterator.to_bytes())
    self.assertEqual(again, iterator)
    following = iterator.select(6)
    self.assertNotEqual(again, iterator)
    self.assertEqual(again.select(6), following)

  @parameterized.parameters(0, -1, 21, None)
  def test_refuses_numbers_of_clients(self, k):
    iterator = data_source.SampledClientsDataSource(_CLIENT_IDS, 0).iterator()
    with self.assertRaisesRegex(ValueError, f'from 1 to 20 .* found {k}'):
      iterator.select(k)

  def test_refuses_no_clients(self):
    with self.assertRaisesRegex(ValueError, 'Expected client ids, found none'):
      data_source.SampledClientsDataSource([], 0)


class SecretSeedTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._source = data_source.SampledClientsDataSource(_CLIENT_IDS, None)

  def test_iterators_differ(self):
    # Two of 20!/10! equal selections would be a coincidence.
    selections = {tuple(self._source.iterator().select(10)) for _ in range(9)}
    self.assertLen(selections, 9)

  def test_bytes_do_not_tell_the_clients(self):
    iterator = self._source.iterator()
    self.assertEqual(iterator.to_bytes(), self._source.iterator().to_bytes())
    again = data_source.SampledClientsIterator.from_bytes(iterator.to_bytes())
    self.assertNotEqual(again.select(10), iterator.select(10))

  def test_a_copy_selects_the_same(self):
    iterator = self._source.iterator()
    copied = data_source.copy_iterator(iterator)
    self.assertEqual(copied.select(10), iterator.select(10))


class CopyIteratorTest(absltest.TestCase):
  def test_does_not_advance_the_iterator(self):
    iterator = data_source.SampledClientsDataSource(_CLIENT_IDS, 5).iterator()
    before = iterator.to_bytes()
    data_source.copy_iterator(iterator).select(3)
    self.assertEqual(iterator.to_bytes(), before)

  def test_data_sets(self):
    datasets = [tf.data.Dataset.range(i) for i in range(3)]
    iterator = tff.program.DatasetDataSource(datasets).iterator()
    with self.assertRaises(TypeError):
      copy.deepcopy(iterator)
    selected = data_source.copy_iterator(iterator).select(3)
    self.assertCountEqual(map(len, selected), [0, 1, 2])


if __name__ == '__main__':
  absltest.main()
