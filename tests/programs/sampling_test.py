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

from absl.testing import absltest
from absl.testing import parameterized

from programs import sampling

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


if __name__ == '__main__':
  absltest.main()
