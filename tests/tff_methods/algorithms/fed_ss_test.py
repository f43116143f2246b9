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
"""Tests for fed_ss."""

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
from tff_methods import aggregators
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import encoders
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods import templates

_SGD = tff.learning.optimizers.build_sgdm(0.5)
_ROWS = aggregators.selected_rows_aggregator(12)
_PURCHASES = row_models.purchase_datasets()
_NUM_BODY_BYTES = 4 * (6 * 4 + 4)
_ALL_CLASSES = options_lib.FedSsOptions(num_sampled_classes=12)


@caching.cache
def _build(
  variant='fed_ss',
  num_sampled_classes=6,
  mode='select',
  base_seed=0,
  downlink=None,
):
  return algorithms.build_fed_ss(
    row_models.row_model(),
    _SGD,
    options=options_lib.FedSsOptions(
      num_sampled_classes=num_sampled_classes,
      variant=variant,
      retrieval_mode=mode,
      base_seed=base_seed,
    ),
    model_distributor=downlink,
  )


def _train(process, num_rounds=2, clients=None):
  state, metrics = process.initialize(), None
  for _ in range(num_rounds):
    state, metrics = process.next(state, clients or row_models.datasets())
  return process.get_model_weights(state).trainable, metrics


@functools.cache
def _fed_avg_weights():
  """Returns the weights after TFF's federated averaging of the full model."""
  process = tff.learning.algorithms.build_weighted_fed_avg(
    row_models.row_model().full_model(), _SGD
  )
  return _train(process)[0]


def _train_by_numpy(batches, keys, is_other, negative_rate):
  """Trains one client by numpy, with gradients written out.

  Args:
    batches: Pairs of x and y.
    keys: Classes of the candidates.
    is_other: Function from a label to the mask of its negatives.
    negative_rate: Probability of candidates that are not labels.

  Returns:
    Kernel, bias and rows of the candidates.
  """
  (kernel, bias), _ = row_models.body().initial_weights
  rows = row_models.rows()[keys]
  labels = set(np.concatenate([y for _, y in batches]))
  shift = np.array([0 if k in labels else np.log(negative_rate) for k in keys])
  for x, y in batches:
    embeddings = np.tanh(x @ kernel + bias)
    of_rows, of_embeddings = np.zeros_like(rows), np.zeros_like(embeddings)
    for i, label in enumerate(y):
      own = keys == label
      mask = own | is_other(label)
      scores = np.where(mask, rows @ embeddings[i] - shift, -np.inf)
      softmax = np.exp(scores - scores.max())
      gradient = (softmax / softmax.sum() - own) / len(y)
      of_rows += np.outer(gradient, embeddings[i])
      of_embeddings[i] = gradient @ rows
    of_sums = of_embeddings * (1 - embeddings**2)
    rows = rows - 0.5 * of_rows
    kernel, bias = kernel - 0.5 * x.T @ of_sums, bias - 0.5 * of_sums.sum(0)
  return kernel, bias, rows


def _eight_bits(spec):
  return encoders.sketch_encoder(
    spec, options_lib.SketchOptions(bits=8, quantizer='uniform'), seed=(0,)
  )


@caching.cache
def _build_purchases(
  variant='fed_ss', num_input_rows=None, rows_aggregator=None, downlink=None
):
  return algorithms.build_fed_ss(
    row_models.purchases_model(),
    _SGD,
    options=options_lib.FedSsOptions(
      num_sampled_classes=None if variant == 'full_softmax' else 12,
      num_input_rows=(
        dict(zip(('items', 'shops'), num_input_rows, strict=False))
        if isinstance(num_input_rows, tuple)
        else num_input_rows
      ),
      variant=variant,
    ),
    rows_aggregator=rows_aggregator,
    model_distributor=downlink,
  )


def _mean_cosine(rows):
  """Returns the mean cosine over all pairs of rows."""
  unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
  return (unit @ unit.T)[np.triu_indices(len(rows), k=1)].mean()


