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
"""Tests of the flags of methods that hash labels."""

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from programs.command_line import runner
from programs.methods import label_flags
from programs.methods import method_flags


class LabelFlagsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  def test_options(self):
    with flagsaver.flagsaver(num_buckets=5, num_tables=2, decoding='median'):
      self.assertEqual(
        method_flags.make_options('fed_mlh', 7),
        label_flags.LabelHashChoice(2, 5, 'median', seed=7),
      )

  def test_options_of_an_ensemble(self):
    with flagsaver.flagsaver(num_models=2, decoding='mean_logits'):
      self.assertEqual(
        method_flags.make_options('fed_avg_ensemble', 7),
        label_flags.LabelHashChoice(2, None, 'mean_logits', seed=7),
      )

  def test_compared_decodings_come_after_that_of_the_model(self):
    with flagsaver.flagsaver(
      num_buckets=4,
      decoding='median',
      compared_decodings=['count_sketch', 'median', 'mean'],
    ):
      choice = method_flags.make_options('fed_mlh', 0)
    self.assertEqual(choice.decodings, ('median', 'count_sketch', 'mean'))

  def test_unknown_compared_decodings_raise(self):
    with self.assertRaisesRegex(
      flags.IllegalFlagValueError, "names of mean, median.*found 'max'; correct"
    ):
      flags.FLAGS.compared_decodings = ['median', 'max']

  def test_needs_a_number_of_buckets(self):
    with self.assertRaisesRegex(
      runner.UsageError, 'Expected --num_buckets, found none'
    ):
      method_flags.make_options('fed_mlh', 0)

  @parameterized.parameters(
    {'decoding': 'count_sketch'},
    {'compared_decodings': ['median', 'count_sketch']},
  )
  def test_signs_need_pairs_of_buckets(self, **decodings):
    with flagsaver.flagsaver(num_buckets=5, **decodings):
      with self.assertRaisesRegex(
        runner.UsageError, 'Expected an even --num_buckets .*found 5; add'
      ):
        method_flags.make_options('fed_mlh', 0)
      with self.assertRaisesRegex(
        runner.UsageError, 'Expected another decoding than count_sketch'
      ):
        method_flags.make_options('fed_avg_ensemble', 0)


if __name__ == '__main__':
  absltest.main()
