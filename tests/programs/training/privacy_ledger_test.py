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

import os
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import runner
from programs.training import privacy_ledger


class PrivacyLedgerTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    directory = self.enter_context(tempfile.TemporaryDirectory())
    self._path = os.path.join(directory, 'ledger.json')

  def test_counts_all_started_rounds(self):
    ledger = privacy_ledger.PrivacyLedger(self._path, [])
    for size in (20, 20, 15):
      ledger.add(size)
    # Two rounds are lost and repeated; one is completed.
    resumed = privacy_ledger.PrivacyLedger(self._path, [20])
    resumed.add(20)
    self.assertEqual(resumed.num_rounds, {20: 3, 15: 1})

  def test_without_a_file_counts_completed_rounds(self):
    ledger = privacy_ledger.PrivacyLedger(self._path, [20, 15])
    self.assertEqual(ledger.num_rounds, {20: 1, 15: 1})

  @parameterized.parameters(
    '{}',
    '[]',
    '{"rounds_by_cohort_size": 3}',
    '{"rounds_by_cohort_size": {"x": 3}}',
    '{"rounds_by_cohort_size": {"20": -1}}',
    '{"rounds_by_cohort_size": {"20": true}}',
  )
  def test_damage_raises(self, contents):
    with open(self._path, 'w', encoding='utf-8') as f:
      f.write(contents)
    with self.assertRaisesRegex(runner.UsageError, 'put back a copy'):
      privacy_ledger.PrivacyLedger(self._path, [])


if __name__ == '__main__':
  absltest.main()
