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
"""Tests of the flags of methods that train a part of the rows."""

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized

from programs.command_line import runner
from programs.methods import method_flags
from programs.methods import row_flags
from tff_methods import options as options_lib

_SEED = 5


class RowFlagsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  @parameterized.named_parameters(
    (
      'defaults',
      {'num_sampled_classes': 4},
      options_lib.FedSsOptions(
        num_sampled_classes=4, retrieval_mode='broadcast', base_seed=_SEED
      ),
    ),
    (
      'others',
      {
        'num_sampled_classes': 5,
        'variant': 'fed_aws',
        'retrieval_mode': 'select',
        'spreadout_rate': 0.5,
        'spreadout_margin': 1.5,
        'seed_source': 'entropy',
      },
      options_lib.FedSsOptions(
        num_sampled_classes=5,
        variant='fed_aws',
        retrieval_mode='select',
        spreadout_rate=0.5,
        spreadout_margin=1.5,
        seed_source='entropy',
        base_seed=_SEED,
      ),
    ),
  )
  def test_fed_ss_options(self, given, expected):
    with flagsaver.flagsaver(**given):
      choice = method_flags.make_options('fed_ss', _SEED)
    self.assertEqual(choice, row_flags.FedSsChoice(expected))

  @parameterized.parameters(
    ({'bits': '4'}, {'bits': 4}),
    ({'fraction': 0.5}, {'bits': None, 'fraction': 0.5}),
    ({'bits': 'none', 'fraction': 0.5}, {'bits': None, 'fraction': 0.5}),
  )
  def test_sketch_of_body_and_rows(self, given, expected):
    expected = options_lib.SketchOptions(base_seed=_SEED, **expected)
    with flagsaver.flagsaver(num_sampled_classes=4, **given):
      for name in ('fed_ss', 'lsh_select'):
        choice = method_flags.make_options(name, _SEED)
        self.assertEqual(choice.sketch, expected)

  @parameterized.named_parameters(
    (
      'defaults',
      {},
      options_lib.LshSelectOptions(retrieval_mode='broadcast', base_seed=_SEED),
      row_flags.IndexChoice('simhash'),
    ),
    (
      'others',
      {
        'hash_bits': 3,
        'hash_tables': 4,
        'hash_transform': 'sign_alsh',
        'hash_queries': 5,
        'bucket_capacity': 6,
        'row_budget': 0.4,
        'own_budget': 0.1,
        'retrieved_budget': 0.5,
        'corrects_loss': True,
        'rounds_per_build': 2,
        'retrieval_mode': 'select',
        'seed_source': 'entropy',
      },
      options_lib.LshSelectOptions(
        row_budget=0.4,
        own_budget=0.1,
        retrieved_budget=0.5,
        corrects_loss=True,
        rounds_per_build=2,
        retrieval_mode='select',
        seed_source='entropy',
        base_seed=_SEED,
      ),
      row_flags.IndexChoice(
        'simhash',
        {
          'num_bits': 3,
          'num_tables': 4,
          'transform': 'sign_alsh',
          'num_queries': 5,
          'bucket_capacity': 6,
        },
      ),
    ),
    (
      'product_quantization',
      {'index': 'product_quantization', 'num_parts': 3},
      options_lib.LshSelectOptions(retrieval_mode='broadcast', base_seed=_SEED),
      row_flags.IndexChoice('product_quantization', {'num_parts': 3}),
    ),
    (
      'ivf_pq',
      {'index': 'ivf_pq', 'num_parts': 3, 'num_lists': 8, 'list_queries': 2},
      options_lib.LshSelectOptions(retrieval_mode='broadcast', base_seed=_SEED),
      row_flags.IndexChoice(
        'ivf_pq', {'num_parts': 3, 'num_lists': 8, 'num_queries': 2}
      ),
    ),
  )
  def test_lsh_select_options(self, given, options, index):
    with flagsaver.flagsaver(**given):
      choice = method_flags.make_options('lsh_select', _SEED)
    self.assertEqual(choice, row_flags.LshSelectChoice(options, index))

  @parameterized.named_parameters(
    ('no_classes', 'fed_ss', [], 'Expected a num_sampled_classes'),
    (
      'full_softmax',
      'fed_ss',
      ['--variant=full_softmax', '--num_sampled_classes=3'],
      'Expected no num_sampled_classes',
    ),
    (
      'retrieval_of_all_rows',
      'fed_ss',
      ['--variant=full_softmax', '--retrieval_mode=select'],
      'no --retrieval_mode with --variant=full_softmax',
    ),
    (
      'spreadout_without_server',
      'fed_ss',
      ['--num_sampled_classes=3', '--spreadout_rate=1'],
      'no --spreadout_rate with --variant=fed_ss',
    ),
    ('budget', 'lsh_select', ['--row_budget=2'], 'row_budget above 0 and at'),
    (
      'index',
      'lsh_select',
      ['--index=exact', '--hash_bits=2'],
      '--hash_bits with --index',
    ),
    (
      'parts',
      'lsh_select',
      ['--num_parts=2'],
      'no --num_parts with --index=simhash',
    ),
    (
      'lists',
      'lsh_select',
      ['--index=product_quantization', '--num_parts=2', '--num_lists=2'],
      'no --num_lists with --index=product_quantization',
    ),
  )
  def test_refuses(self, method, arguments, message):
    flags.FLAGS(['', *arguments])
    with self.assertRaisesRegex(runner.UsageError, message):
      method_flags.make_options(method, _SEED)

  def test_refuses_more_hash_bits_than_a_code_has(self):
    with self.assertRaisesRegex(flags.Error, r'hash_bits=17.*\[1, 16\]'):
      flags.FLAGS(['', '--hash_bits=17'])


if __name__ == '__main__':
  absltest.main()
