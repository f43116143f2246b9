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
"""Tests for row_distributor."""

import functools

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods.templates import row_distributor


@functools.cache
def _build(num_candidates=5, **kwargs):
  return row_distributor.build_class_sampling_distributor(
    row_models.row_model(), num_candidates, **kwargs
  )


def _weights():
  return tff.learning.models.ModelWeights(
    *row_models.row_model().full_model().initial_weights
  )


def _keys(weights):
  return weights.non_trainable[0]


class RowDistributorComputationTest(parameterized.TestCase):
  def test_state_and_data(self):
    process = _build()
    state_type, _, data_type = process.next.type_signature.parameter
    self.assertEqual(str(state_type), '<round=int32>@SERVER')
    self.assertEqual(str(data_type.member), '<float32[?,6],int32[?]>*')

  def test_select_next_of_both_modes(self):
    select, broadcast = _build(), _build(retrieval_mode='broadcast')
    self.assertIs(select.select_next, select.next)
    self.assertIsNot(broadcast.select_next, broadcast.next)
    self.assertEqual(
      broadcast.select_next.type_signature, broadcast.next.type_signature
    )

  def test_next_with_ids_has_the_bytes_of_next(self):
    process = _build(retrieval_mode='broadcast')
    *arguments, ids_type = process.next_with_ids.type_signature.parameter
    self.assertEqual(ids_type, tff.FederatedType(np.str_, tff.CLIENTS))
    self.assertEqual(
      arguments, [t for t in process.next.type_signature.parameter]
    )
    self.assertEqual(
      communication.traced_bytes(process.next_with_ids),
      communication.traced_bytes(process.next),
    )

  @parameterized.named_parameters(
    ('base_seed', {'base_seed': 0.5}, TypeError, 'base_seed to be an int'),
    ('seed_source', {'seed_source': 'x'}, ValueError, 'seed_source to be one'),
    ('mode', {'retrieval_mode': 'x'}, ValueError, 'retrieval_mode to be one'),
  )
  def test_wrong_argument(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      row_distributor.build_class_sampling_distributor(
        row_models.row_model(), 5, **kwargs
      )


class RowDistributorExecutionTest(parameterized.TestCase, tf.test.TestCase):
  def test_clients_receive_the_rows_of_their_classes_and_of_others(self):
    process = _build()
    output = process.next(
      process.initialize(), _weights(), row_models.datasets()
    )
    self.assertEqual(output.state['round'], 1)
    for classes, weights in zip(row_models.CLASSES, output.result, strict=True):
      keys, _, is_positive = weights.non_trainable
      self.assertAllEqual(np.unique(keys), keys)
      self.assertAllEqual(keys[is_positive], classes)
      self.assertAllEqual(weights.trainable[-1], row_models.rows()[keys])
      for x, y in zip(
        weights.trainable[:-1],
        row_models.body().initial_weights[0],
        strict=True,
      ):
        self.assertAllEqual(x, y)

  def test_padding_without_negatives(self):
    process = _build(with_negatives=False)
    output = process.next(
      process.initialize(), _weights(), row_models.datasets()
    )
    for classes, weights in zip(row_models.CLASSES, output.result, strict=True):
      self.assertAllEqual(
        _keys(weights), [-1] * (5 - len(classes)) + list(classes)
      )

  def test_quantized_downlink(self):
    options = options_lib.DownlinkOptions(bits=4, min_elements=10)
    plain, process = _build(), _build(downlink=options)
    data = row_models.datasets()
    exact = plain.next(plain.initialize(), _weights(), data)
    output = process.next(process.initialize(), _weights(), data)
    self.assertEqual(exact.measurements, ())
    for weights, expected in zip(output.result, exact.result, strict=True):
      self.assertAllEqual(_keys(weights), _keys(expected))
      self.assertNotAllEqual(weights.trainable[-1], expected.trainable[-1])
      error = np.linalg.norm(weights.trainable[-1] - expected.trainable[-1])
      norm = np.linalg.norm(expected.trainable[-1])
      self.assertLess(error, 0.2 * norm)
    # Clients receive the same encoded rows: row 7 is of two of them.
    of_row_7 = [
      weights.trainable[-1][list(_keys(weights)).index(7)]
      for weights in output.result
      if 7 in _keys(weights)
    ]
    self.assertAllEqual(of_row_7[0], of_row_7[1])
    # The trace also has the key of the round, 8 bytes.
    found = communication.traced_bytes(process.select_next).downlink
    self.assertEqual(output.measurements['payload_bytes_per_client'], found - 8)

  def test_negatives_depend_on_client_round_and_seed(self):
    data = row_models.datasets()[:1]
    # A second client with the same classes, of other examples.
    x, y = row_models.arrays()[0]
    data.append(tf.data.Dataset.from_tensor_slices((x + 1, y)).batch(4))
    process = _build()

    def keys(process, state):
      results = process.next(state, _weights(), data).result
      return [tuple(_keys(weights)) for weights in results]

    state = process.initialize()
    first = keys(process, state)
    self.assertEqual(first, keys(process, state))
    later = keys(process, {'round': np.int32(7)})
    other = _build(base_seed=1)
    seeded = keys(other, other.initialize())
    self.assertGreater(len({*first, *later, *seeded}), 3)

  def test_ids_make_clients_with_the_same_data_differ(self):
    (client,) = row_models.datasets()[:1]
    process = _build(num_candidates=6)
    state = process.initialize()

    def keys(client_ids):
      clients = [client] * len(client_ids)
      result = process.next_with_ids(
        state, _weights(), clients, client_ids
      ).result
      return [tuple(_keys(weights)) for weights in result]

    drawn = keys([str(i) for i in range(8)])
    self.assertEqual(drawn, keys([str(i) for i in range(8)]))
    self.assertGreater(len(set(drawn)), 1)
    self.assertLen(set(keys(['a'] * 3)), 1)
    for candidates in drawn:
      self.assertContainsSubset(row_models.CLASSES[0], candidates)

  def test_a_process_without_ids_ignores_them(self):
    full = _build()
    process = row_distributor.RowDistributionProcess(full.initialize, full.next)
    data = row_models.datasets()
    found, expected = (
      process.next_with_ids(
        process.initialize(), _weights(), data, ['a', 'b', 'c']
      ),
      process.next(process.initialize(), _weights(), data),
    )
    self.assertAllEqual(
      [_keys(weights) for weights in found.result],
      [_keys(weights) for weights in expected.result],
    )


class KeyAndOwnRowsTest(tf.test.TestCase):
  _ROUND_KEY = (3, 4)

  def _call(self, dataset, seed_source='reproducible', model=None):
    key, (classes,) = row_distributor.key_and_own_rows(
      model or row_models.row_model(),
      tf.constant(self._ROUND_KEY),
      dataset,
      seed_source,
    )
    return tuple(key.numpy()), classes

  def test_distinct_classes_of_all_batches(self):
    for dataset, expected in zip(
      row_models.datasets(), row_models.CLASSES, strict=True
    ):
      _, classes = self._call(dataset)
      self.assertCountEqual(classes.numpy(), expected)

  def test_tokens_of_input_and_labels(self):
    dataset = tf.data.Dataset.from_tensors(([[3, 0]], [[0, 8]]))
    _, classes = self._call(dataset, model=row_models.token_model())
    self.assertCountEqual(classes.numpy(), [0, 3, 8])

  def test_key_is_that_of_the_first_batch(self):
    first, second, _ = row_models.datasets()
    key, _ = self._call(first)
    self.assertEqual(key, self._call(first)[0])
    self.assertEqual(key, self._call(first.take(1).concatenate(second))[0])
    self.assertNotEqual(key, self._call(second)[0])
    self.assertNotEqual(key, self._ROUND_KEY)

  def test_key_of_entropy_differs(self):
    dataset = row_models.datasets()[0]
    keys = {self._call(dataset, 'entropy')[0] for _ in range(3)}
    self.assertLen(keys, 3)

  def test_no_batches(self):
    key, classes = self._call(row_models.datasets()[0].take(0))
    self.assertEqual(key, self._ROUND_KEY)
    self.assertEqual(classes.shape, [0])


if __name__ == '__main__':
  tf.test.main()
