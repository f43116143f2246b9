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
"""Tests for sampling."""

import collections
import math

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized
import numpy as np

from programs.command_line import runner
from programs.training import sampling

_CLIENT_IDS = [f'client_{i}' for i in range(20)]


class SamplingTest(parameterized.TestCase):
  def test_samples_follow_from_seed_and_round_alone(self):
    sample = sampling.build_sampling_fn(_CLIENT_IDS, 7, seed=3)
    shuffled_ids = reversed(_CLIENT_IDS)
    again = sampling.build_sampling_fn(list(shuffled_ids), 7, seed=3)
    forwards = [sample(round_num) for round_num in range(1, 10)]
    backwards = [again(round_num) for round_num in range(9, 0, -1)]
    self.assertEqual(forwards, backwards[::-1])

  def test_rounds_and_seeds_differ(self):
    samples = {
      tuple(sampling.build_sampling_fn(_CLIENT_IDS, 7, seed)(round_num))
      for seed in range(10)
      for round_num in range(10)
    }
    self.assertLen(samples, 100)

  def test_samples_are_distinct_known_clients(self):
    sample = sampling.build_sampling_fn(_CLIENT_IDS, 20, seed=0)(1)
    self.assertIsInstance(sample[0], str)
    self.assertCountEqual(sample, _CLIENT_IDS)

  def test_clients_are_equally_frequent(self):
    sample = sampling.build_sampling_fn(_CLIENT_IDS, 5, seed=0)
    num_rounds = 4000
    counts = collections.Counter()
    for round_num in range(num_rounds):
      counts.update(sample(round_num))
    p = 5 / 20
    deviation = math.sqrt(num_rounds * p * (1 - p))
    for client_id in _CLIENT_IDS:
      self.assertAlmostEqual(
        counts[client_id], num_rounds * p, delta=4.5 * deviation
      )

  @parameterized.parameters(0, 21)
  def test_refuses_more_clients_than_there_are(self, clients_per_round):
    with self.assertRaisesRegex(ValueError, f'20 clients.*{clients_per_round}'):
      sampling.build_sampling_fn(_CLIENT_IDS, clients_per_round, seed=0)

  def test_samples_are_as_large_as_the_round_asks(self):
    sample = sampling.build_sampling_fn(
      _CLIENT_IDS, 7, seed=3, cohort_size_fn=lambda round_num: 8 - round_num
    )
    for round_num in (4, 1, 7, 4):
      self.assertLen(set(sample(round_num)), 8 - round_num)
    self.assertEqual(sample(4), sample(4))


class ExponentialCohortSizeTest(parameterized.TestCase):
  def test_halves(self):
    size = sampling.build_exponential_cohort_size_fn(80, math.log(2), 5)
    self.assertEqual(
      [size(t) for t in range(1, 9)], [80, 40, 20, 10, 5, 5, 5, 5]
    )

  def test_rounds_to_the_nearest(self):
    # 50 / e = 18.394, 50 / e^2 = 6.767, 50 / e^3 = 2.489, 50 / e^4 = 0.916.
    size = sampling.build_exponential_cohort_size_fn(50, 1.0, 1)
    self.assertEqual([size(t) for t in range(1, 7)], [50, 18, 7, 2, 1, 1])

  @parameterized.parameters((50, 0.023, 5), (100, 0.1, 10), (7, 1e-3, 7))
  def test_is_a_decay_by_the_same_factor_each_round(self, m, decay, minimum):
    size = sampling.build_exponential_cohort_size_fn(m, decay, minimum)
    factors = np.full(200, 1 / np.exp(np.float64(decay)))
    annealed = m * np.concatenate([[1.0], factors.cumprod()])
    np.testing.assert_array_equal(
      [size(t) for t in range(1, 202)],
      np.rint(annealed).clip(min=minimum).astype(int),
    )

  def test_ends_at_the_minimum_however_long_it_takes(self):
    size = sampling.build_exponential_cohort_size_fn(10, 1e3, 2)
    self.assertEqual((size(1), size(2), size(10**9)), (10, 2, 2))


class SamplingFlagsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    flags.FLAGS.mark_as_parsed()

  def _sample_sizes(self) -> list[int]:
    cohort_size = sampling.cohort_size_fn_from_flags()
    return [cohort_size(round_num) for round_num in range(1, 5)]

  def test_static_is_the_default(self):
    sampling.check_flags()
    with flagsaver.flagsaver(clients_per_round=7):
      self.assertEqual(self._sample_sizes(), [7] * 4)
      in_use = {f.name: f.value for f in sampling.flags_in_use()}
    # Nothing else, so that a run from before there was a choice is resumed.
    self.assertEqual(in_use, {'clients_per_round': 7})

  def test_exponential(self):
    with flagsaver.flagsaver(
      clients_per_round=20,
      sampling='exponential',
      sampling_decay=math.log(2),
      sampling_minimum=4,
    ):
      sampling.check_flags()
      self.assertEqual(self._sample_sizes(), [20, 10, 5, 4])
      in_use = {f.name: f.value for f in sampling.flags_in_use()}
    self.assertEqual(
      in_use,
      {
        'clients_per_round': 20,
        'sampling': 'exponential',
        'sampling_decay': math.log(2),
        'sampling_minimum': 4,
      },
    )

  @parameterized.named_parameters(
    (
      'no_decay',
      {'sampling': 'exponential'},
      'Expected --sampling_decay with --sampling=exponential, found none',
    ),
    (
      'minimum_too_large',
      {
        'sampling': 'exponential',
        'sampling_decay': 0.1,
        'sampling_minimum': 11,
      },
      '--sampling_minimum of at most --clients_per_round=10, found 11',
    ),
    (
      'default_minimum_too_large',
      {
        'sampling': 'exponential',
        'sampling_decay': 0.1,
        'clients_per_round': 4,
      },
      '--sampling_minimum of at most --clients_per_round=4, found 5',
    ),
  )
  def test_refuses(self, given, message):
    with flagsaver.flagsaver(**given):
      with self.assertRaisesRegex(runner.UsageError, message):
        sampling.check_flags()


if __name__ == '__main__':
  absltest.main()
