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


class UpdateFlagsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  @parameterized.named_parameters(
    (
      'sketched_update_defaults',
      'sketched_update',
      {},
      options_lib.SketchOptions(base_seed=_SEED),
    ),
    (
      'sketched_update_most_bits',
      'sketched_update',
      {'bits': '16'},
      options_lib.SketchOptions(bits=16, base_seed=_SEED),
    ),
    (
      'sketched_update',
      'sketched_update',
      {
        'bits': 'none',
        'fraction': 0.5,
        'rotation': False,
        'quantizer': 'uniform',
        'min_elements': 7,
        'seed_source': 'entropy',
      },
      options_lib.SketchOptions(
        bits=None,
        fraction=0.5,
        rotation=False,
        quantizer='uniform',
        min_elements=7,
        seed_source='entropy',
        base_seed=_SEED,
      ),
    ),
    (
      'client_rotation',
      'sketched_update',
      {'shared_rotation': False},
      options_lib.SketchOptions(shared_rotation=False, base_seed=_SEED),
    ),
    (
      'random_mask',
      'random_mask',
      {'fraction': 0.25, 'min_elements': 0},
      options_lib.RandomMaskOptions(
        fraction=0.25, min_elements=0, base_seed=_SEED
      ),
    ),
    (
      'low_rank',
      'low_rank',
      {
        'rank': 3,
        'bits': '4',
        'whole_outer_layers': True,
        'seed_source': 'entropy',
      },
      options_lib.LowRankOptions(
        rank=3,
        bits=4,
        whole_outer_layers=True,
        seed_source='entropy',
        base_seed=_SEED,
      ),
    ),
    ('dhqc_defaults', 'dhqc', {}, options_lib.DhqcOptions()),
    (
      'dhqc',
      'dhqc',
      {
        'fraction': 0.2,
        'bits': 'none',
        'feedback': 'unsent_values',
        'scope': 'tensor',
        'min_elements': 7,
      },
      options_lib.DhqcOptions(
        fraction=0.2,
        bits=None,
        feedback='unsent_values',
        scope='tensor',
        min_elements=7,
      ),
    ),
    (
      'bounds',
      'dhqc',
      {'clip_norm': 2.0, 'zero_above': 5.0},
      options_lib.DhqcOptions(
        bounds=options_lib.UpdateBounds(clip=2.0, zero_above=5.0)
      ),
    ),
    (
      'bounds_of_structured_updates',
      'random_mask',
      {'clip_norm': 2.0, 'fraction': 0.5},
      options_lib.RandomMaskOptions(
        fraction=0.5,
        bounds=options_lib.UpdateBounds(clip=2.0),
        base_seed=_SEED,
      ),
    ),
    ('dgc_defaults', 'dgc', {}, options_lib.DgcOptions()),
    (
      'dgc',
      'dgc',
      {
        'fraction': 0.2,
        'momentum': 0.5,
        'warm_up_fractions': ['0.5', '.25'],
        'rounds_per_warm_up_fraction': 3,
        'scope': 'model',
      },
      options_lib.DgcOptions(
        fraction=0.2,
        momentum=0.5,
        warm_up_fractions=[0.5, 0.25],
        rounds_per_warm_up_fraction=3,
        scope='model',
      ),
    ),
    (
      'dgc_without_warm_up',
      'dgc',
      {'warm_up_fractions': []},
      options_lib.DgcOptions(warm_up_fractions=[]),
    ),
    (
      'fetch_sgd_defaults',
      'fetch_sgd',
      {},
      options_lib.CountSketchOptions(base_seed=_SEED),
    ),
    (
      'fetch_sgd',
      'fetch_sgd',
      {
        'fraction': 0.5,
        'applied_fraction': 0.25,
        'sketch_rows': 3,
        'error_reset': 'values',
        'momentum': 0.0,
      },
      options_lib.CountSketchOptions(
        fraction=0.5,
        applied_fraction=0.25,
        sketch_rows=3,
        error_reset='values',
        momentum=0.0,
        base_seed=_SEED,
      ),
    ),
  )
  def test_options(self, method, given, expected):
    with flagsaver.flagsaver(**given):
      self.assertEqual(method_flags.make_options(method, _SEED), expected)

  @parameterized.named_parameters(
    ('no_fraction', 'random_mask', {}, 'Expected --fraction, found none'),
    ('fraction', 'random_mask', {'fraction': 1.5}, r'fraction in \(0, 1\]'),
    ('clip_norm', 'dgc', {'clip_norm': 0.0}, 'clip above 0'),
    ('zero_above', 'dgc', {'clip_norm': 2.0, 'zero_above': 1}, 'at least clip'),
    ('no_rank', 'low_rank', {}, 'either rank or fraction'),
    ('both', 'low_rank', {'rank': 1, 'fraction': 0.5}, 'either rank or'),
    ('dhqc_fraction', 'dhqc', {'fraction': 0.0}, r'fraction in \(0, 1\]'),
    ('dhqc_bits', 'dhqc', {'bits': '1'}, 'bits of at least 2.*found 1'),
    ('dhqc_min_elements', 'dhqc', {'min_elements': 9}, "scope='tensor'"),
    (
      'eden_without_rotation',
      'sketched_update',
      {'rotation': False},
      "rotation=True with quantizer='eden'",
    ),
    (
      'client_rotation_of_floats',
      'sketched_update',
      {'shared_rotation': False, 'bits': 'none'},
      'a rotation with shared_rotation=False, found bits=None',
    ),
    ('dgc_fraction', 'dgc', {'fraction': -1.0}, r'fraction in \(0, 1\]'),
    ('dgc_momentum', 'dgc', {'momentum': 1.0}, 'below 1, found 1.0'),
    ('dgc_momentum_nan', 'dgc', {'momentum': math.nan}, 'found nan'),
    (
      'dgc_min_elements',
      'dgc',
      {'scope': 'model', 'min_elements': 9},
      "scope='tensor'",
    ),
    (
      'dgc_warm_up',
      'dgc',
      {'fraction': 0.1, 'warm_up_fractions': ['0.5', '0.1']},
      'warm_up_fractions above fraction=0.1, found 0.1',
    ),
    (
      'dgc_warm_up_above_1',
      'dgc',
      {'warm_up_fractions': ['25']},
      r'warm_up_fractions in \(0, 1\], found 25',
    ),
    (
      'dgc_warm_up_words',
      'dgc',
      {'warm_up_fractions': ['0.5', 'few']},
      'numbers separated by commas, found 0.5,few',
    ),
    (
      'sketch',
      'fetch_sgd',
      {'applied_fraction': 2.0},
      'applied_fraction .*2.0',
    ),
  )
  def test_refuses(self, method, given, message):
    with (
      flagsaver.flagsaver(**given),
      self.assertRaisesRegex(runner.UsageError, f'^[^\n]*{message}[^\n]*$'),
    ):
      method_flags.make_options(method, _SEED)

  @parameterized.parameters(
    ('0.5,0.25', ['0.5', '0.25']), ('', []), ('0.5', ['0.5'])
  )
  def test_fractions_are_separated_by_commas(self, given, expected):
    flags.FLAGS(['', f'--warm_up_fractions={given}'])
    self.assertEqual(flags.FLAGS.warm_up_fractions, expected)


if __name__ == '__main__':
  absltest.main()
