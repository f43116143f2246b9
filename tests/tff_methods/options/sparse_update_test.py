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


class SparseOptionsTest(parameterized.TestCase):
  @parameterized.parameters(
    {'fraction': 1.0},
    {'fraction': 0.1, 'bits': 2},
    {'fraction': 0.1, 'bits': 16},
    {'fraction': 0.1, 'scope': 'tensor', 'min_elements': 256},
  )
  def test_takes(self, **kwargs):
    options = options_lib.SparseOptions(**kwargs)
    for name, value in kwargs.items():
      self.assertEqual(getattr(options, name), value)

  @parameterized.parameters(
    ({'fraction': 0.0}, r'fraction in \(0, 1\], found 0.0'),
    ({'bits': 1}, 'at least 2, a sign and an interval, found 1'),
    ({'bits': 17}, 'bits from 1 to 16, found 17'),
    ({'scope': 'layer'}, "'model', 'tensor'.*found 'layer'"),
    ({'scope': 'tensor', 'min_elements': -1}, 'at least 0, found -1'),
    (
      {'scope': 'model', 'min_elements': 9},
      "min_elements of 0.*found 9: choose scope='tensor'",
    ),
  )
  def test_bad_values_raise(self, kwargs, message):
    for options_class in (
      options_lib.SparseOptions,
      options_lib.DhqcOptions,
      options_lib.DgcOptions,
    ):
      with self.assertRaisesRegex(ValueError, message):
        options_class(**({'fraction': 0.1} | kwargs))

  @parameterized.parameters(
    ({'bits': 2.5}, 'bits to be an int, found float'),
    ({'min_elements': '9'}, 'min_elements to be an int, found str'),
  )
  def test_bad_types_raise(self, kwargs, message):
    with self.assertRaisesRegex(TypeError, message):
      options_lib.SparseOptions(fraction=0.1, **kwargs)


class DhqcOptionsTest(parameterized.TestCase):
  @parameterized.parameters(*options_lib.FEEDBACKS)
  def test_takes_each_feedback(self, feedback):
    self.assertEqual(
      options_lib.DhqcOptions(feedback=feedback).feedback, feedback
    )

  def test_unknown_feedback_raises(self):
    with self.assertRaisesRegex(ValueError, "'residual'.*found 'momentum'"):
      options_lib.DhqcOptions(feedback='momentum')


class DgcOptionsTest(parameterized.TestCase):
  @parameterized.parameters(
    # Lin et al. (2018), section 3.3: 75 %, 93.75 %, 98.4375 % and 99.6 %
    # sparsity before 99.9 %.
    (0.001, None, (0.25, 0.0625, 0.015625, 0.004)),
    (0.01, None, (0.25, 0.0625, 0.015625)),
    (0.25, None, ()),
    (0.1, [0.5, 0.2], (0.5, 0.2)),
    (0.001, [], ()),
  )
  def test_warm_up_fractions(self, fraction, warm_up_fractions, expected):
    options = options_lib.DgcOptions(
      fraction=fraction, warm_up_fractions=warm_up_fractions
    )
    self.assertEqual(options.warm_up, expected)

  @parameterized.parameters(
    ({'momentum': 1.0}, 'momentum of at least 0 and below 1, found 1.0'),
    ({'momentum': -0.1}, 'momentum of at least 0 and below 1, found -0.1'),
    ({'momentum': float('nan')}, 'momentum .* found nan'),
    ({'rounds_per_warm_up_fraction': 0}, 'at least 1, found 0'),
    (
      {'warm_up_fractions': [1.5]},
      r'each of warm_up_fractions in \(0, 1\], found 1.5',
    ),
    (
      {'fraction': 0.1, 'warm_up_fractions': [0.2, 0.1]},
      'warm_up_fractions above fraction=0.1, found 0.1',
    ),
  )
  def test_bad_values_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      options_lib.DgcOptions(**kwargs)

  def test_bad_type_of_rounds_raises(self):
    with self.assertRaisesRegex(TypeError, 'fraction to be an int, found'):
      options_lib.DgcOptions(rounds_per_warm_up_fraction=1.5)


if __name__ == '__main__':
  absltest.main()
