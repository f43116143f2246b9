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
"""Tests of the library's processes: equal results in all runtimes."""

from absl.testing import absltest
from absl.testing import parameterized
import pytest

from tests.tff_methods.runtime.in_process import rounds
from tests.tff_methods.runtime.in_process import rounds_testing

_KIND = 'library'


class LibraryRoundsTest(rounds_testing.RoundsTestCase):
  kind = _KIND

  @parameterized.parameters(*rounds.BUILDERS[_KIND])
  @pytest.mark.slow
  def test_results_are_equal_in_all_runtimes(self, name):
    self.check(name)


if __name__ == '__main__':
  absltest.main()
