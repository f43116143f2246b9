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
"""Tests of metrics by name."""

from absl.testing import absltest
from absl.testing import parameterized

from programs.training import metrics


class MetricsTest(parameterized.TestCase):
  @parameterized.parameters(
    ('sparse_categorical_accuracy', 'accuracy'),
    ('categorical_accuracy', 'accuracy'),
    ('loss', 'loss'),
  )
  def test_short_name(self, name, expected):
    self.assertEqual(metrics.short_name(name), expected)

  def test_lower_losses_and_higher_others_are_better(self):
    self.assertTrue(metrics.is_better('loss', 1.0, 2.0))
    self.assertFalse(metrics.is_better('loss', 2.0, 2.0))
    self.assertTrue(metrics.is_better('accuracy', 2.0, 1.0))
    self.assertFalse(metrics.is_better('accuracy', 1.0, 2.0))
    self.assertTrue(metrics.is_better('held_out_clients/loss', 1.0, 2.0))
    self.assertTrue(metrics.is_better('mean_absolute_error', 1.0, 2.0))
    self.assertFalse(metrics.is_better('mean_absolute_error', 2.0, 1.0))

  @parameterized.parameters(
    'accuracy', 'map_at_10', 'infrequent_precision_at_5', 'mean_precision'
  )
  def test_fractions(self, name):
    self.assertTrue(metrics.is_fraction(name))

  @parameterized.parameters('loss', 'mean_absolute_error', 'perplexity')
  def test_no_fractions(self, name):
    self.assertFalse(metrics.is_fraction(name))

  def test_on_held_out_clients(self):
    found = {'loss': 1, 'held_out_clients/loss': 2, 'held_out_clients/x': 3}
    self.assertEqual(metrics.on_held_out_clients(found), {'loss': 2, 'x': 3})


if __name__ == '__main__':
  absltest.main()
