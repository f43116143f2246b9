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
"""Tests for text_bodies."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tasks.text import text_bodies

_BODIES = {
  'transformer': text_bodies.transformer_body,
  'lstm': text_bodies.lstm_body,
}


def _random_weights(body):
  rng = np.random.default_rng(3)
  return [
    w + rng.normal(scale=0.1, size=w.shape).astype(np.float32)
    for w in body.initial_weights[0]
  ]


def _random_rows(batch_size=3):
  rng = np.random.default_rng(4)
  return rng.normal(scale=0.1, size=[batch_size, 20, 96]).astype(np.float32)


def _embed(body, weights, rows):
  return body.predict_on_batch((tuple(weights), ()), rows, False).numpy()


class BodiesTest(tf.test.TestCase, parameterized.TestCase):
  @parameterized.parameters(
    ('transformer', {}, 336_096),
    # Each unit has 96 input weights, 96 output weights and a bias.
    ('transformer', {'ffn_dim': 2560}, 336_096 + 1024 * 193),
    # The paper's: half of the weights of a model with 10,000 words.
    ('transformer', {'num_blocks': 3}, 20 * 96 + 3 * 334_176),
    (
      'transformer',
      {'embedding_dim': 16, 'ffn_dim': 10},
      20 * 16 + 4 * (16**2 + 16) + 2 * 16 * 10 + 10 + 5 * 16,
    ),
    ('lstm', {}, 386_144),
  )
  def test_number_of_weights(self, name, kwargs, expected):
    trainable, constants = _BODIES[name](0, **kwargs).initial_weights
    self.assertEqual(sum(w.size for w in trainable), expected)
    self.assertEqual({w.dtype for w in trainable}, {np.dtype(np.float32)})
    self.assertEmpty(constants)

  @parameterized.parameters('transformer', 'lstm')
  def test_is_causal(self, name):
    body = _BODIES[name](0)
    weights, rows = _random_weights(body), _random_rows()
    embeddings = _embed(body, weights, rows)
    changed = rows.copy()
    changed[:, 12] += 0.1
    difference = np.abs(_embed(body, weights, changed) - embeddings)
    self.assertAllClose(difference[:, :12], np.zeros([3, 12, 96]), atol=1e-6)
    self.assertAllGreater(difference[:, 12:].max(axis=(0, 2)), 1e-4)

  def test_transformer_equals_keras_layers(self):
    body = text_bodies.transformer_body(0, ffn_dim=40)
    weights, rows = _random_weights(body), _random_rows()
    positions, qkv, qkv_bias, attended, attended_bias, *others = weights
    attention = tf.keras.layers.MultiHeadAttention(num_heads=8, key_dim=12)
    h = (rows + positions) * np.float32(np.sqrt(96))
    attention(h, h)
    projections = []
    for i in range(3):
      part = slice(96 * i, 96 * (i + 1))
      projections += [
        qkv[:, part].reshape(96, 8, 12),
        qkv_bias[part].reshape(8, 12),
      ]
    attention.set_weights(
      [*projections, attended.reshape(8, 12, 96), attended_bias]
    )
    scale, offset, hidden, hidden_bias, output, output_bias, *last = others
    h = _layer_norm([scale, offset], h + attention(h, h, use_causal_mask=True))
    first = _dense(hidden, hidden_bias, activation='relu')
    second = _dense(output, output_bias)
    self.assertAllClose(
      _embed(body, weights, rows),
      _layer_norm(last, h + second(first(h))),
      atol=1e-4,
    )

  def test_blocks_follow_each_other(self):
    body = text_bodies.transformer_body(0, ffn_dim=8, num_blocks=2)
    weights, rows = _random_weights(body), _random_rows()
    block = text_bodies.transformer_body(0, ffn_dim=8)
    first = _embed(block, weights[:13], rows)
    # Without positions, and before the rows are scaled.
    second = [np.zeros_like(weights[0]), *weights[13:]]
    self.assertAllClose(
      _embed(body, weights, rows),
      _embed(block, second, first / np.float32(np.sqrt(96))),
      atol=1e-5,
    )

  def test_lstm_equals_keras_layers(self):
    body = text_bodies.lstm_body(0)
    weights, rows = _random_weights(body), _random_rows()
    *lstm_weights, projection, projection_bias = weights
    lstm = tf.keras.layers.LSTM(256, return_sequences=True)
    lstm(rows)  # Makes its weights.
    lstm.set_weights(lstm_weights)
    unit_rows = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    self.assertAllClose(
      _embed(body, weights, rows),
      _dense(projection, projection_bias)(lstm(unit_rows)),
      atol=1e-5,
    )


def _dense(kernel, bias, activation=None):
  layer = tf.keras.layers.Dense(len(bias), activation=activation)
  layer.build([None, len(kernel)])
  layer.set_weights([kernel, bias])
  return layer


def _layer_norm(weights, x):
  layer = tf.keras.layers.LayerNormalization(epsilon=1e-6)
  layer.build([None, None, 96])
  layer.set_weights(weights)
  return layer(x)


if __name__ == '__main__':
  tf.test.main()
