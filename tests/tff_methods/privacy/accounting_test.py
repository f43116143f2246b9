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
import subprocess
import sys

from absl.testing import absltest
from absl.testing import parameterized
import dp_accounting
from dp_accounting import rdp

from tff_methods import privacy


def _epsilon(**kwargs):
  arguments = dict(
    noise_multiplier=2.0, cohort_sizes=[200] * 100, num_clients=6000, delta=1e-5
  )
  return privacy.epsilon(**(arguments | kwargs))


class EpsilonTest(parameterized.TestCase):
  def test_equals_the_accountant_called_by_hand(self):
    accountant = rdp.RdpAccountant(
      neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE
    )
    for size, count in ((200, 60), (100, 40)):
      gaussian = dp_accounting.GaussianDpEvent(1.0)  # 2 / 2.
      event = dp_accounting.SampledWithoutReplacementDpEvent(
        6000, size, gaussian
      )
      accountant.compose(dp_accounting.SelfComposedDpEvent(event, count))
    self.assertAlmostEqual(
      _epsilon(cohort_sizes=[200] * 60 + [100] * 40),
      accountant.get_epsilon(1e-5),
    )

  def test_without_sampling_it_is_the_gaussian_mechanism(self):
    # A sum of sensitivity 2 * C under noise 4 * C; its exact privacy profile.
    accountant = dp_accounting.pld.PLDAccountant()
    accountant.compose(dp_accounting.GaussianDpEvent(2.0), 10)
    exact = accountant.get_epsilon(1e-5)
    found = _epsilon(
      noise_multiplier=4.0, cohort_sizes=[50] * 10, num_clients=50
    )
    self.assertBetween(found, exact, 1.1 * exact)

  def test_poisson_sampling_would_claim_less(self):
    accountant = rdp.RdpAccountant()
    accountant.compose(
      dp_accounting.PoissonSampledDpEvent(
        200 / 6000, dp_accounting.GaussianDpEvent(2.0)
      ),
      100,
    )
    self.assertGreater(_epsilon(), 2.0 * accountant.get_epsilon(1e-5))

  def test_limits(self):
    self.assertEqual(_epsilon(noise_multiplier=0.0), math.inf)
    self.assertEqual(_epsilon(cohort_sizes=[]), 0.0)

  @parameterized.parameters(
    ({'noise_multiplier': -1.0}, 'noise_multiplier of at least 0'),
    ({'delta': 0.0}, 'delta between 0 and 1, found 0.0'),
    ({'cohort_sizes': [7000]}, 'at most 6000 clients.*found 7000'),
    ({'cohort_sizes': [0]}, 'cohort_sizes of at least 1'),
  )
  def test_bad_values_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      _epsilon(**kwargs)


class DefaultDeltaTest(absltest.TestCase):
  def test_is_below_one_in_the_population(self):
    self.assertLess(privacy.default_delta(6000), 1 / 6000)
    self.assertGreater(privacy.default_delta(6000), 1 / 6000**1.2)

  def test_one_client_raises(self):
    with self.assertRaisesRegex(ValueError, 'num_clients of at least 2'):
      privacy.default_delta(1)


class ImportTest(absltest.TestCase):
  def test_imports_no_tensorflow(self):
    code = (
      'import sys; from tff_methods import privacy; '
      "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, '-c', code], check=True)


if __name__ == '__main__':
  absltest.main()
