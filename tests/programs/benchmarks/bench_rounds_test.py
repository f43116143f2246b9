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
"""Tests for bench_rounds."""

from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_hand_written
from programs.benchmarks import bench_rounds
from tests.tff_methods import linear_model


class WorkloadTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('digits', bench_rounds.digits_workload, 151_306, [8, 8, 1]),
    ('cnn', bench_rounds.cnn_workload, 843_658, [28, 28, 1]),
  )
  def test_has_the_documented_size(self, build_workload, num_weights, shape):
    model_fn, clients = build_workload()
    weights = model_fn().trainable_variables
    self.assertEqual(sum(np.prod(w.shape) for w in weights), num_weights)
    self.assertLen(clients, 10)
    x, y = next(iter(clients[0]))
    self.assertSequenceEqual(x.shape[1:].as_list(), shape)
    self.assertLen(y, len(x))


class TimeRoundsTest(absltest.TestCase):
  @pytest.mark.slow
  def test_times_every_candidate(self):
    def build_keras_model():
      return tf.keras.Sequential(
        [tf.keras.layers.InputLayer((3,)), tf.keras.layers.Dense(2)]
      )

    clients = [
      tf.data.Dataset.from_tensors((tf.ones([4, 3]), tf.constant([0, 1, 0, 1])))
    ]

    def model_fn():
      return tff.learning.models.from_keras_model(
        build_keras_model(),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        input_spec=clients[0].element_spec,
      )

    seconds = bench_rounds.time_rounds(
      (model_fn, clients), build_keras_model, repeats=1
    )
    self.assertContainsSubset(
      [bench_rounds.PLAIN, bench_hand_written.NAME], seconds
    )
    groups = {name.split(':')[0] for name in seconds}
    self.assertLen(seconds, 10)
    self.assertLen(groups, 4)  # Two runtimes, TFF's own loop, by hand.
    self.assertGreater(min(wall for wall, _ in seconds.values()), 0)

  @pytest.mark.slow
  def test_times_every_method(self):
    workload = linear_model.model_fn, linear_model.datasets()
    seconds = bench_rounds.time_methods(workload, repeats=1)
    self.assertLen(seconds, 8)
    self.assertIn(bench_rounds.PLAIN, seconds)
    self.assertGreater(min(wall for wall, _ in seconds.values()), 0)


class MeasureTest(absltest.TestCase):
  def test_rows_compare_with_the_plain_mean_and_the_loop_by_hand(self):
    seconds = {
      bench_rounds.PLAIN: np.array([0.5, 1.0]),
      bench_hand_written.NAME: np.array([0.6, 1.5]),
    }
    with mock.patch.object(bench_rounds, 'time_rounds', return_value=seconds):
      rows = bench_rounds.measure(repeats=1)
    measured = 'a round of 10 clients: CNN, 843,658 weights'
    self.assertEqual(
      rows,
      [
        [
          *(measured, bench_rounds.PLAIN, '500 ms'),
          '1.00 x TFF mean in process, 1.00 x its CPU time, 0.83 x by hand',
        ],
        [
          *(measured, bench_hand_written.NAME, '600 ms'),
          '1.20 x TFF mean in process, 1.50 x its CPU time, 1.00 x by hand',
        ],
      ],
    )

  def test_rows_of_methods_compare_with_the_plain_mean(self):
    seconds = {
      bench_rounds.PLAIN: np.array([0.5, 1.0]),
      'sketched': np.array([0.6, 1.5]),
    }
    with mock.patch.object(bench_rounds, 'time_methods', return_value=seconds):
      rows = bench_rounds.measure_methods(repeats=1)
    self.assertLen(rows, 4)
    self.assertEqual(
      rows[1][1:],
      [
        *('sketched', '600 ms'),
        '1.20 x TFF mean in process, 1.50 x its CPU time',
      ],
    )


if __name__ == '__main__':
  absltest.main()
