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
"""Tests for lsh_select."""

import functools

from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods import row_models
from tests.tff_methods import train_model
from tests.tff_methods.runtime import two_workers
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval
from tff_methods import runtime
from tff_methods import templates

_SGD = tff.learning.optimizers.build_sgdm(0.5)
_SIMHASH = retrieval.SimHash(2, 3, num_queries=5, bucket_capacity=4)
_INDEXES = {
  'simhash': _SIMHASH,
  'random': retrieval.RandomRows(),
  'exact': retrieval.ExactRows(),
  'product_quantization': retrieval.ProductQuantization(2),
  'ivf_pq': retrieval.IvfPq(3, 2, num_parts=2),
}


@caching.cache
def _build(index='simhash', mode='select', **kwargs):
  return algorithms.build_lsh_select_fed_avg(
    row_models.row_model(),
    _SGD,
    options=options_lib.LshSelectOptions(
      retrieval_mode=mode, **{'row_budget': 0.5} | kwargs
    ),
    index=_INDEXES[index],
  )


@functools.cache
def _token_model():
  return row_models.token_model(models.LabelRoles(padding=0))


@caching.cache
def _build_of_tokens(**kwargs):
  return algorithms.build_lsh_select_fed_avg(
    _token_model(),
    _SGD,
    options=options_lib.LshSelectOptions(**kwargs),
    index=_SIMHASH,
  )


def _train(process, clients=None, num_rounds=2):
  state, metrics = process.initialize(), None
  for _ in range(num_rounds):
    state, metrics = process.next(state, clients or row_models.datasets())
  return process.get_model_weights(state).trainable, metrics


def _fed_avg_weights(model, clients=None):
  process = tff.learning.algorithms.build_weighted_fed_avg(
    model.full_model(), _SGD
  )
  return _train(process, clients)[0]


@functools.cache
def _expected_weights():
  return _fed_avg_weights(row_models.row_model())


@functools.cache
def _expected_weights_of_tokens():
  return _fed_avg_weights(_token_model(), row_models.token_datasets())


def _moved_rows(weights, model=None):
  before = (model or row_models.row_model()).full_model().initial_weights[0][-1]
  return np.flatnonzero((weights[-1] != before).any(axis=1))


class LshSelectComputationTest(parameterized.TestCase):
  def test_is_a_select_process(self):
    process = _build()
    self.assertIsInstance(process, templates.SelectProcess)
    self.assertIs(process.accounted_next(0), process.next)

  def test_bytes_of_all_transfers(self):
    client_bytes = communication.traced_bytes(_build().accounted_next(0))
    body, num_metrics_bytes = 4 * (6 * 4 + 4), 4 + 3 * 8
    rows, keys = 6 * 4 * 4, 6 * 4
    # Clients draw the projections by a key of 8 bytes.
    client_params, num_counts = 8, 3
    self.assertEqual(
      client_bytes.downlink,
      body + 8 + client_params + 5 * 4 * 4 + rows,  # 5 buckets of 4 rows.
    )
    self.assertEqual(
      client_bytes.uplink,
      5 * 4  # The requested buckets.
      + keys  # The requested rows.
      + (body + keys + rows)
      + (4 + 4)  # The client's weight, for the body and for the rows.
      + num_metrics_bytes
      + 8 * num_counts,
    )

  @pytest.mark.slow
  def test_bytes_of_rows_that_embed_the_input(self):
    process = _build_of_tokens(row_budget=0.75, own_budget=0.5)
    client_bytes = communication.traced_bytes(process.accounted_next(0))
    wider = _build_of_tokens(
      row_budget=0.75, own_budget=0.5, retrieved_budget=1.0
    )
    # 3 more rows of 5 values and their keys; their updates are not sent.
    more = communication.traced_bytes(wider.accounted_next(0))
    self.assertEqual(more.downlink - client_bytes.downlink, 3 * 5 * 4)
    self.assertEqual(more.uplink - client_bytes.uplink, 3 * 4)
    # 9 rows in total, before or after the search.
    other = _build_of_tokens(row_budget=0.75, own_budget=0.25)
    self.assertEqual(
      communication.traced_bytes(other.accounted_next(0)), client_bytes
    )

  def test_bytes_of_broadcast_are_those_of_select(self):
    broadcast = _build(mode='broadcast')
    self.assertEqual(
      communication.traced_bytes(broadcast.accounted_next(0)),
      communication.traced_bytes(_build().next),
    )

  @parameterized.named_parameters(
    ('own_rows', {'own_budget': 0.25}, 'no own rows .* found 3: leave them'),
    ('rows', {'row_budget': 1.5}, 'row_budget .*at most 1, .*found 1.5'),
  )
  def test_value_error(self, options, message):
    with self.assertRaisesRegex(ValueError, message):
      _build(**options)

  @parameterized.parameters('simhash', retrieval.SimHash)
  def test_wrong_index(self, index):
    with self.assertRaisesRegex(
      TypeError, 'Expected a RowIndex, found .*(?i:simhash)'
    ):
      algorithms.build_lsh_select_fed_avg(
        row_models.row_model(), _SGD, index=index
      )

  def test_wrong_row_model(self):
    with self.assertRaisesRegex(TypeError, 'Expected a RowModel, found func'):
      algorithms.build_lsh_select_fed_avg(lambda: None, _SGD)
    with self.assertRaisesRegex(ValueError, r"\['items', 'shops'\]: take"):
      algorithms.build_lsh_select_fed_avg(row_models.purchases_model(), _SGD)

  def test_similarity_that_no_index_can_search(self):
    model = row_models.row_model(
      similarity=lambda x, rows: -tf.norm(x[..., tf.newaxis, :] - rows, axis=-1)
    )
    with self.assertRaisesRegex(TypeError, 'embedding_vectors and row_vectors'):
      algorithms.build_lsh_select_fed_avg(model, _SGD)


