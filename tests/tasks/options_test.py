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

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np

from tasks import catalog
from tasks import options as options_lib

_DEFAULTS = options_lib.TaskOptions(
  batch_size=10,
  epochs=1,
  partition='iid',
  num_clients=5,
  dirichlet_alpha=0.5,
)


class OptionsTest(parameterized.TestCase):
  @parameterized.product(
    name=[
      'batch_size',
      'epochs',
      'max_client_examples',
      'num_clients',
      'vocab_size',
      'ffn_dim',
      'num_blocks',
      'embedding_dim',
      'feature_width',
      'hidden_width',
    ],
    value=[0, -1],
  )
  def test_nonpositive_integers_raise(self, name, value):
    with self.assertRaisesRegex(ValueError, f'`{name}` of at least 1.*{value}'):
      options_lib.TaskOptions(**{name: value})

  @parameterized.product(
    name=['dirichlet_alpha', 'partition_share', 'frequent_share'],
    value=[0.0, -0.5, float('inf'), float('nan')],
  )
  def test_nonpositive_numbers_raise(self, name, value):
    with self.assertRaisesRegex(ValueError, f'`{name}` above 0'):
      options_lib.TaskOptions(**{name: value})

  @parameterized.named_parameters(
    ('tiny_alpha', 'dirichlet_alpha', 1e-300, 'least 1e-06, found 1e-300: ra'),
    ('least_alpha', 'dirichlet_alpha', 5e-324, 'least 1e-06, found 5e-324: ra'),
    ('low_alpha', 'dirichlet_alpha', 9.9e-7, 'least 1e-06, found 9.9e-07: rai'),
    ('large_alpha', 'dirichlet_alpha', 1e300, r'1e\+12, found 1e\+300: lower'),
    ('integer_alpha', 'dirichlet_alpha', 10**400, r'above 0 and finite|1e\+12'),
    ('batch_size', 'batch_size', 2**31, 'most 2147483647, found 2147483648: l'),
    ('epochs', 'epochs', 2**70, 'at most 2147483647, found 1180.*: lower it'),
    ('clients', 'num_clients', 10**30, 'at most 2147483647, found 10*: lower'),
    ('examples', 'max_client_examples', 2**63, 'at most 2147483647, found'),
    ('width', 'hidden_width', 2**20 + 1, 'at most 1048576, found 1048577: lo'),
    ('ffn_dim', 'ffn_dim', 2**40, 'at most 1048576, found .*: lower it'),
  )
  def test_bounds(self, name, value, message):
    with self.assertRaisesRegex(
      ValueError, f'Expected `{name}` .*{message}'
    ) as caught:
      options_lib.TaskOptions(**{name: value})
    self.assertNotIn('\n', str(caught.exception))

  def test_numbers_of_numpy_become_those_of_python(self):
    options = options_lib.TaskOptions(
      batch_size=np.int64(3),
      dirichlet_alpha=np.float32(0.5),
    )
    types = [type(v) for v in vars(options).values() if v is not None]
    self.assertEqual(types, [int, float])
    with self.assertRaisesRegex(
      ValueError, 'most 2147483647, found 4294967295'
    ):
      options_lib.TaskOptions(epochs=np.uint32(2**32 - 1))

  @parameterized.parameters(1e-6, 0.5, 1, 1e12)
  def test_accepts_alpha(self, alpha):
    options = options_lib.TaskOptions(dirichlet_alpha=alpha)
    self.assertEqual(options.dirichlet_alpha, alpha)

  @parameterized.parameters(
    ('batch_size', 2.0),
    ('epochs', '1'),
    ('num_clients', True),
    ('dirichlet_alpha', '0.5'),
    ('only_digits', 1),
    ('vocab_size', 1e4),
  )
  def test_wrong_types_raise(self, name, value):
    with self.assertRaisesRegex(
      TypeError, f'`{name}` to be .*found {type(value).__name__}'
    ):
      options_lib.TaskOptions(**{name: value})

  def test_unknown_partitions_raise(self):
    with self.assertRaisesRegex(ValueError, "'iid', 'dirichlet'.*'pareto'"):
      options_lib.TaskOptions(partition='pareto')

  def test_unknown_token_models_raise(self):
    with self.assertRaisesRegex(ValueError, "`token_model`.*'lstm'.*'rnn'"):
      options_lib.TaskOptions(token_model='rnn')

  def test_fills_in_defaults(self):
    options = options_lib.TaskOptions(
      batch_size=3, max_client_examples=4, partition='dirichlet'
    )
    self.assertEqual(
      options_lib.resolve('some', options, _DEFAULTS),
      options_lib.TaskOptions(
        batch_size=3,
        epochs=1,
        max_client_examples=4,
        partition='dirichlet',
        num_clients=5,
        dirichlet_alpha=0.5,
      ),
    )

  def test_options_of_other_tasks_raise(self):
    options = options_lib.TaskOptions(only_digits=False)
    with self.assertRaisesRegex(
      ValueError, "Task 'some' takes .*found `only_digits=False`: leave it out"
    ):
      options_lib.resolve('some', options, _DEFAULTS)

  def test_required_option(self):
    self.assertEqual(options_lib.required(3), 3)
    self.assertEqual(options_lib.required(False), False)
    with self.assertRaisesRegex(ValueError, 'found None: call `resolve`'):
      options_lib.required(None)

  def test_alpha_without_dirichlet_raises(self):
    options = options_lib.TaskOptions(dirichlet_alpha=1)
    with self.assertRaisesRegex(ValueError, "found `partition='iid'`"):
      options_lib.resolve('some', options, _DEFAULTS)

  @parameterized.parameters(
    ('mnist', 'top_labels', "'iid', 'dirichlet'"),
    ('bibtex', 'dirichlet', "'iid', 'frequent_labels', 'top_labels'"),
    ('omniglot', 'dirichlet', "'classes', 'iid'"),
  )
  def test_partitions_of_other_tasks_raise(self, name, partition, expected):
    options = options_lib.TaskOptions(partition=partition)
    with self.assertRaisesRegex(ValueError, f'{expected}.*{partition!r}'):
      options_lib.resolve(name, options, catalog.defaults(name))

  def test_number_of_clients_of_few_classes_raises(self):
    for options, message in (
      (options_lib.TaskOptions(num_clients=3), "no `num_clients`.*'classes'"),
      (options_lib.TaskOptions(partition='iid'), 'Expected `num_clients` with'),
    ):
      with self.assertRaisesRegex(ValueError, message):
        options_lib.resolve(
          'omniglot', options, catalog.defaults('omniglot'), ['num_clients']
        )

  def test_share_of_another_partition_raises(self):
    options = options_lib.TaskOptions(
      partition='top_labels', partition_share=0.1
    )
    with self.assertRaisesRegex(
      ValueError, "`partition_share` needs `partition='frequent_labels'`"
    ):
      options_lib.resolve('bibtex', options, catalog.defaults('bibtex'))


if __name__ == '__main__':
  absltest.main()
