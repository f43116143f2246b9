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
"""Tests for row_results."""

from unittest import mock

from absl.testing import absltest

from programs.reports import row_results


def _run(*rounds):
  # No round before the first one has these metrics.
  return mock.Mock(rows=[{'round': 0.0}, *rounds])


def _round(num_excluded, num_missing):
  return {
    'num_clients': 5.0,
    'train/num_examples': 200.0,
    'train/num_excluded_examples': num_excluded,
    'distributor/num_missing_rows': num_missing,
  }


class RowResultsTest(absltest.TestCase):
  # By hand: 30 of 400 and 10 of 400 examples; 40 and 20 rows of 10 clients.
  def test_means_over_rounds_and_seeds(self):
    runs = [
      _run(_round(10.0, 15.0), _round(20.0, 25.0)),
      _run(_round(10.0, 0.0), _round(0.0, 20.0)),
    ]
    self.assertEqual(row_results.excluded_text(runs), '5.00 %')
    self.assertEqual(row_results.missing_text(runs), '3.0')

  def test_ids_of_the_input_are_missing_too(self):
    run = _run(_round(0.0, 0.0) | {'distributor/num_missing_input_rows': 10.0})
    self.assertEqual(row_results.missing_text([run]), '2.0')

  def test_methods_that_count_none(self):
    run = _run({'num_clients': 5.0, 'train/num_examples': 200.0})
    self.assertEqual(row_results.excluded_text([run]), 'none')
    self.assertEqual(row_results.missing_text([run]), 'none')


if __name__ == '__main__':
  absltest.main()
