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
from programs.methods import aggregation_flags
from programs.methods import method_flags
from tff_methods import options as options_lib


class AggregationFlagsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  def test_secure_sums(self):
    with flagsaver.flagsaver(secure_clip=0.5, clients_per_round=7):
      options = method_flags.make_options('sketched_update', 3)
    self.assertEqual(
      options,
      options_lib.SecureSketchOptions(
        clip=0.5, clients_per_round=7, bits=4, base_seed=3
      ),
    )
    with flagsaver.flagsaver(secure_clip=0.5, bits='2', fraction=0.25):
      options = method_flags.make_options('sketched_update', 3)
    self.assertEqual((options.bits, options.fraction), (2, 0.25))
    self.assertIsNone(options.noise_multiplier)
    with flagsaver.flagsaver(
      secure_clip=0.5, dp_noise_multiplier=3.0, dp_noise_seed_for_tests=5
    ):
      options = method_flags.make_options('sketched_update', 3)
    self.assertEqual(options.noise_multiplier, 3.0)
    self.assertEqual(options.noise_seed_for_tests, 5)

  @parameterized.parameters(
    ('robust', None), ('compression', None), ('secure', None), ('ddp_secure', 2)
  )
  def test_aggregators_of_tff(self, name, noise):
    with flagsaver.flagsaver(
      tff_aggregator=name, clients_per_round=30, dp_noise_multiplier=noise
    ):
      options = method_flags.make_options('fed_avg', 0)
    self.assertEqual(
      options,
      aggregation_flags.TffAggregatorOptions(
        name=name, clients_per_round=30, noise_multiplier=noise
      ),
    )
    self.assertEqual(options.is_secure, name.endswith('secure'))

  @parameterized.parameters(
    ('sketched_update', {'secure_clip': 0.0}, 'clip above 0'),
    (
      'sketched_update',
      {'secure_clip': 1, 'bits': 'none'},
      'bits from 1 to 16, found None: give .* secure sum',
    ),
    (
      'sketched_update',
      {'secure_clip': 1, 'downlink_deltas': True},
      'no --downlink_deltas with --secure_clip',
    ),
    (
      'sketched_update',
      {'secure_clip': 1, 'rotation': False},
      'no --rotation with --secure_clip',
    ),
    (
      'sketched_update',
      {'secure_clip': 1, 'shared_rotation': False},
      'no --shared_rotation with --secure_clip, .*found '
      '--shared_rotation=False',
    ),
    (
      'sketched_update',
      {'secure_clip': 1, 'dp_noise_multiplier': 1, 'dp_clip': 1},
      'no --dp_clip with --secure_clip=1.0, .*: --secure_clip is the clip',
    ),
    (
      'sketched_update',
      {'secure_clip': 1, 'dp_noise_multiplier': 0},
      '--dp_noise_multiplier above 0 with --secure_clip.*leave it out',
    ),
    (
      'fed_avg',
      {'secure_clip': 1},
      'no --secure_clip with --method=fed_avg.*give --method=sketched_update',
    ),
    (
      'fed_avg',
      {'clip_norm': 1},
      'give --method=random_mask, low_rank, .* or ',
    ),
    (
      'fed_avg',
      {'tff_aggregator': 'ddp_secure'},
      'Expected --dp_noise_multiplier, found none',
    ),
    (
      'fed_avg',
      {'tff_aggregator': 'ddp_secure', 'dp_noise_multiplier': 1},
      r'below --clients_per_round / 10 = 1 .* found 1',
    ),
    (
      'fed_avg',
      {'tff_aggregator': 'robust', 'dp_noise_multiplier': 1},
      'no --dp_noise_multiplier with --tff_aggregator=robust',
    ),
    (
      'fed_avg',
      {
        'tff_aggregator': 'ddp_secure',
        'dp_noise_multiplier': 0.5,
        'dp_clip': 1,
      },
      'no --dp_clip with --tff_aggregator=ddp_secure',
    ),
  )
  def test_refuses(self, method, given, message):
    for name, value in given.items():
      flags.FLAGS[name].parse(str(value))
    with self.assertRaisesRegex(runner.UsageError, message):
      method_flags.make_options(method, 0)


if __name__ == '__main__':
  absltest.main()
