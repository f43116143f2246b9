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
from absl.testing import absltest
import numpy as np
import tensorflow_federated as tff

from tff_methods.runtime import secure_sums

_INTEGERS = tff.FederatedType(np.int32, tff.CLIENTS)


@tff.federated_computation(_INTEGERS)
def _plain_sum(values):
  return tff.federated_sum(values)


@tff.federated_computation(_INTEGERS)
def _secure_sums(values):
  return (
    tff.backends.mapreduce.federated_secure_modular_sum(values, 10),
    tff.federated_secure_sum(values, 9),
  )


class SimulateTest(absltest.TestCase):
  def test_other_computations_are_unchanged(self):
    self.assertIs(secure_sums.simulate(_plain_sum), _plain_sum)
    block = _plain_sum.to_building_block()
    self.assertIs(secure_sums.simulate_in_block(block), block)

  def test_results_and_one_warning(self):
    secure_sums._warn.cache_clear()
    with self.assertLogs('absl', 'WARNING') as logs:
      simulated = secure_sums.simulate(_secure_sums)
      secure_sums.simulate(_secure_sums)
    self.assertLen(logs.output, 1)
    self.assertIn('Secure sums are simulated', logs.output[0])
    tff.test.assert_not_contains_secure_aggregation(simulated)
    # By TFF's runtime, which runs no secure sums.
    self.assertEqual(simulated([9, 8, 4]), (1, 21))


if __name__ == '__main__':
  absltest.main()
