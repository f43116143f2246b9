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
"""Tests for bench_hand_written, against federated averaging of TFF."""

from absl.testing import absltest
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_hand_written

_LEARNING_RATE = 0.5


def _keras_model() -> tf.keras.Model:
  return tf.keras.Sequential(
    [
      tf.keras.layers.InputLayer((3,)),
      tf.keras.layers.Dense(2, kernel_initializer='ones'),
    ]
  )


def _clients() -> list[tf.data.Dataset]:
  rng = np.random.default_rng(0)
  return [
    tf.data.Dataset.from_tensor_slices(
      (
        rng.normal(size=[size, 3]).astype(np.float32),
        rng.integers(0, 2, size).astype(np.int32),
      )
    ).batch(2)
    for size in (3, 6)
  ]


class BuildRoundTest(absltest.TestCase):
  def test_is_a_round_of_federated_averaging(self):
    clients = _clients()
    found = bench_hand_written.build_round(
      _keras_model(), clients, _LEARNING_RATE
    )()

    def model_fn():
      return tff.learning.models.from_keras_model(
        _keras_model(),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        input_spec=clients[0].element_spec,
      )

    process = tff.learning.algorithms.build_weighted_fed_avg(
      model_fn, tff.learning.optimizers.build_sgdm(_LEARNING_RATE)
    )
    state = process.next(process.initialize(), clients).state
    expected = process.get_model_weights(state).trainable
    self.assertLen(found, 2)
    for x, y in zip(found, expected, strict=True):
      np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


if __name__ == '__main__':
  absltest.main()
