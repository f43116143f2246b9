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
"""Tests of the flags of all methods together."""

from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver

from programs.command_line import help_text
from programs.command_line import runner
from programs.methods import base
from programs.methods import method_flags
from programs.methods import registry
from tff_methods import options as options_lib


class MethodFlagsTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  def test_every_method_has_flags_and_a_builder(self):
    self.assertCountEqual(method_flags.METHOD_FLAGS, registry.METHODS)

  def test_registers_methods_of_other_packages(self):
    values = flags.FLAGS['method'].parser.enum_values
    self.enter_context(
      mock.patch.multiple(
        method_flags,
        METHOD_FLAGS={**method_flags.METHOD_FLAGS},
        SECTIONS={**method_flags.SECTIONS},
        DEFAULTS={**method_flags.DEFAULTS},
      )
    )
    self.addCleanup(values.remove, 'signs')
    method = base.MethodFlags(
      (base.DOWNLINK_BITS,), lambda seed: f'options of {seed}'
    )
    method_flags.register('signs', method)
    flags.FLAGS(['', '--method=signs', '--bits=2'])
    with self.assertRaisesRegex(
      runner.UsageError, 'no --bits with --method=si'
    ):
      method_flags.make_options('signs', 7)
    flags.FLAGS['bits'].unparse()
    self.assertEqual(method_flags.make_options('signs', 7), 'options of 7')
    self.assertEqual(
      method_flags.SECTIONS['Method signs'], (base.DOWNLINK_BITS,)
    )
    with self.assertRaisesRegex(ValueError, "a new method, found 'signs'"):
      method_flags.register('signs', method)

  def test_refuses_flags_of_other_methods(self):
    flags.FLAGS(['', '--bits=2'])
    with self.assertRaisesRegex(
      runner.UsageError, '^Expected no --bits with --method=fed_avg, found '
    ):
      method_flags.make_options('fed_avg', 0)

  def test_quantized_downlink_of_every_method(self):
    flags.FLAGS(['', '--downlink_bits=8'])
    options = method_flags.downlink_options(seed=1)
    self.assertEqual((options.bits, options.base_seed), (8, 1))
    for name, method in method_flags.METHOD_FLAGS.items():
      taken = [flag.name for flag in method.holders]
      self.assertIn('downlink_bits', taken, name)

  def test_deltas(self):
    flags.FLAGS(['', '--downlink_deltas'])
    with self.assertRaisesRegex(
      runner.UsageError, '^Expected --downlink_bits with --downlink_deltas'
    ):
      method_flags.downlink_options(seed=1)
    with self.assertRaisesRegex(
      runner.UsageError, '^Expected no --downlink_deltas with --method=dhqc'
    ):
      method_flags.make_options('dhqc', 0)
    flags.FLAGS(['', '--downlink_deltas', '--downlink_bits=4'])
    self.assertEqual(
      method_flags.downlink_options(seed=1),
      options_lib.DeltaDownlinkOptions(bits=4, base_seed=1),
    )

  def test_help_has_the_defaults_of_each_method(self):
    text = help_text.help_text(
      method_flags, method_flags.SECTIONS, method_flags.DEFAULTS
    )
    _, *sections = text.split('\n\nMethod ')
    self.assertLen(sections, len(method_flags.METHOD_FLAGS))
    bits = {
      section.partition(':')[0]: ' '.join(
        section.partition('\n  --bits=')[2].partition('--')[0].split()
      )
      for section in sections
    }
    self.assertEndsWith(bits['sketched_update'], 'Default: 2.')
    self.assertEndsWith(bits['dhqc'], 'Default: 4.')
    self.assertEndsWith(bits['low_rank'], 'Default: none.')
    self.assertEmpty(bits['dgc'])

  def test_refuses_weights_of_clients_where_the_mean_has_none(self):
    for name in ('fed_avg', 'random_mask'):
      with flagsaver.flagsaver(
        client_weighting='examples', dp_noise_multiplier=1.0, fraction=0.5
      ):
        options = method_flags.make_options(name, 0)
        with self.assertRaisesRegex(
          runner.UsageError,
          '^Expected --client_weighting=uniform with noise,.*$',
        ):
          method_flags.check_client_weighting(options)
    with flagsaver.flagsaver(client_weighting='uniform'):
      method_flags.check_client_weighting(options)
    with flagsaver.flagsaver(client_weighting='examples'):
      method_flags.check_client_weighting(None)

  def test_refuses_schedules_of_functional_models(self):
    with flagsaver.flagsaver(client_learning_rate_schedule='2:0.1'):
      method_flags.check_schedule('fed_avg')
      with self.assertRaisesRegex(
        runner.UsageError,
        '^Expected no --client_learning_rate_schedule with --method=fed_ss, .*',
      ):
        method_flags.check_schedule('fed_ss')


if __name__ == '__main__':
  absltest.main()
