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
"""TFF's own processes give the same in all runtimes."""

from absl.testing import absltest
from absl.testing import parameterized
import tensorflow_federated as tff

from tests.tff_methods.runtime.in_process import rounds
from tests.tff_methods.runtime.in_process import rounds_testing

_KIND = 'tff'


class TffRoundsTest(rounds_testing.RoundsTestCase, parameterized.TestCase):
  kind = _KIND

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    # The only one of the C++ runtime with secure sums.
    cls._context = tff.backends.test.create_sync_test_cpp_execution_context()

  @parameterized.parameters(*rounds.BUILDERS[_KIND])
  def test_as_in_the_cpp_runtime_and_with_clients_at_once(self, name):
    self.check_cpp(name, self._context)
    self.check_in_process(name)

  def test_on_devices(self):
    self.check_devices()


if __name__ == '__main__':
  absltest.main()
