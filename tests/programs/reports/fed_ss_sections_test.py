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
"""Tests for fed_ss_sections; those of fed_ss_report run whole sections."""

import contextlib
import io
from unittest import mock

from absl.testing import absltest
import numpy as np

from programs.command_line import runner
from programs.reports import fed_ss_gradient_noise
from programs.reports import fed_ss_privacy
from programs.reports import fed_ss_sections
from programs.reports import figures
from programs.runs import saved_weights
from tests.programs.reports import tiny_row_task


class _CountingNoise(fed_ss_gradient_noise.GradientNoise):
  """A fast stand-in whose noise is a tenth of `|N|`, plus 0, 1 and 2."""

  def full_change(self, batch):
    return []

  def __call__(self, batch, num_negatives, full_change):
    level = num_negatives / 10
    return fed_ss_gradient_noise.NoiseLevels(level, level + 1, level + 2)


def _run(section) -> tuple[str, mock.Mock, mock.Mock]:
  """Runs a section; returns its output and the calls that draw."""
  output = io.StringIO()
  with (
    contextlib.redirect_stdout(output),
    mock.patch.object(figures, 'save_curves') as save_curves,
    mock.patch.object(figures, 'save_matrices') as save_matrices,
  ):
    section('figure.png')
  return output.getvalue(), save_curves, save_matrices


class GradientNoiseTest(absltest.TestCase):
  def test_draws_means_and_deviations_over_batches(self):
    with mock.patch.object(
      fed_ss_gradient_noise, 'GradientNoise', _CountingNoise
    ):
      section = fed_ss_sections.plan_gradient_noise(
        tiny_row_task.build_task(), None, [4, None], num_batches=2, seed=0
      )
      output, save_curves, _ = _run(section)
    path, curves = save_curves.call_args.args
    self.assertEqual(path, 'figure.png')
    # The clients have 3 and 4 of the 12 classes: 9 and 8 others.
    for i, name in enumerate(['all weights', 'body', 'rows']):
      x, y, spread = curves[name]
      np.testing.assert_allclose(x, [4, 8.5])
      np.testing.assert_allclose(y, [i + 0.4, i + 0.85])
      np.testing.assert_allclose(spread, [0, np.std([0.9, 0.8], ddof=1)])
    self.assertIn('mean (± standard deviation) over 2 such batches', output)

  def test_refuses_weights_of_another_model(self):
    weights = saved_weights.SavedWeights((np.zeros([2]),), ())
    with self.assertRaisesRegex(
      runner.UsageError, "Expected weights of the task's model in --weights"
    ):
      fed_ss_sections.plan_gradient_noise(
        tiny_row_task.build_task(), weights, [4], num_batches=2, seed=0
      )


class PrivacyTest(absltest.TestCase):
  def test_draws_the_posterior_by_requests(self):
    with mock.patch.object(
      fed_ss_privacy, 'measure_posterior', return_value=np.full([5], 0.125)
    ):
      output, save_curves, _ = _run(
        fed_ss_sections.plan_privacy(tiny_row_task.build_task(), [6], seed=0)
      )
    ((x, y, spread),) = save_curves.call_args.args[1].values()
    self.assertSequenceEqual(x, (0, 1, 2, 3, 5))
    # Of 3 own classes and 9 others; a request has 3 of the others.
    np.testing.assert_allclose(y, [3 / (3 + 9 / 3**t) for t in x])
    self.assertIsNone(spread)
    self.assertEqual(output.count('12.50 %'), 4)


class ConfusionTest(absltest.TestCase):
  def test_draws_a_matrix_for_each_run(self):
    initial = tiny_row_task.initial_weights()
    *body, rows = initial.trainable
    runs = {
      'initial': saved_weights.SavedWeights(tuple(initial.trainable), ()),
      'equal rows': saved_weights.SavedWeights((*body, 0 * rows + 1), ()),
    }
    output, _, save_matrices = _run(
      fed_ss_sections.plan_confusion(tiny_row_task.build_task(), runs, 'c1')
    )
    _, matrices = save_matrices.call_args.args
    self.assertEqual([*matrices], [*runs])
    # The first class is always predicted.
    np.testing.assert_array_equal(matrices['equal rows'][:, 0], np.ones([4]))
    self.assertRegex(output, r'\| equal rows +\| 25\.00 % +\| 1\.0000 +\|')


if __name__ == '__main__':
  absltest.main()
