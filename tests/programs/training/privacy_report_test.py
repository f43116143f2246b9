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
import functools
import json
import math

from absl.testing import absltest
import dp_accounting
from dp_accounting import rdp

from programs.methods import aggregation_flags
from programs.training import privacy_report
from tff_methods import options as options_lib
from tff_methods import privacy


def _describe(delta=None, **kwargs):
  arguments = dict(noise_multiplier=3.0, clients_per_round=20, clip=0.5)
  options = options_lib.DpSketchOptions(**(arguments | kwargs))
  return privacy_report.describe(options, [20] * 7, 300, delta, num_weights=9)


class DescribeTest(absltest.TestCase):
  def test_epsilon_is_that_of_the_accountant(self):
    accountant = rdp.RdpAccountant(
      neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE
    )
    event = dp_accounting.SampledWithoutReplacementDpEvent(
      300, 20, dp_accounting.GaussianDpEvent(1.5)
    )
    accountant.compose(event, 7)
    description = _describe(delta=1e-3)
    self.assertAlmostEqual(description['epsilon'], accountant.get_epsilon(1e-3))
    self.assertEqual(description['delta'], 1e-3)
    self.assertEqual(json.loads(json.dumps(description)), description)

  def test_delta_is_below_one_in_the_population(self):
    self.assertLess(_describe()['delta'], 1 / 300)

  def test_no_epsilon_without_a_guarantee(self):
    for kwargs, reason in (
      ({'noise_seed_for_tests': 0}, 'seed for tests'),
      ({'noise_multiplier': 0.0}, 'no noise'),
    ):
      description = _describe(**kwargs)
      self.assertIsNone(description['epsilon'])
      self.assertIn(reason, description['reason'])

  def test_epsilon_of_shares_of_noise(self):
    options = options_lib.SecureSketchOptions(
      clip=1.0, clients_per_round=20, bits=4, noise_multiplier=3.0
    )
    description = privacy_report.describe(
      options, [20] * 7, 300, 1e-3, num_weights=26_010
    )
    # By hand, in steps of 3 clips / sqrt(d) / 8: D² is that of section 4 of
    # Kairouz et al. (2021).
    gamma = 3.0 / 8.0 / math.sqrt(26_010)
    square = (1.0 / gamma) ** 2 + 26_010 / 4
    square += math.sqrt(2 * math.log(1e4)) * (
      1.0 / gamma + math.sqrt(26_010) / 2
    )
    self.assertAlmostEqual(
      description['epsilon'],
      privacy.discrete_gaussian_epsilon(
        noise_multiplier=3.0,
        local_stddev=3.0 * math.sqrt(square / 20),
        num_values=26_010,
        clients_per_round=20,
        num_rounds=7,
        num_clients=300,
        delta=1e-3,
      ),
      delta=1e-3,
    )
    self.assertEqual(description['clip'], 1.0)
    self.assertIn('share of the noise', description['assumption'])

  def test_shares_of_noise_need_the_same_number_of_clients(self):
    options = options_lib.SecureSketchOptions(
      clip=1.0, clients_per_round=20, noise_multiplier=3.0
    )
    with self.assertRaisesRegex(
      ValueError, 'rounds of 20 clients.*found one of 19: leave out --sampling'
    ):
      privacy_report.describe(options, [20, 19], 300, 1e-3, num_weights=26_010)

  def test_noise_of_options(self):
    noise = options_lib.NoiseOptions(noise_multiplier=1.0, clients_per_round=3)
    secure = functools.partial(
      options_lib.SecureSketchOptions, clip=1.0, clients_per_round=3
    )
    with_shares = secure(noise_multiplier=1.0)
    tff_options = functools.partial(
      aggregation_flags.TffAggregatorOptions, clients_per_round=3
    )
    with_noise = tff_options(name='ddp_secure', noise_multiplier=1.0)
    for options, expected in (
      (None, None),
      (noise, noise),
      (options_lib.LowRankOptions(rank=1, noise=noise), noise),
      (options_lib.LowRankOptions(rank=1), None),
      (options_lib.SketchOptions(), None),
      (secure(), None),
      (with_shares, with_shares),
      (tff_options(name='secure'), None),
      (with_noise, with_noise),
    ):
      self.assertEqual(privacy_report.noise_of(options), expected)
    self.assertFalse(privacy_report.is_repeatable(with_noise))
    description = privacy_report.describe(
      with_noise, [3], 30, None, num_weights=9
    )
    self.assertIsNone(description['epsilon'])
    self.assertIn('without accounting', description['reason'])


if __name__ == '__main__':
  absltest.main()