class FedSSComputationTest(parameterized.TestCase):
  def test_is_a_select_process(self):
    self.assertIsInstance(_build(), templates.SelectProcess)

  def test_bytes_are_those_of_rows_and_keys(self):
    num_metrics_bytes = 4 + 3 * 8  # The loss and three counts.
    num_weight_bytes = (
      4 + 4
    )  # The client's weight, once each for body and rows.
    row_bytes = 6 * 4 * 4
    key_bytes = 6 * 4
    for mode in options_lib.RETRIEVAL_MODES:
      client_bytes = communication.traced_bytes(
        _build(mode=mode).accounted_next(0)
      )
      self.assertEqual(
        client_bytes.uplink,
        key_bytes  # The request.
        + (_NUM_BODY_BYTES + key_bytes + row_bytes)
        + num_weight_bytes
        + num_metrics_bytes,
      )
      round_key_bytes = 8
      self.assertEqual(
        client_bytes.downlink,
        _NUM_BODY_BYTES + row_bytes + round_key_bytes,
      )

  def test_bytes_of_broadcast_are_those_of_select(self):
    select, broadcast = _build(mode='select'), _build(mode='broadcast')
    self.assertIs(select.accounted_next(0), select.next)
    self.assertGreater(
      communication.traced_bytes(broadcast.next).downlink,
      communication.traced_bytes(broadcast.accounted_next(3)).downlink,
    )

  def test_bytes_of_input_tables_are_those_of_their_rows(self):
    counted = communication.traced_bytes(
      _build_purchases(num_input_rows=(4, 1)).accounted_next(0)
    )
    kernel, metrics, missing = 4 * 3 * 4, 4 + 3 * 8, 8
    rows = 4 * (4 * 3 + 1 * 4 + 12 * 4)
    keys = 4 * (4 + 1 + 12)
    # Body and tables are sent with a weight each.
    self.assertEqual(
      counted.uplink, kernel + rows + 2 * keys + 4 * 4 + metrics + missing
    )
    self.assertEqual(counted.downlink, kernel + rows + 8)

  def test_input_tables_need_a_number_of_rows(self):
    with self.assertRaisesRegex(
      ValueError,
      'a num_input_rows.*2 input tables.*largest_number_of_rows counts',
    ):
      _build_purchases()
    with self.assertRaisesRegex(ValueError, r"\['items', 's.*and nothing else"):
      _build_purchases(num_input_rows=(4,))
    with self.assertRaisesRegex(ValueError, "'shops' of at most 5, the number"):
      _build_purchases(num_input_rows=(4, 6))
    with self.assertRaisesRegex(TypeError, 'a function of the number of rows'):
      _build_purchases(num_input_rows=4, rows_aggregator=_ROWS)

  @parameterized.named_parameters(
    (
      'more_classes_than_the_model_has',
      options_lib.FedSsOptions(num_sampled_classes=13),
      None,
      'num_sampled_classes of at most 12.*found 13: lower',
    ),
    (
      'rows_aggregator_without_rows',
      options_lib.FedSsOptions(variant='full_softmax'),
      _ROWS,
      'no rows_aggregator.*leave it out',
    ),
  )
  def test_value_error(self, options, rows_aggregator, message):
    with self.assertRaisesRegex(ValueError, message):
      algorithms.build_fed_ss(
        row_models.row_model(),
        _SGD,
        options=options,
        rows_aggregator=rows_aggregator,
      )

  def test_keras_model(self):
    with self.assertRaisesRegex(
      TypeError, 'RowModel, found Sequential: .*row_model_from_keras'
    ):
      algorithms.build_fed_ss(tf.keras.Sequential(), _SGD, options=_ALL_CLASSES)

  def test_unweighted_model_aggregator(self):
    with self.assertRaisesRegex(
      TypeError, 'Expected model_aggregator .*found UnweightedMeanFactory'
    ):
      algorithms.build_fed_ss(
        row_models.row_model(),
        _SGD,
        options=_ALL_CLASSES,
        model_aggregator=tff.aggregators.UnweightedMeanFactory(),
      )


