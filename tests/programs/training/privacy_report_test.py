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

from absl.testing import absltest
import dp_accounting
from dp_accounting import rdp

from programs.methods import aggregation_flags
from programs.training import privacy_report
from tff_methods import options as options_lib


def _describe(delta=None, **kwargs):
  arguments = dict(noise_multiplier=3.0, clients_per_round=20, clip=0.5)
  options = options_lib.DpSketchOptions(**(arguments | kwargs))
  return privacy_report.describe(options, [20] * 7, 300, delta)


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

  def test_noise_of_options(self):
    noise = options_lib.NoiseOptions(noise_multiplier=1.0, clients_per_round=3)
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
      (tff_options(name='secure'), None),
      (with_noise, with_noise),
    ):
      self.assertEqual(privacy_report.noise_of(options), expected)
    self.assertFalse(privacy_report.is_repeatable(with_noise))
    description = privacy_report.describe(with_noise, [3], 30, None)
    self.assertIsNone(description['epsilon'])
    self.assertIn('without accounting', description['reason'])


if __name__ == '__main__':
  absltest.main()
