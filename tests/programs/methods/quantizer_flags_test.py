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
"""Tests of the flags of methods that compress updates."""

import math

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from programs.command_line import runner
from programs.methods import method_flags
from tff_methods import options as options_lib

_SEED = 5


class QuantizerFlagsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  @parameterized.named_parameters(
    (
      'qsgd',
      'qsgd',
      {'bits': '3', 'bucket_size': 64, 'norm': 'euclidean', 'min_elements': 7},
      options_lib.QsgdOptions(
        bits=3,
        bucket_size=64,
        norm='euclidean',
        min_elements=7,
        base_seed=_SEED,
      ),
    ),
    ('qsgd_defaults', 'qsgd', {}, options_lib.QsgdOptions(base_seed=_SEED)),
    (
      'ef_sign',
      'ef_sign',
      {'sign_levels': 'two', 'min_elements': 7, 'clip_norm': 2.0},
      options_lib.EfSignOptions(
        levels='two',
        min_elements=7,
        bounds=options_lib.UpdateBounds(clip=2.0),
      ),
    ),
    ('ef_sign_defaults', 'ef_sign', {}, options_lib.EfSignOptions()),
    (
      'terngrad_defaults',
      'terngrad',
      {},
      options_lib.TernGradOptions(base_seed=_SEED),
    ),
    (
      'terngrad',
      'terngrad',
      {
        'clip_factor': 0.0,
        'min_elements': 7,
        'share_scale': True,
        'seed_source': 'entropy',
      },
      options_lib.TernGradOptions(
        clip_factor=None,
        share_scale=True,
        min_elements=7,
        seed_source='entropy',
        base_seed=_SEED,
      ),
    ),
  )
  def test_options(self, method, given, expected):
    with flagsaver.flagsaver(**given):
      self.assertEqual(method_flags.make_options(method, _SEED), expected)

  @parameterized.named_parameters(
    ('terngrad_nan', 'terngrad', {'clip_factor': math.nan}, 'found nan'),
    ('terngrad_inf', 'terngrad', {'clip_factor': math.inf}, 'found inf'),
    ('qsgd_without_bits', 'qsgd', {'bits': 'none'}, 'bits .*found None'),
    ('qsgd_one_bit', 'qsgd', {'bits': '1'}, 'bits of at least 2'),
  )
  def test_refuses(self, method, given, message):
    with (
      flagsaver.flagsaver(**given),
      self.assertRaisesRegex(runner.UsageError, f'^[^\n]*{message}[^\n]*$'),
    ):
      method_flags.make_options(method, _SEED)

  @parameterized.parameters(
    ({'downlink_deltas': True}, 'no --downlink_deltas with --share_scale'),
    (
      {'workers': ['a:1', 'b:1']},
      'one of --workers at most with --share_scale',
    ),
  )
  def test_shared_scale_with_other_flags_raises(self, given, message):
    with (
      flagsaver.flagsaver(share_scale=True, **given),
      self.assertRaisesRegex(runner.UsageError, f'^Expected {message}[^\n]*$'),
    ):
      method_flags.make_options('terngrad', _SEED)


if __name__ == '__main__':
  absltest.main()
