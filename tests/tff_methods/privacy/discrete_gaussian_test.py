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

import math

from absl.testing import absltest
from absl.testing import parameterized
import dp_accounting
from dp_accounting import rdp
import numpy as np

from tff_methods import privacy

_ARGUMENTS = dict(
  noise_multiplier=3.0,
  local_stddev=20.0,
  num_values=1000,
  clients_per_round=50,
  num_rounds=20,
  num_clients=1000,
  delta=1e-4,
)


def _epsilon(**kwargs):
  return privacy.discrete_gaussian_epsilon(**(_ARGUMENTS | kwargs))


def _gaussian_epsilon(event, num_rounds=20):
  accountant = rdp.RdpAccountant(
    _ORDERS, dp_accounting.NeighboringRelation.REPLACE_ONE
  )
  accountant.compose(event, num_rounds)
  return accountant.get_epsilon(1e-4)


_ORDERS = [*range(2, 65), 80, 96, 128, 192, 256]


class DiscreteGaussianEpsilonTest(parameterized.TestCase):
  def test_without_sampling_is_that_of_a_gaussian_of_half_the_multiplier(self):
    expected = _gaussian_epsilon(dp_accounting.GaussianDpEvent(1.5))
    self.assertAlmostEqual(_epsilon(num_clients=50), expected, places=6)

  def test_with_sampling_is_near_and_above_the_bound_for_gaussians(self):
    gaussian = _gaussian_epsilon(
      dp_accounting.SampledWithoutReplacementDpEvent(
        1000, 50, dp_accounting.GaussianDpEvent(1.5)
      )
    )
    self.assertBetween(_epsilon(), gaussian - 1e-9, 1.5 * gaussian)
    self.assertLess(_epsilon(), 0.5 * _epsilon(num_clients=50))

  def test_small_shares_cost(self):
    self.assertGreater(_epsilon(local_stddev=0.6), 1.5 * _epsilon())

  @parameterized.parameters((2, 0.7), (3, 0.6), (4, 1.0))
  def test_divergence_of_a_sum_is_below_the_bound(self, num_clients, stddev):
    """Exact sums of shares, of one value, shifted by 2."""
    support = np.arange(-60, 61)
    share = np.exp(-(support**2) / (2 * stddev**2))
    total = share = share / share.sum()
    for _ in range(num_clients - 1):
      total = np.convolve(total, share)
    order, shift = 3, 2
    p, q = total[shift:], total[:-shift]
    is_inside = (p > 1e-280) & (q > 1e-280)
    p, q = p[is_inside], q[is_inside]
    exact = np.log((p * (p / q) ** (order - 1)).sum()) / (order - 1)
    # A replaced client of D = 1 changes the sum by 2.
    z = math.sqrt(num_clients) * stddev
    excess = 10 * sum(
      math.exp(-2 * math.pi**2 * stddev**2 * i / (i + 1))
      for i in range(1, num_clients)
    )
    self.assertLess(exact, 2 * order / z**2 + excess)

  def test_no_rounds(self):
    self.assertEqual(_epsilon(num_rounds=0), 0.0)

  @parameterized.parameters(
    ({'noise_multiplier': 0.0}, 'noise_multiplier above 0'),
    ({'local_stddev': 0.4}, 'local_stddev of at least 0.5, found 0.4'),
    ({'clients_per_round': 1001}, 'at most 1000 clients'),
    ({'delta': 0.0}, 'delta between 0 and 1'),
    ({'num_values': 0}, 'num_values of at least 1'),
  )
  def test_bad_arguments_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      _epsilon(**kwargs)


if __name__ == '__main__':
  absltest.main()
