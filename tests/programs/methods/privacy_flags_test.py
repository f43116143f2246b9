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
from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from programs.command_line import runner
from programs.methods import method_flags
from tff_methods import options as options_lib


class PrivacyFlagsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  @parameterized.named_parameters(
    (
      'fed_avg',
      'fed_avg',
      {'clients_per_round': 20},
      dict(bits=None, clients_per_round=20),
    ),
    (
      'sketched_update',
      'sketched_update',
      {'dp_clip': '0.5', 'bits': '4', 'fraction': 0.25},
      dict(clip=0.5, bits=4, fraction=0.25, clients_per_round=10),
    ),
    (
      'adaptive',
      'sketched_update',
      {'dp_clip': 'adaptive', 'dp_noise_seed_for_tests': 3},
      dict(clip='adaptive', noise_seed_for_tests=3, clients_per_round=10),
    ),
  )
  def test_options(self, method, given, expected):
    with flagsaver.flagsaver(dp_noise_multiplier=1.5, **given):
      options = method_flags.make_options(method, seed=5)
    self.assertEqual(
      options,
      options_lib.DpSketchOptions(
        noise_multiplier=1.5, base_seed=5, **expected
      ),
    )

  @parameterized.parameters(
    ('random_mask', {'fraction': 0.5}), ('low_rank', {'rank': 2})
  )
  def test_structured_updates(self, method, given):
    with flagsaver.flagsaver(dp_noise_multiplier=1.5, dp_clip='0.5', **given):
      options = method_flags.make_options(method, seed=5)
    self.assertEqual(
      options.noise,
      options_lib.NoiseOptions(
        noise_multiplier=1.5, clip=0.5, clients_per_round=10
      ),
    )
    with flagsaver.flagsaver(**given):
      self.assertIsNone(method_flags.make_options(method, 0).noise)

  def test_no_noise_by_default(self):
    self.assertIsNone(method_flags.make_options('fed_avg', 0))
    self.assertIsInstance(
      method_flags.make_options('sketched_update', 0), options_lib.SketchOptions
    )

  @parameterized.parameters(
    ({'dp_clip': '1.0'}, 'Expected --dp_noise_multiplier with --dp_clip'),
    ({'dp_delta': 0.1}, 'Expected --dp_noise_multiplier with --dp_delta'),
    ({'dp_noise_multiplier': 1.0, 'dp_clip': 'half'}, 'dp_clip to be a number'),
    ({'dp_noise_multiplier': 1.0, 'dp_clip': '0'}, 'clip above 0'),
    ({'dp_noise_multiplier': 1.0, 'dp_clip': '1e39'}, 'clip from .*float32'),
    ({'dp_noise_multiplier': 1e300, 'dp_clip': '1'}, 'clip from .*float32'),
    ({'dp_noise_multiplier': 1.0, 'dp_delta': 1.0}, 'between 0 and 1'),
  )
  def test_refuses(self, given, message):
    with flagsaver.flagsaver(**given):
      with self.assertRaisesRegex(runner.UsageError, message):
        method_flags.make_options('sketched_update', 0)

  def test_other_methods_take_no_noise(self):
    flags.FLAGS['dp_noise_multiplier'].parse('1.0')
    with self.assertRaisesRegex(runner.UsageError, 'no --dp_noise_multiplier'):
      method_flags.make_options('dhqc', 0)

  def test_takes_no_quantizer_with_noise(self):
    flags.FLAGS['dp_noise_multiplier'].parse('1.0')
    flags.FLAGS['quantizer'].parse('uniform')
    with self.assertRaisesRegex(runner.UsageError, 'no --quantizer with --dp'):
      method_flags.make_options('sketched_update', 0)


if __name__ == '__main__':
  absltest.main()