class LshSelectExecutionTest(tf.test.TestCase, parameterized.TestCase):
  @parameterized.parameters(*_INDEXES)
  def test_all_rows_equal_federated_averaging(self, index):
    weights, metrics = _train(_build(index, row_budget=1.0))
    self.assertAllClose(weights, _expected_weights(), rtol=1e-5)
    self.assertEqual(metrics['distributor']['num_random_rows'], 0)

  @pytest.mark.slow
  def test_all_rows_with_biases_and_cosines_equal_federated_averaging(self):
    for kwargs in (
      {'biases': row_models.biases()},
      {'similarity': models.ScaledCosine(5.0)},
    ):
      model = row_models.row_model(**kwargs)
      process = algorithms.build_lsh_select_fed_avg(
        model,
        _SGD,
        options=options_lib.LshSelectOptions(row_budget=1.0),
        index=_SIMHASH,
      )
      weights, _ = _train(process)
      self.assertAllClose(weights, _fed_avg_weights(model), rtol=1e-5)

  @parameterized.named_parameters(
    ('half_before_the_search', {}),
    ('most_before_the_search', {'own_budget': 0.9}),
    ('index_of_two_rounds', {'rounds_per_build': 2}),
  )
  def test_all_tokens_equal_federated_averaging(self, kwargs):
    process = _build_of_tokens(row_budget=1.0, **kwargs)
    weights, _ = _train(process, row_models.token_datasets())
    self.assertAllClose(weights, _expected_weights_of_tokens(), rtol=1e-5)

  def test_both_retrieval_modes_give_the_same_bits(self):
    select, _ = _train(_build(mode='select'))
    broadcast, _ = _train(_build(mode='broadcast'))
    for x, y in zip(select, broadcast, strict=True):
      self.assertEqual(x.tobytes(), y.tobytes())

  @parameterized.parameters(*_INDEXES)
  def test_budget_is_met_exactly(self, index):
    client = row_models.datasets()[:1]
    weights, metrics = _train(_build(index), client, num_rounds=1)
    moved = _moved_rows(weights)
    self.assertLen(moved, 6)
    self.assertContainsSubset(row_models.CLASSES[0], moved)
    self.assertEqual(metrics['distributor']['num_own_rows'], 3)
    if index == 'random':
      self.assertEqual(metrics['distributor']['num_random_rows'], 3)
    if index == 'exact':
      self.assertEqual(metrics['distributor']['num_random_rows'], 0)

  def test_exact_rows_have_the_largest_activations(self):
    client = row_models.datasets()[:1]
    weights, _ = _train(_build('exact'), client, num_rounds=1)
    x = np.concatenate([x for x, _ in client[0].as_numpy_iterator()])
    activations = (row_models.embed(x) @ row_models.rows().T).max(axis=0)
    activations[list(row_models.CLASSES[0])] = np.inf
    self.assertCountEqual(_moved_rows(weights), np.argsort(-activations)[:6])

  def test_retrieved_rows_of_the_largest_activations_are_trained(self):
    # All rows are retrieved, so the largest activations are exact.
    client = row_models.datasets()[:1]
    process = algorithms.build_lsh_select_fed_avg(
      row_models.row_model(),
      _SGD,
      options=options_lib.LshSelectOptions(
        row_budget=0.5, retrieved_budget=1.0
      ),
      index=retrieval.SimHash(1, 8, bucket_capacity=12),
    )
    weights, metrics = _train(process, client, num_rounds=1)
    self.assertEqual(metrics['distributor']['num_random_rows'], 0)
    exact, _ = _train(_build('exact'), client, num_rounds=1)
    self.assertAllClose(weights, exact, rtol=1e-6)

  @pytest.mark.slow
  def test_random_rows_stand_for_the_others_in_the_loss(self):
    client = row_models.datasets()[:1]

    def loss(**kwargs):
      _, metrics = _train(_build('random', **kwargs), client, num_rounds=1)
      return metrics['client_work']['train']['loss']

    corrected = [loss(corrects_loss=True, base_seed=s) for s in range(3)]
    self.assertAllClose(np.mean(corrected), loss(row_budget=1.0), rtol=0.15)
    # Without the correction, classes without a row are not in the softmax.
    self.assertLess(loss(), 0.9 * loss(row_budget=1.0))

  def test_index_of_two_rounds_is_built_when_due(self):
    process = _build(rounds_per_build=2)
    states = [process.initialize()]
    for _ in range(3):
      states.append(process.next(states[-1], row_models.datasets()).state)
    keys = [state.distributor['index'].client_params for state in states]
    self.assertAllEqual(keys[0], np.zeros_like(keys[0]))
    self.assertAllEqual(keys[1], keys[2])
    self.assertNotAllEqual(keys[2], keys[3])

  def test_dropped_entries_are_counted(self):
    process = algorithms.build_lsh_select_fed_avg(
      row_models.row_model(),
      _SGD,
      options=options_lib.LshSelectOptions(row_budget=0.5),
      index=retrieval.SimHash(1, 3, bucket_capacity=1),
    )
    _, metrics = _train(process, num_rounds=1)
    # Each of 3 tables has 1 or 2 buckets with rows, with a capacity of 1 of the
    # 12 rows each.
    self.assertBetween(
      metrics['distributor']['num_dropped_entries'], 3 * 10, 3 * 11
    )

  def test_more_own_rows_than_the_budget(self):
    weights, metrics = _train(_build(row_budget=1 / 6))
    metrics = metrics['client_work']['train']
    self.assertEqual(metrics['num_examples'], 18)
    self.assertBetween(metrics['num_excluded_examples'], 2 + 2, 6 + 4)
    self.assertTrue(np.isfinite(weights[-1]).all())

  def test_label_out_of_range(self):
    x = np.zeros([2, row_models.NUM_FEATURES], np.float32)
    dataset = tf.data.Dataset.from_tensor_slices((x, np.int32([3, 12])))
    with self.assertRaisesRegex(
      Exception, 'labels of at least 0 and below 12(.|\n)*12'
    ):
      _train(_build(), [dataset.batch(2)])

  @pytest.mark.slow
  def test_same_seed_gives_the_same_bits_in_every_runtime(self):
    results = []
    for context in (
      runtime.create_local_context(),
      two_workers.create_context(),
    ):
      with tff.framework.get_context_stack().install(context):
        results.append(_train(_build())[0])
    for x, y in zip(*results, strict=True):
      self.assertEqual(x.tobytes(), y.tobytes())

  @pytest.mark.slow
  def test_random_rows_depend_on_the_seed(self):
    client = row_models.datasets()[:1]
    moved = {
      tuple(_moved_rows(_train(_build('random', base_seed=s), client, 1)[0]))
      for s in range(3)
    }
    self.assertGreater(len(moved), 1)

  def test_train_model(self):
    rounds = train_model.released_rounds(
      _build(),
      lambda: row_models.datasets()[0],
      self.get_temp_dir(),
    )
    self.assertEqual(rounds, [1, 2])


if __name__ == '__main__':
  tf.test.main()
