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
"""Tests for methods."""

import collections
import inspect
import math
import types
from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.command_line import runner
from programs.methods import registry
import tasks
from tests.tff_methods import row_models
from tff_methods import algorithms
from tff_methods import label_hashing
from tff_methods import retrieval
from tff_methods import templates


def _model_fn() -> tff.learning.models.VariableModel:
  return tff.learning.models.from_keras_model(
    tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))]),
    loss=tf.keras.losses.MeanSquaredError(),
    input_spec=collections.OrderedDict(
      x=tf.TensorSpec((None, 2), np.float32),
      y=tf.TensorSpec((None, 1), np.float32),
    ),
  )


# All that methods take of a task.
_TASK = types.SimpleNamespace(
  model_fn=_model_fn,
  row_model=row_models.row_model(),
  num_labels=9,
  hashed_model=lambda label_hash, seed: label_hashing.HashedLabelModel(
    label_hashing.DenseNetwork(4, (3,)), label_hash, max_labels=2, seed=seed
  ),
)


class MethodsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    flags.FLAGS.mark_as_parsed()

  @parameterized.parameters(*registry.METHODS)
  def test_builds_a_process(self, name):
    sgd = tff.learning.optimizers.build_sgdm(0.1)
    with flagsaver.flagsaver(
      fraction=0.5, num_sampled_classes=4, num_buckets=3
    ):
      process = registry.METHODS[name].build(_TASK, sgd, sgd, 0)
    has_client_states = name in ('dhqc', 'dgc')
    self.assertIsInstance(
      process,
      templates.ClientStateProcess
      if has_client_states
      else tff.learning.templates.LearningProcess,
    )

  @parameterized.named_parameters(
    (
      'random_mask',
      'random_mask',
      {'fraction': 0.25, 'min_elements': 2},
      {'bits': None, 'min_elements': 2, 'seed_source': 'reproducible'},
      100,
    ),
    (
      'low_rank',
      'low_rank',
      {'rank': 3, 'bits': '4', 'seed_source': 'entropy'},
      {'bits': 4, 'min_elements': 256, 'seed_source': 'entropy'},
      60,
    ),
  )
  def test_structured_update_is_built_from_its_flags(
    self, method, given, expected, num_parameters
  ):
    with (
      flagsaver.flagsaver(**given),
      mock.patch.object(algorithms, 'build_structured_update_fed_avg') as build,
    ):
      registry.METHODS[method].build(_TASK, None, None, 5)
    _, arguments = build.call_args
    self.assertEqual({**arguments, **expected, 'base_seed': 5}, arguments)
    space = arguments['update_space'].for_tensor(tf.TensorSpec([20, 20]))
    self.assertEqual(space.num_parameters, num_parameters)

  @parameterized.named_parameters(
    ('no_fraction', 'random_mask', {}, 'Expected --fraction with'),
    ('fraction', 'random_mask', {'fraction': 1.5}, r'fraction in \(0, 1\]'),
    ('no_rank', 'low_rank', {}, 'either rank or fraction'),
    ('both', 'low_rank', {'rank': 1, 'fraction': 0.5}, 'either rank or'),
    ('dhqc_fraction', 'dhqc', {'fraction': 0.0}, r'fraction in \(0, 1\]'),
    ('dhqc_bits', 'dhqc', {'bits': '1'}, 'bits of at least 2.*found 1'),
    ('dhqc_min_elements', 'dhqc', {'min_elements': 9}, "take scope='tensor'"),
    ('fed_ss', 'fed_ss', {}, 'Expected a num_sampled_classes'),
    (
      'full_softmax',
      'fed_ss',
      {'variant': 'full_softmax', 'num_sampled_classes': 3},
      'Expected no num_sampled_classes',
    ),
    ('fed_mlh', 'fed_mlh', {}, 'Expected --num_buckets, found none'),
    ('dgc_fraction', 'dgc', {'fraction': -1.0}, r'fraction in \(0, 1\]'),
    ('dgc_momentum', 'dgc', {'momentum': 1.0}, 'below 1, found 1.0'),
    ('dgc_momentum_nan', 'dgc', {'momentum': math.nan}, 'found nan'),
    (
      'dgc_min_elements',
      'dgc',
      {'scope': 'model', 'min_elements': 9},
      "take scope='tensor'",
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
      r'fraction in \(0, 1\], found 25',
    ),
    (
      'dgc_warm_up_words',
      'dgc',
      {'warm_up_fractions': ['0.5', 'few']},
      'numbers with commas between them, found 0.5,few',
    ),
    ('terngrad_nan', 'terngrad', {'clip_factor': math.nan}, 'found nan'),
    ('terngrad_inf', 'terngrad', {'clip_factor': math.inf}, 'found inf'),
  )
  def test_flags_that_make_no_sense_are_refused(self, method, given, message):
    with (
      flagsaver.flagsaver(**given),
      self.assertRaisesRegex(runner.UsageError, f'^[^\n]*{message}[^\n]*$'),
    ):
      registry.check_flags(method)

  @parameterized.product(
    method=('dhqc', 'dgc', 'terngrad'),
    given=({}, {'min_elements': 0}),
  )
  def test_flags_that_make_sense_are_taken(self, method, given):
    with flagsaver.flagsaver(**given):
      registry.check_flags(method)

  @parameterized.named_parameters(
    (
      'dhqc_defaults',
      'dhqc',
      {},
      {
        'fraction': 0.01,
        'bits': 4,
        'feedback': 'residual',
        'scope': 'model',
        'min_elements': 0,
      },
    ),
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
      {
        'fraction': 0.2,
        'bits': None,
        'feedback': 'unsent_values',
        'scope': 'tensor',
        'min_elements': 7,
      },
    ),
    (
      'dgc_defaults',
      'dgc',
      {},
      {
        'fraction': 0.001,
        'momentum': 0.9,
        'warm_up_fractions': None,
        'rounds_per_warm_up_fraction': 1,
        'scope': 'tensor',
        'min_elements': 0,
      },
    ),
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
      {
        'fraction': 0.2,
        'momentum': 0.5,
        'warm_up_fractions': [0.5, 0.25],
        'rounds_per_warm_up_fraction': 3,
        'scope': 'model',
        'min_elements': 0,
      },
    ),
    (
      'dgc_without_warm_up',
      'dgc',
      {'warm_up_fractions': []},
      {'warm_up_fractions': []},
    ),
    (
      'terngrad_defaults',
      'terngrad',
      {},
      {
        'clip_factor': 2.5,
        'min_elements': 256,
        'seed_source': 'reproducible',
        'base_seed': 5,
      },
    ),
    (
      'terngrad',
      'terngrad',
      {'clip_factor': 0.0, 'min_elements': 7, 'seed_source': 'entropy'},
      {
        'clip_factor': None,
        'min_elements': 7,
        'seed_source': 'entropy',
        'base_seed': 5,
      },
    ),
  )
  def test_is_built_from_its_flags(self, method, given, expected):
    name = f'build_{method}_fed_avg'
    signature = inspect.signature(getattr(algorithms, name))
    with (
      flagsaver.flagsaver(**given),
      mock.patch.object(algorithms, name) as build,
    ):
      registry.METHODS[method].build(_TASK, None, None, 5)
    arguments, options = build.call_args
    bound = signature.bind(*arguments, **options)
    bound.apply_defaults()
    self.assertEqual({**bound.arguments, **expected}, bound.arguments)

  @parameterized.parameters(
    ('0.5,0.25', ['0.5', '0.25']), ('', []), ('0.5', ['0.5'])
  )
  def test_fractions_are_given_with_commas(self, given, expected):
    with flagsaver.flagsaver():
      flags.FLAGS(['', f'--warm_up_fractions={given}'])
      self.assertEqual(flags.FLAGS.warm_up_fractions, expected)

  @parameterized.named_parameters(
    (
      'defaults',
      {'num_sampled_classes': 4},
      {
        'num_sampled_classes': 4,
        'variant': 'fed_ss',
        'retrieval_mode': 'broadcast',
        'seed_source': 'reproducible',
      },
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
      {
        'num_sampled_classes': 5,
        'variant': 'fed_aws',
        'retrieval_mode': 'select',
        'spreadout_rate': 0.5,
        'spreadout_margin': 1.5,
        'seed_source': 'entropy',
      },
    ),
  )
  def test_fed_ss_is_built_from_its_flags(self, given, expected):
    with (
      flagsaver.flagsaver(**given),
      mock.patch.object(algorithms, 'build_fed_ss') as build,
    ):
      registry.METHODS['fed_ss'].build(_TASK, None, None, 5)
    (row_model, *_), arguments = build.call_args
    self.assertIs(row_model, _TASK.row_model)
    self.assertEqual({**arguments, **expected, 'base_seed': 5}, arguments)

  @parameterized.parameters('fed_ss', 'lsh_select')
  def test_needs_a_task_with_rows(self, name):
    task = mock.create_autospec(tff.simulation.baselines.BaselineTask)
    with self.assertRaisesRegex(runner.UsageError, f'each class.*{name}'):
      registry.build_process(name, task, None, None, 0)

  @parameterized.named_parameters(
    (
      'defaults',
      {},
      retrieval.SimHash(),
      {
        'row_budget': 0.3,
        'own_budget': None,
        'retrieved_budget': None,
        'corrects_loss': False,
        'rounds_per_build': 1,
        'retrieval_mode': 'broadcast',
        'seed_source': 'reproducible',
      },
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
      retrieval.SimHash(3, 4, 'sign_alsh', 5, 6),
      {
        'row_budget': 0.4,
        'own_budget': 0.1,
        'retrieved_budget': 0.5,
        'corrects_loss': True,
        'rounds_per_build': 2,
        'retrieval_mode': 'select',
        'seed_source': 'entropy',
      },
    ),
    (
      'product_quantization',
      {'index': 'product_quantization', 'num_parts': 3},
      retrieval.ProductQuantization(3),
      {},
    ),
    ('random', {'index': 'random'}, retrieval.RandomRows(), {}),
    ('exact', {'index': 'exact'}, retrieval.ExactRows(), {}),
  )
  def test_lsh_select_is_built_from_its_flags(self, given, index, expected):
    with (
      flagsaver.flagsaver(**given),
      mock.patch.object(algorithms, 'build_lsh_select_fed_avg') as build,
    ):
      registry.METHODS['lsh_select'].build(_TASK, None, None, 5)
    (row_model, *_), arguments = build.call_args
    self.assertIs(row_model, _TASK.row_model)
    self.assertEqual(arguments['index'], index)
    self.assertEqual({**arguments, **expected, 'base_seed': 5}, arguments)

  @parameterized.named_parameters(
    ('budget', ['--row_budget=2'], 'row_budget above 0 and at most 1'),
    ('bits', ['--hash_bits=17'], 'num_bits of at most 16, found 17'),
    ('index', ['--index=exact', '--hash_bits=2'], '--hash_bits with --index'),
    ('parts', ['--num_parts=2'], 'no --num_parts with --index=simhash'),
  )
  def test_flags_of_lsh_select_that_do_not_fit(self, given, message):
    with flagsaver.flagsaver():
      flags.FLAGS(['', *given])
      with self.assertRaisesRegex(runner.UsageError, message):
        registry.check_flags('lsh_select')

  def test_own_rows_are_of_tasks_whose_rows_embed_the_input(self):
    task = mock.create_autospec(tasks.RowTask, row_model=_TASK.row_model)
    with (
      flagsaver.flagsaver(own_budget=0.1),
      self.assertRaisesRegex(runner.UsageError, 'no --own_budget.*found 0.1'),
    ):
      registry.build_process('lsh_select', task, None, None, 0)

  def test_fed_mlh_needs_a_task_with_many_labels(self):
    task = mock.create_autospec(tff.simulation.baselines.BaselineTask)
    with (
      flagsaver.flagsaver(num_buckets=3),
      self.assertRaisesRegex(runner.UsageError, 'many labels.*fed_mlh'),
    ):
      registry.build_process('fed_mlh', task, None, None, 0)

  def test_fed_mlh_needs_as_many_labels(self):
    task = mock.create_autospec(tasks.MultiLabelTask, num_labels=9)
    with (
      flagsaver.flagsaver(num_buckets=10),
      self.assertRaisesRegex(runner.UsageError, 'at most 9.*found 10'),
    ):
      registry.build_process('fed_mlh', task, None, None, 0)

  def test_fed_mlh_is_built_from_its_flags(self):
    with (
      flagsaver.flagsaver(num_tables=2, num_buckets=5),
      mock.patch.object(algorithms, 'build_fed_mlh') as build,
    ):
      registry.METHODS['fed_mlh'].build(_TASK, None, None, 5)
    ((model, *_), _) = build.call_args
    self.assertEqual(model.seed, 5)
    label_hash = model.label_hash
    self.assertEqual((label_hash.num_tables, label_hash.num_buckets), (2, 5))
    other = label_hashing.LabelHash.draw(9, 2, 5, seed=6)
    self.assertNotEqual(label_hash.coefficients, other.coefficients)

  def test_fed_ss_needs_as_many_classes(self):
    task = mock.create_autospec(tasks.RowTask, row_model=_TASK.row_model)
    with (
      flagsaver.flagsaver(num_sampled_classes=13),
      self.assertRaisesRegex(runner.UsageError, 'at most 12.*found 13'),
    ):
      registry.build_process('fed_ss', task, None, None, 0)

  @parameterized.named_parameters(
    ('defaults', {}, {'bits': 2, 'fraction': 1.0, 'quantizer': 'eden'}),
    ('bits', {'bits': '16'}, {'bits': 16}),
    ('no_bits', {'bits': 'none'}, {'bits': None}),
    (
      'others',
      {
        'fraction': 0.5,
        'rotation': False,
        'quantizer': 'uniform',
        'min_elements': 7,
        'seed_source': 'entropy',
      },
      {
        'fraction': 0.5,
        'rotation': False,
        'quantizer': 'uniform',
        'min_elements': 7,
        'seed_source': 'entropy',
      },
    ),
  )
  def test_sketched_update_is_built_from_its_flags(self, given, expected):
    with (
      flagsaver.flagsaver(**given),
      mock.patch.object(algorithms, 'build_sketched_update_fed_avg') as build,
    ):
      registry.METHODS['sketched_update'].build(_TASK, None, None, 5)
    _, arguments = build.call_args
    self.assertEqual({**arguments, **expected, 'base_seed': 5}, arguments)


if __name__ == '__main__':
  absltest.main()
