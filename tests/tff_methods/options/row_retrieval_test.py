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

from tff_methods import options as options_lib


class FedSsOptionsTest(parameterized.TestCase):
  @parameterized.parameters(*options_lib.FED_SS_VARIANTS)
  def test_takes_each_variant(self, variant):
    num_sampled_classes = None if variant == 'full_softmax' else 10
    options = options_lib.FedSsOptions(
      variant=variant, num_sampled_classes=num_sampled_classes
    )
    self.assertEqual(options.variant, variant)

  @parameterized.parameters(
    ({}, {'rate': 0.01, 'margin': 1.0}),
    ({'spreadout_rate': 0.5}, {'rate': 0.5, 'margin': 1.0}),
    ({'spreadout_margin': 2.0}, {'rate': 0.01, 'margin': 2.0}),
    ({'spreadout_rate': 0.0}, {'rate': 0.0, 'margin': 1.0}),
  )
  def test_spreadout_arguments(self, kwargs, expected):
    options = options_lib.FedSsOptions(
      variant='fed_aws', num_sampled_classes=3, **kwargs
    )
    self.assertEqual(options.spreadout, expected)

  @parameterized.parameters(
    ({'variant': 'all'}, "'fed_ss'.*found 'all'"),
    ({'retrieval_mode': 'pull'}, "'select', 'broadcast'.*found 'pull'"),
    ({'num_sampled_classes': None}, 'a num_sampled_classes.*found None: give'),
    ({'num_sampled_classes': 0}, 'at least 1, found 0'),
    (
      {'variant': 'full_softmax'},
      'no num_sampled_classes.*found 10: leave it out',
    ),
    ({'num_input_rows': 0}, 'num_input_rows of at least 1, found 0'),
    (
      {'num_input_rows': {'words': 0}},
      "num_input_rows of 'words' of at least 1, found 0",
    ),
    (
      {
        'variant': 'full_softmax',
        'num_sampled_classes': None,
        'num_input_rows': 3,
      },
      'no num_input_rows.*found 3: leave it out',
    ),
    ({'spreadout_rate': 0.1}, "spreadout_rate with variant='fed_ss', found"),
    (
      {'variant': 'pos_only', 'spreadout_margin': 1.0},
      "no spreadout_margin with variant='pos_only', found 1.0: leave it out",
    ),
  )
  def test_bad_values_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      options_lib.FedSsOptions(**({'num_sampled_classes': 10} | kwargs))

  def test_rows_of_input_tables(self):
    sizes = {'words': 100, 'shops': 5}

    def num_rows(num_input_rows, sizes=sizes):
      return options_lib.FedSsOptions(
        num_sampled_classes=10, num_input_rows=num_input_rows
      ).num_rows_of_tables(sizes)

    self.assertEqual(num_rows(8), {'words': 8, 'shops': 5})
    of_each = {'words': 3, 'shops': 2}
    self.assertEqual(num_rows(of_each), of_each)
    self.assertEqual(num_rows(100), {'words': 100, 'shops': 5})
    self.assertEqual(num_rows(None, {}), {})
    with self.assertRaisesRegex(ValueError, 'at most 100, the.*found 101: low'):
      num_rows(101)
    with self.assertRaisesRegex(ValueError, 'a num_input_rows.*2 input tables'):
      num_rows(None)
    with self.assertRaisesRegex(
      ValueError, 'no num_input_rows.*found 8: leave'
    ):
      num_rows(8, {})

  def test_lazy_rows_need_rows_that_are_sent(self):
    with self.assertRaisesRegex(ValueError, 'no lazy_rows.*all rows'):
      options_lib.FedSsOptions(variant='full_softmax', lazy_rows=True)

  def test_bad_type_of_number_raises(self):
    with self.assertRaisesRegex(TypeError, 'to be an int, found float'):
      options_lib.FedSsOptions(num_sampled_classes=1e3)


class LshSelectOptionsTest(parameterized.TestCase):
  @parameterized.parameters(
    {},
    {'row_budget': 1.0},
    {'row_budget': 0.5, 'own_budget': 0.5, 'retrieved_budget': 0.5},
    {'row_budget': 0.5, 'own_budget': 0.1, 'retrieved_budget': 1.0},
    {'retrieval_mode': 'broadcast', 'rounds_per_build': 3},
  )
  def test_takes(self, **kwargs):
    options = options_lib.LshSelectOptions(**kwargs)
    for name, value in kwargs.items():
      self.assertEqual(getattr(options, name), value)

  @parameterized.parameters(
    ({'row_budget': 0.0}, 'row_budget above 0 and at most 1.*found 0.0'),
    ({'row_budget': 1.5}, 'row_budget above 0 and at most 1.*found 1.5'),
    ({'own_budget': -0.1}, 'own_budget above 0.*found -0.1'),
    ({'retrieved_budget': 2}, 'retrieved_budget above 0.*found 2'),
    ({'own_budget': 0.4}, 'own_budget of at most row_budget, 0.3, found 0.4'),
    (
      {'retrieved_budget': 0.2},
      'retrieved_budget of at least row_budget, 0.3, found 0.2',
    ),
    ({'rounds_per_build': 0}, 'rounds_per_build of at least 1, found 0'),
    ({'retrieval_mode': 'pull'}, "'select', 'broadcast'.*found 'pull'"),
  )
  def test_bad_values_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      options_lib.LshSelectOptions(**kwargs)

  def test_bad_type_of_rounds_raises(self):
    with self.assertRaisesRegex(TypeError, 'to be an int, found float'):
      options_lib.LshSelectOptions(rounds_per_build=2.0)


if __name__ == '__main__':
  absltest.main()
