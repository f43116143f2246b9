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
"""Tests for learning_curves."""

import pathlib
import tempfile

from absl.testing import absltest

from programs.reports import comparison
from programs.reports import learning_curves
from programs.runs import finished_run
from tests.programs.runs import example_runs


class LearningCurvesTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

  def _run(self, name: str, seed: int = 0, **kwargs):
    path = self._path / name / f'seed_{seed}'
    return finished_run.read(str(example_runs.write(path, seed=seed, **kwargs)))

  def test_means_and_deviations_over_seeds(self):
    groups = comparison.group(
      [
        self._run('plain', 0, accuracies=(0.1, 0.5, 0.7)),
        self._run('plain', 1, accuracies=(0.1, 0.7, 0.7)),
        self._run('small', 0, uplink_bytes=4_000_000),
      ]
    )
    _, uplink, total = learning_curves.axes(groups)
    plain, small = learning_curves.curves(groups, 'accuracy', uplink)
    self.assertEqual(plain.x, [0, 20, 40])
    for value, expected in zip(plain.mean, [0.1, 0.6, 0.7], strict=True):
      self.assertAlmostEqual(value, expected)
    for value, expected in zip(plain.deviation, [0, 0.02**0.5, 0], strict=True):
      self.assertAlmostEqual(value, expected)
    self.assertEqual((small.x, small.deviation), ([0, 2, 4], None))
    _, small = learning_curves.curves(groups, 'loss', total)
    self.assertEqual(small.x, [0, 22, 44])

  def test_simulated_time_and_changed_downlink_are_axes(self):
    plain, small = self._run('plain'), self._run('small', downlink_bytes=8)
    same = comparison.group([plain])
    self.assertEqual(
      [axis.name for axis in learning_curves.axes(same)],
      ['rounds', 'uplink_mb', 'total_mb'],
    )
    groups = comparison.group([plain, small])
    *_, downlink, seconds = learning_curves.axes(
      groups, lambda run: [7 * r for r in range(5)]
    )
    self.assertEqual((downlink.name, seconds.name), ('downlink_mb', 'seconds'))
    (curve, _) = learning_curves.curves(groups, 'accuracy', seconds)
    self.assertEqual(curve.x, [0, 14, 28])

  def test_only_rounds_that_all_seeds_have(self):
    stopped = self._run('plain', 1)
    stopped = finished_run.FinishedRun(
      **{**vars(stopped), 'rows': stopped.rows[:3]}
    )
    groups = comparison.group([self._run('plain', 0), stopped])
    rounds, *_ = learning_curves.axes(groups)
    (curve,) = learning_curves.curves(groups, 'accuracy', rounds)
    self.assertEqual(curve.x, [0, 2])

  def test_classes_apart(self):
    names = ('precision_at_1', 'precision_at_3')
    run = self._run(
      'plain',
      other_metrics=(
        *names,
        *(f'{c}_{n}' for c in ('frequent', 'infrequent') for n in names),
      ),
    )
    self.assertEqual(
      learning_curves.metrics(comparison.group([run])),
      {
        'precision_at_1': 'P@1',
        'precision_at_3': 'P@3',
        'frequent_precision_at_1': 'P@1 of frequent classes',
        'frequent_precision_at_3': 'P@3 of frequent classes',
        'infrequent_precision_at_1': 'P@1 of infrequent classes',
        'infrequent_precision_at_3': 'P@3 of infrequent classes',
        'loss': 'loss',
      },
    )

  def test_run_without_the_metric_has_no_curve(self):
    groups = comparison.group(
      [self._run('plain', other_metrics=['map_at_9']), self._run('other')]
    )
    rounds, *_ = learning_curves.axes(groups)
    (curve,) = learning_curves.curves(groups, 'map_at_9', rounds)
    self.assertEqual(curve.name, 'plain')

  def test_short_names(self):
    both = comparison.group([self._run('digits_a'), self._run('digits_b')])
    self.assertEqual(
      learning_curves.short_names(both), {'digits_a': 'a', 'digits_b': 'b'}
    )
    mixed = {**both, 'other': both['digits_a']}
    self.assertEqual(learning_curves.short_names(mixed)['digits_a'], 'digits_a')


if __name__ == '__main__':
  absltest.main()
