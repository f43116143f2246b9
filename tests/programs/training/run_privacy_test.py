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
"""Tests for run_privacy; see also `privacy_report_test`."""

import os
import tempfile
from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver

from programs.runs import run_directory
from programs.training import run_privacy
from tff_methods import options as options_lib

_NUM_CLIENTS = 300


def _with_options(options, cohort_size):
  return run_privacy.RunPrivacy(
    options, cohort_size, num_clients=_NUM_CLIENTS, num_weights=9
  )


def _privacy(cohort_size=lambda round_num: 20, **kwargs):
  options = options_lib.DpSketchOptions(
    noise_multiplier=3.0, clients_per_round=20, clip=0.5, **kwargs
  )
  return _with_options(options, cohort_size)


class RunPrivacyTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    flags.FLAGS.mark_as_parsed()
    self.enter_context(flagsaver.flagsaver(task='mnist'))
    temporary_dir = self.enter_context(tempfile.TemporaryDirectory())
    self._directory = mock.create_autospec(
      run_directory.RunDirectory, instance=True
    )
    self._directory.saved_rounds.return_value = 3
    self._directory.file.side_effect = lambda name: os.path.join(
      temporary_dir, name
    )

  def test_without_noise(self):
    options = options_lib.SketchOptions()
    privacy = _with_options(options, lambda _: 20)
    self.assertFalse(privacy.has_noise)
    self.assertEqual(privacy.cohort_seed(5), 5)
    self.assertIsNone(privacy.open_ledger(self._directory))
    self.assertEqual(privacy.describe(7, 10), {})

  def test_cohorts_are_secret_unless_the_noise_is_not(self):
    self.assertIsNone(_privacy().cohort_seed(5))
    seeded = _privacy(noise_seed_for_tests=1)
    self.assertEqual(seeded.cohort_seed(5), 5)
    self.assertIsNone(seeded.open_ledger(self._directory))

  def test_first_ledger_has_the_saved_rounds(self):
    ledger = _privacy(lambda n: 20 - n).open_ledger(self._directory)
    self.assertEqual(ledger.num_rounds, {19: 1, 18: 1, 17: 1})

  def test_repeated_rounds_cost_more(self):
    privacy = _privacy()
    ledger = privacy.open_ledger(self._directory)
    self.assertEqual(privacy.describe(3, 9, ledger), privacy.describe(3, 9))
    ledger.add(20)
    description = privacy.describe(3, 9, ledger)['privacy']
    self.assertEqual(description['rounds'], 4)
    self.assertGreater(
      description['epsilon'], privacy.describe(3, 9)['privacy']['epsilon']
    )

  def test_early_stopping_counts_all_planned_rounds(self):
    with flagsaver.flagsaver(early_stopping_patience=2):
      description = _privacy().describe(3, 9)['privacy']
      ledger = _privacy().open_ledger(self._directory)
      self.assertEqual(
        _privacy().describe(3, 9, ledger)['privacy'], description
      )
    self.assertEqual(description['rounds'], 9)

  def test_data_without_noise_leave_no_guarantee(self):
    with flagsaver.flagsaver(validation_fraction=0.1):
      description = _privacy().describe(3, 9)['privacy']
    self.assertIsNone(description['epsilon'])
    self.assertIn('validation data', description['reason'])

  def test_data_of_clients_in_the_task_leave_no_guarantee(self):
    with flagsaver.flagsaver(task='shakespeare'):
      description = _privacy().describe(3, 9)['privacy']
    self.assertIsNone(description['epsilon'])
    self.assertRegex(description['reason'], 'vocabulary of the task')

  def test_guarantee_of_a_task_of_a_user_is_conditional(self):
    known = _privacy().describe(3, 9)['privacy']
    with flagsaver.flagsaver(task='my_tasks:build'):
      description = _privacy().describe(3, 9)['privacy']
    self.assertEqual(description['epsilon'], known['epsilon'])
    self.assertStartsWith(
      description['assumption'],
      f"{known['assumption']}; the task's test data",
    )

  def test_shares_of_noise_need_equal_cohorts(self):
    options = options_lib.SecureSketchOptions(
      clip=1.0, clients_per_round=20, noise_multiplier=2.0
    )
    privacy = _with_options(options, lambda round_num: 21 - round_num)
    privacy.describe(1, 1)
    with self.assertRaisesRegex(ValueError, 'of 20 clients.*found one of 19'):
      privacy.describe(2, 2)


if __name__ == '__main__':
  absltest.main()
