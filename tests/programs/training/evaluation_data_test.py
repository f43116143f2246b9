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
"""Tests for evaluation_data, with its flags."""

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from programs.command_line import runner
from programs.methods import aggregation_flags
from programs.training import evaluation_data
from programs.training import evaluation_flags
from programs.training import sampling
from tff_methods import options as options_lib

_CLIENT_IDS = [f'client_{i}' for i in range(20)]


class HeldOutClientsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    flags.FLAGS.mark_as_parsed()

  def test_all_train_by_default(self):
    training, held_out = evaluation_data.divide_clients(_CLIENT_IDS, 0)
    self.assertCountEqual(training, _CLIENT_IDS)
    self.assertEqual(held_out, [])

  def test_clients_train_or_are_held_out(self):
    with flagsaver.flagsaver(clients_per_evaluation=8):
      training, held_out = evaluation_data.divide_clients(_CLIENT_IDS, 3)
      again = evaluation_data.divide_clients(_CLIENT_IDS[::-1], 3)
      _, others = evaluation_data.divide_clients(_CLIENT_IDS, 4)
    self.assertLen(held_out, 8)
    self.assertCountEqual([*training, *held_out], _CLIENT_IDS)
    self.assertEqual(again, (training, held_out))
    self.assertNotEqual({*others}, {*held_out})

  def test_held_out_clients_are_no_cohort(self):
    """The choice does not say which clients train in a round."""
    sample = sampling.build_sampling_fn(_CLIENT_IDS, 8, seed=3)
    with flagsaver.flagsaver(clients_per_evaluation=8):
      _, held_out = evaluation_data.divide_clients(_CLIENT_IDS, 3)
    for round_num in range(1, 100):
      self.assertNotEqual({*sample(round_num)}, {*held_out})

  @parameterized.parameters(
    (20, 'clients_per_evaluation below 20, the number of clients of the task'),
    (11, 'from 1 to 9 clients per round, .* without the 11 held out, found 10'),
  )
  def test_too_many(self, number, message):
    with flagsaver.flagsaver(clients_per_evaluation=number):
      with self.assertRaisesRegex(runner.UsageError, message):
        evaluation_data.divide_clients(_CLIENT_IDS, 0)

  def test_flags_that_results_depend_on(self):
    self.assertEqual(evaluation_flags.flags_in_use(), [])
    with flagsaver.flagsaver(clients_per_evaluation=8):
      names = [flag.name for flag in evaluation_flags.flags_in_use()]
    self.assertEqual(names, ['clients_per_evaluation'])

  def _give(self):
    """Gives the flag on the command line."""
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS(['train', '--clients_per_evaluation=3'])

  def test_refused_beside_held_out_examples(self):
    self._give()
    with flagsaver.flagsaver(validation_fraction=0.1):
      with self.assertRaisesRegex(
        runner.UsageError, 'examples or clients, not'
      ):
        evaluation_flags.check_flags()

  def test_refused_where_metrics_are_protected(self):
    noise = options_lib.NoiseOptions(
      noise_multiplier=1.0, clip=1.0, clients_per_round=4
    )
    self._give()
    evaluation_flags.check_options(options_lib.SketchOptions())
    evaluation_flags.check_options(options_lib.RandomMaskOptions(fraction=0.5))
    for options in (
      options_lib.DpSketchOptions(
        clip=1.0, noise_multiplier=1.0, clients_per_round=4
      ),
      options_lib.RandomMaskOptions(fraction=0.5, noise=noise),
      aggregation_flags.TffAggregatorOptions(
        name='secure', clients_per_round=4
      ),
      options_lib.SecureSketchOptions(clip=1.0, clients_per_round=4),
    ):
      with self.assertRaisesRegex(
        runner.UsageError, 'with noise or secure sums, found 3'
      ):
        evaluation_flags.check_options(options)


if __name__ == '__main__':
  absltest.main()
