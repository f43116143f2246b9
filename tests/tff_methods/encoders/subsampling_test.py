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
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders
from tff_methods.encoders import subsampling


def _trip(fraction, shape, seed_source='reproducible'):
  stage = encoders.SubsamplingStage(fraction, [0], seed_source)
  return round_trip.of_stages([(stage, '')], shape)


class DrawTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters((1, 1), (10, 1), (10, 3), (10, 9), (10, 10))
  def test_indices_are_distinct_and_ascending(self, length, num_drawn):
    indices = subsampling.draw(tf.constant([1, 2]), length, num_drawn).numpy()
    self.assertLen(indices, num_drawn)
    self.assertAllInRange(indices, 0, length - 1)
    self.assertLen(set(indices), num_drawn)
    self.assertAllEqual(indices, np.sort(indices))

  # Lengths of the runs: longer ones first, differing by at most one.
  @parameterized.parameters(
    (7, [3, 2, 2]), (10, [2] + 8 * [1]), (12, [4, 4, 4]), (5, [5])
  )
  def test_coordinates_of_a_run_are_equally_likely(self, length, runs):
    num_draws = 3000
    draw = tf.function(
      lambda: tf.map_fn(
        lambda i: subsampling.draw(tf.stack([i, 9]), length, len(runs)),
        tf.range(num_draws),
      )
    )
    counts = np.bincount(draw().numpy().ravel(), minlength=length)
    expected = num_draws / np.repeat(runs, runs)
    self.assertAllInRange((counts - expected) / np.sqrt(expected), -5, 5)


class SubsamplingStageTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(
    (0.25, 1000, 250), (0.001, 100, 1), (0.3, 7, 2), (0.99, 7, 7)
  )
  def test_sends_values_and_a_key_only(self, fraction, length, num_kept):
    payload, _ = _trip(fraction, [length])(np.ones(length))
    self.assertEqual(
      {name: value.nbytes for name, value in payload.items()},
      {'tensors/values': 4 * num_kept, 'tensors/key': 8},
    )

  def test_decoded_is_unbiased(self):
    x = np.random.default_rng(0).normal(size=[5, 7])
    num_rounds = 4000
    decoded = _trip(0.3, [5, 7]).many(x, num_rounds).astype(np.float64)
    standard_error = decoded.std(axis=0) / np.sqrt(num_rounds)
    self.assertAllInRange((decoded.mean(0) - x) / standard_error, -5, 5)

  def test_draws_differ_by_client_and_round_and_are_reproducible(self):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=[2, 100])
    trip = _trip(0.1, [100])
    draws = [
      tuple(np.flatnonzero(trip(x, round_num)[1]))
      for x, round_num in ((first, 0), (second, 0), (first, 1))
    ]
    self.assertLen(set(draws), 3)
    self.assertAllEqual(np.flatnonzero(trip(first, 0)[1]), draws[0])

  def test_entropy_never_repeats(self):
    trip = _trip(0.1, [1000], 'entropy')
    x = np.arange(1.0, 1001.0)
    draws = {tuple(np.flatnonzero(trip(x)[1])) for _ in range(3)}
    self.assertLen(draws, 3)

  @parameterized.parameters(([0],), ([1],), ([1, 1],))
  def test_edge_case_shapes_round_trip(self, shape):
    x = np.full(shape, 3.0)
    self.assertAllEqual(_trip(0.5, shape)(x)[1], x)

  @parameterized.parameters(0.0, -0.5, 1.5, float('nan'))
  def test_fraction_out_of_range_raises(self, fraction):
    with self.assertRaisesRegex(ValueError, r'fraction in \(0, 1\], found'):
      encoders.SubsamplingStage(fraction, [0])

  def test_unknown_seed_source_raises(self):
    with self.assertRaisesRegex(ValueError, "'entropy'.*found 'clock'"):
      encoders.SubsamplingStage(0.5, [0], 'clock')


class SubsamplingStageExecutionTest(tf.test.TestCase):
  def test_sums_in_the_aggregator_of_tff(self):
    factory = tff.aggregators.EncodedSumFactory(
      lambda spec: encoders.chain(
        [(encoders.SubsamplingStage(0.5, [0]), '')], spec
      )
    )
    process = factory.create(tff.TensorType(np.float32, [8]))
    # Runs of two: one value of each pair, doubled.
    values = [np.full(8, 1.0, np.float32), np.full(8, 10.0, np.float32)]
    result = process.next(process.initialize(), values).result
    self.assertAllEqual(result.reshape(4, 2).sum(axis=1), np.full(4, 22.0))


if __name__ == '__main__':
  tf.test.main()