class FedSSExecutionTest(tf.test.TestCase, parameterized.TestCase):
  @parameterized.parameters(*options_lib.RETRIEVAL_MODES)
  def test_all_classes_equal_federated_averaging(self, mode):
    weights, metrics = _train(_build(num_sampled_classes=12, mode=mode))
    self.assertAllClose(weights, _fed_avg_weights(), rtol=1e-5)
    self.assertEqual(metrics['client_work']['train']['num_examples'], 18)

  def test_all_classes_with_biases_equal_federated_averaging(self):
    model = row_models.row_model(biases=row_models.biases())
    expected = tff.learning.algorithms.build_weighted_fed_avg(
      model.full_model(), _SGD
    )
    process = algorithms.build_fed_ss(model, _SGD, options=_ALL_CLASSES)
    weights, _ = _train(process)
    self.assertAllClose(weights, _train(expected)[0], rtol=1e-5)
    self.assertNotAllClose(weights[-1][:, -1], row_models.biases())

  def test_all_tokens_equal_federated_averaging(self):
    model = row_models.token_model(models.LabelRoles(padding=0))
    expected = tff.learning.algorithms.build_weighted_fed_avg(
      model.full_model(), _SGD
    )
    process = algorithms.build_fed_ss(model, _SGD, options=_ALL_CLASSES)
    clients = row_models.token_datasets()
    weights, metrics = _train(process, clients=clients)
    self.assertAllClose(
      weights, _train(expected, clients=clients)[0], rtol=1e-5
    )
    # Token 0 of the first client is padding.
    self.assertLess(metrics['client_work']['train']['num_examples'], 3 * 6 * 3)

  def test_input_tables_equal_federated_averaging(self):
    expected, _ = _train(_build_purchases('full_softmax'), clients=_PURCHASES)
    for num_input_rows in (9, (6, 2)):
      weights, metrics = _train(
        _build_purchases(num_input_rows=num_input_rows), clients=_PURCHASES
      )
      # The kernel, two input tables, and the rows.
      self.assertLen(weights, 4)
      for x, y in zip(weights, expected, strict=True):
        self.assertAllClose(x, y, rtol=1e-5, atol=1e-6)
      self.assertEqual(metrics['distributor']['num_missing_input_rows'], 0)

  def test_input_rows_beyond_the_number_are_counted(self):
    process = _build_purchases(num_input_rows=(4, 1))
    state, metrics = process.next(process.initialize(), _PURCHASES)
    expected = sum(
      max(0, np.unique(x['items'][x['items'] >= 0]).size - 4)
      + max(0, np.unique(x['shop']).size - 1)
      for x, _ in row_models.purchases()
    )
    self.assertGreater(expected, 0)
    self.assertEqual(metrics['distributor']['num_missing_input_rows'], expected)
    weights = process.get_model_weights(state).trainable
    initial = row_models.purchases_model().full_model().initial_weights[0]
    # Four items and a shop of three clients, at most.
    for x, y, limit in zip(weights[1:3], initial[1:3], (12, 3), strict=True):
      self.assertBetween((x != y).any(axis=1).sum(), 1, limit)

  def test_encoded_rows_of_input_tables(self):
    process = _build_purchases(
      num_input_rows=(6, 2),
      rows_aggregator=lambda num_rows: aggregators.selected_rows_aggregator(
        num_rows, encoder_fn=_eight_bits
      ),
      downlink=options_lib.DownlinkOptions(bits=8, min_elements=10),
    )
    state, metrics = process.next(process.initialize(), _PURCHASES)
    expected = _build_purchases('full_softmax')
    weights = expected.next(expected.initialize(), _PURCHASES).state
    for x, y in zip(
      process.get_model_weights(state).trainable,
      expected.get_model_weights(weights).trainable,
      strict=True,
    ):
      self.assertAllClose(x, y, atol=0.1)
    sent = metrics['aggregator']['items']['payload_bytes']
    self.assertBetween(sent, 3 * 6 * (4 + 3), 3 * (6 * (4 + 3) + 30))

  def test_full_softmax_is_federated_averaging(self):
    process = _build(variant='full_softmax', num_sampled_classes=None)
    self.assertAllEqual(_train(process)[0][-1], _fed_avg_weights()[-1])

  @parameterized.parameters('fed_ss', 'neg_only', 'pos_only', 'fed_aws')
  def test_both_retrieval_modes_give_the_same_bits(self, variant):
    select, _ = _train(_build(variant, mode='select'))
    broadcast, _ = _train(_build(variant, mode='broadcast'))
    for x, y in zip(select, broadcast, strict=True):
      self.assertEqual(x.tobytes(), y.tobytes())

  @parameterized.named_parameters(
    ('fed_ss', 'fed_ss', 6, 3 / 9),
    ('neg_only', 'neg_only', 6, 3 / 9),
    ('pos_only', 'pos_only', 3, 1.0),
  )
  def test_equals_numpy(self, variant, num_keys, negative_rate):
    client = row_models.datasets()[0]
    batches = list(client.as_numpy_iterator())
    weights, _ = _train(_build(variant), 1, [client])
    # The rows of candidates change, and no others.
    keys = np.flatnonzero((weights[-1] != row_models.rows()).any(axis=1))
    self.assertLen(keys, num_keys)
    own_classes = np.unique(np.concatenate([y for _, y in batches]))
    self.assertContainsSubset(own_classes, keys)
    is_other = {
      'fed_ss': lambda label: keys >= 0,
      'neg_only': lambda label: ~np.isin(keys, own_classes),
      'pos_only': lambda label: np.isin(keys, own_classes),
    }[variant]
    kernel, bias, rows = _train_by_numpy(batches, keys, is_other, negative_rate)
    self.assertAllClose(weights[0], kernel, rtol=1e-4, atol=1e-5)
    self.assertAllClose(weights[1], bias, rtol=1e-4, atol=1e-5)
    self.assertAllClose(weights[2][keys], rows, rtol=1e-4, atol=1e-5)

  def test_rows_of_no_candidate_do_not_change(self):
    weights, _ = _train(_build('pos_only'))
    untouched = [1, 4, 6, 8, 10]
    self.assertEqual(
      weights[-1][untouched].tobytes(), row_models.rows()[untouched].tobytes()
    )
    touched = np.setdiff1d(np.arange(12), untouched)
    self.assertTrue((weights[-1] != row_models.rows())[touched].any(1).all())

  def test_lazy_rows_stay_where_they_are(self):
    weights = {}
    for lazy_rows in (False, True):
      process = algorithms.build_fed_ss(
        row_models.row_model(),
        _SGD,
        tff.learning.optimizers.build_sgdm(1.0, momentum=0.9),
        options=options_lib.FedSsOptions(
          num_sampled_classes=4, variant='pos_only', lazy_rows=lazy_rows
        ),
      )
      # The rows of the first client are moved in the first round only.
      state, clients = process.initialize(), row_models.datasets()
      state = process.next(state, clients[:1]).state
      first = process.get_model_weights(state).trainable[-1]
      state = process.next(state, clients[2:]).state
      weights[lazy_rows] = first, process.get_model_weights(state).trainable[-1]
    for lazy_rows, (first, second) in weights.items():
      self.assertEqual((first[0] == second[0]).all(), lazy_rows)
      self.assertNotAllEqual(first[5], second[5])
    self.assertAllEqual(weights[False][0], weights[True][0])

  def test_padding_has_no_effect(self):
    fits, _ = _train(_build('pos_only', num_sampled_classes=4))
    padded, _ = _train(_build('pos_only', num_sampled_classes=11))
    self.assertAllClose(fits, padded, rtol=1e-6)

  def test_more_classes_than_fit(self):
    weights, metrics = _train(_build('fed_ss', num_sampled_classes=2))
    metrics = metrics['client_work']['train']
    self.assertEqual(metrics['num_examples'], 18)
    # Two of three classes in eight examples fit, and two of four in six.
    self.assertGreaterEqual(metrics['num_excluded_examples'], 2 + 2)
    self.assertLessEqual(metrics['num_excluded_examples'], 6 + 4)
    self.assertTrue(np.isfinite(weights[-1]).all())

  def test_label_out_of_range(self):
    x = np.zeros([2, row_models.NUM_FEATURES], np.float32)
    dataset = tf.data.Dataset.from_tensor_slices((x, np.int32([3, 12])))
    with self.assertRaisesRegex(
      Exception, 'labels of at least 0 and below 12(.|\n)*12'
    ):
      _train(_build(), 1, [dataset.batch(2)])

  def test_negatives_depend_on_round_and_seed(self):
    client = row_models.datasets()[:1]
    process = _build()

    def changed(process, state):
      after = process.next(state, client).state
      before, rows = (
        process.get_model_weights(s).trainable[-1] for s in (state, after)
      )
      return after, tuple(np.flatnonzero((before != rows).any(axis=1)))

    state, first = changed(process, process.initialize())
    _, again = changed(process, process.initialize())
    _, second = changed(process, state)
    other_process = _build(base_seed=1)
    _, other = changed(other_process, other_process.initialize())
    self.assertEqual(first, again)
    self.assertNotEqual(first, second)
    self.assertNotEqual(first, other)

  @pytest.mark.slow
  def test_negatives_only_collapses_the_classes_of_a_client(self):
    own_classes = list(row_models.CLASSES[1])

    def mean_cosine_after(variant):
      (*_, rows), _ = _train(
        _build(variant, num_sampled_classes=10),
        num_rounds=12,
        clients=row_models.datasets()[1:2],
      )
      return _mean_cosine(rows[own_classes])

    before = _mean_cosine(row_models.rows()[own_classes])
    negatives_only = mean_cosine_after('neg_only')
    self.assertGreater(negatives_only, before + 0.1)
    self.assertLess(mean_cosine_after('fed_ss'), negatives_only - 0.1)

  def test_server_pushes_rows_apart(self):
    rows = np.ones_like(row_models.rows())
    rows[:, 0] += 0.1 * np.arange(12)
    model = models.RowModel(row_models.body(), rows)

    def unseen_rows(variant):
      process = algorithms.build_fed_ss(
        model,
        _SGD,
        options=options_lib.FedSsOptions(
          num_sampled_classes=4, variant=variant
        ),
      )
      return _train(process, 1)[0][-1][[1, 4]]

    def angle(pair):
      a, b = pair / np.linalg.norm(pair, axis=1, keepdims=True)
      return np.arccos(a @ b)

    self.assertGreater(
      angle(unseen_rows('fed_aws')), 1.01 * angle(unseen_rows('pos_only'))
    )

  def test_model_aggregator(self):
    process = algorithms.build_fed_ss(
      row_models.row_model(),
      _SGD,
      options=_ALL_CLASSES,
      model_aggregator=aggregators.sketched_update_aggregator(
        bits=8, min_elements=10
      ),
      rows_aggregator=aggregators.selected_rows_aggregator(12, weighting='row'),
    )
    weights, metrics = _train(process)
    # Of each client 24 values of a byte with a scale, and 4 uncompressed ones.
    sent = metrics['aggregator']['body']['mean_value']['payload_bytes']
    self.assertLess(sent, 3 * _NUM_BODY_BYTES)
    self.assertAllClose(weights[0], _fed_avg_weights()[0], atol=0.05)

  @pytest.mark.slow
  def test_encoder_of_rows(self):
    process = algorithms.build_fed_ss(
      row_models.row_model(),
      _SGD,
      options=_ALL_CLASSES,
      rows_aggregator=aggregators.selected_rows_aggregator(
        12, encoder_fn=_eight_bits
      ),
    )
    weights, metrics = _train(process)
    sent = metrics['aggregator']['rows']['payload_bytes']
    # Keys, one byte for each of 4 values of a row, and some for scale and seed.
    self.assertBetween(sent, 3 * 12 * (4 + 4), 3 * (12 * (4 + 4) + 24))
    self.assertAllClose(weights[-1], _fed_avg_weights()[-1], atol=0.05)
    self.assertNotAllEqual(weights[-1], _fed_avg_weights()[-1])

  @parameterized.product(
    mode=options_lib.RETRIEVAL_MODES,
    downlink=(None, options_lib.DownlinkOptions(bits=4, min_elements=10)),
  )
  @pytest.mark.slow
  def test_same_seed_gives_the_same_bits_in_every_runtime(self, mode, downlink):
    results = []
    for context in (
      runtime.create_local_context(),
      two_workers.create_context(),
    ):
      with tff.framework.get_context_stack().install(context):
        process = _build(mode=mode, downlink=downlink)
        results.append(_train(process)[0])
    for x, y in zip(*results, strict=True):
      self.assertEqual(x.tobytes(), y.tobytes())

  def test_train_model(self):
    rounds = train_model.released_rounds(
      _build(),
      lambda: row_models.datasets()[0],
      self.get_temp_dir(),
    )
    self.assertEqual(rounds, [1, 2])


if __name__ == '__main__':
  tf.test.main()
