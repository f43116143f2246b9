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
"""Tests for row_downlink."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods.templates import row_downlink

_ROUND_KEY = np.int32([5, 6])
_BODY_BYTES = 4 * (6 * 4 + 4)  # A kernel and a bias.


def _build(**options):
  return row_downlink.RowDownlink(
    row_models.row_model(),
    options_lib.DownlinkOptions(**options) if options else None,
  )


def _weights(rows=None):
  (*body, table), constants = (
    row_models.row_model().full_model().initial_weights
  )
  table = table if rows is None else rows
  return tff.learning.models.ModelWeights((*body, table), constants)


def _model_of_equal_tables(rows):
  """Returns a model whose two input tables have the rows of the output."""
  specs = dict.fromkeys('ab', tf.TensorSpec([None], tf.int32))
  embedded = dict.fromkeys('ab', tf.TensorSpec([None, 16], tf.float32))

  @tf.function
  def predict_on_batch(model_weights, x, training=True):
    del training
    return x['a'] + x['b'] + model_weights[0][0]

  return models.RowModel(
    tff.learning.models.FunctionalModel(
      initial_weights=((np.zeros(16, np.float32),), ()),
      predict_on_batch_fn=predict_on_batch,
      loss_fn=lambda output, label, sample_weight=None: tf.reduce_mean(output),
      input_spec=(embedded, specs['a']),
    ),
    rows,
    input_tables={name: models.InputTable(rows, name) for name in 'ab'},
    input_spec=(specs, specs['a']),
  )


def _received(sent, weights, round_key=_ROUND_KEY):
  """Returns the body and the rows of all tables, as one client decodes them."""

  @tff.federated_computation(
    *(
      tff.FederatedType(t, tff.SERVER)
      for t in sent.encode.type_signature.parameter
    ),
    tff.FederatedType(np.int32, tff.CLIENTS),
  )
  def receive(weights, round_key, clients):
    tables, payload, _ = tff.federated_map(sent.encode, (weights, round_key))
    payload = tff.federated_broadcast(payload)
    decoded = [
      sent.decode_rows(tff.federated_broadcast(table), payload, i)
      for i, table in enumerate(tables)
    ]
    return tff.federated_zip((sent.decode_body(payload), clients, *decoded))

  ((body, _, *tables),) = receive(weights, round_key, [0])
  return body, *tables


class RowDownlinkComputationTest(parameterized.TestCase):
  def test_plain_table_is_that_of_the_model(self):
    for sent in (_build(), _build(bits=None)):
      self.assertEqual(sent.table_types[0], tff.TensorType(np.float32, [12, 4]))
      self.assertEqual(str(sent.body_type), '<<float32[6,4],float32[4]>,<>>')

  def test_encoded_rows_are_bytes(self):
    # Four values of 2 bits, and a scale.
    sent = _build(bits=2, min_elements=0)
    self.assertEqual(sent.table_types[0], tff.TensorType(np.uint8, [12, 1 + 4]))

  def test_small_tables_are_sent_as_they_are(self):
    self.assertEqual(
      _build(bits=2, min_elements=12 * 4 + 1).table_types[0],
      tff.TensorType(np.float32, [12, 4]),
    )

  def test_wrong_argument(self):
    with self.assertRaisesRegex(TypeError, 'options.DownlinkOptions, found'):
      row_downlink.RowDownlink(
        row_models.row_model(), options_lib.SketchOptions()
      )


class RowDownlinkExecutionTest(parameterized.TestCase, tf.test.TestCase):
  def test_without_bits_clients_receive_the_exact_weights(self):
    weights = _weights()
    for sent in (_build(), _build(bits=None)):
      (body, _), rows = _received(sent, weights)
      for x, y in zip((*body, rows), weights.trainable, strict=True):
        self.assertAllEqual(x, y)

  @parameterized.parameters('eden', 'uniform')
  def test_clients_receive_nearly_the_server_s_weights(self, quantizer):
    weights = _weights()
    sent = _build(bits=8, min_elements=10, quantizer=quantizer)
    (body, _), rows = _received(sent, weights)
    self.assertAllEqual(body[1], weights.trainable[1])  # Small.
    for x, y in ((body[0], weights.trainable[0]), (rows, row_models.rows())):
      self.assertNotAllEqual(x, y)
      self.assertAllClose(x, y, atol=0.05)

  def test_keys_of_round_and_seed_differ(self):
    weights = _weights()
    rows = [
      np.asarray(_received(sent, weights, np.int32(key))[1])
      for sent, key in (
        (_build(bits=2, min_elements=10), (5, 6)),
        (_build(bits=2, min_elements=10), (5, 7)),
        (_build(bits=2, min_elements=10, base_seed=1), (5, 6)),
        (_build(bits=2, min_elements=10), (5, 6)),
      )
    ]
    self.assertAllEqual(rows[0], rows[3])
    self.assertNotAllEqual(rows[0], rows[1])
    self.assertNotAllEqual(rows[0], rows[2])

  @parameterized.parameters('eden', 'uniform')
  def test_tables_do_not_share_a_key(self, quantizer):
    rows = np.random.default_rng(0).normal(size=[8, 16]).astype(np.float32)
    model = _model_of_equal_tables(rows)
    sent = row_downlink.RowDownlink(
      model,
      options_lib.DownlinkOptions(bits=4, min_elements=10, quantizer=quantizer),
    )
    weights = tff.learning.models.ModelWeights(
      *model.full_model().initial_weights
    )
    _, *tables = _received(sent, weights)
    self.assertLen(tables, 3)
    for i, table in enumerate(tables):
      self.assertAllClose(table, rows, atol=0.5)
      for other in tables[:i]:
        self.assertNotAllEqual(table, other)

  def test_bytes_of_the_body(self):
    _, _, num_bytes = _build().encode(_weights(), _ROUND_KEY)
    self.assertEqual(num_bytes, _BODY_BYTES)
    _, _, num_bytes = _build(bits=2, min_elements=10).encode(
      _weights(), _ROUND_KEY
    )
    # 24 values of 2 bits and a scale, the bias, and the key.
    self.assertEqual(num_bytes, (6 + 4) + 4 * 4 + 8)

  def test_nan_in_a_row_names_the_table(self):
    rows = row_models.rows()
    rows[3, 1] = np.nan
    with self.assertRaisesRegex(
      Exception, r'found NaN or Inf in weight tensor 2 of shape \(12, 4\)'
    ):
      _build(bits=2).encode(_weights(rows), _ROUND_KEY)


if __name__ == '__main__':
  tf.test.main()
