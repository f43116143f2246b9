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


class StructuredUpdateOptionsTest(parameterized.TestCase):
  @parameterized.parameters(
    ({'bits': 0}, ValueError, 'bits from 1 to 16, found 0'),
    ({'bits': 4.0}, TypeError, 'bits to be an int, found float'),
    ({'min_elements': -1}, ValueError, 'at least 0, found -1'),
    ({'min_elements': None}, TypeError, 'to be an int, found NoneType'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    for options_class, required in (
      (options_lib.StructuredUpdateOptions, {}),
      (options_lib.RandomMaskOptions, {'fraction': 0.1}),
      (options_lib.LowRankOptions, {'rank': 1}),
    ):
      with self.assertRaisesRegex(error, message):
        options_class(**required, **kwargs)


class RandomMaskOptionsTest(parameterized.TestCase):
  def test_fraction_is_required(self):
    with self.assertRaisesRegex(TypeError, "'fraction'"):
      options_lib.RandomMaskOptions()

  @parameterized.parameters(0.0, -0.5, 1.01, float('nan'))
  def test_fraction_out_of_range_raises(self, fraction):
    with self.assertRaisesRegex(ValueError, r'fraction in \(0, 1\], found'):
      options_lib.RandomMaskOptions(fraction=fraction)


class LowRankOptionsTest(parameterized.TestCase):
  @parameterized.parameters({'rank': 1}, {'fraction': 1.0})
  def test_takes_rank_or_fraction(self, **kwargs):
    options = options_lib.LowRankOptions(**kwargs)
    given = {'rank': options.rank, 'fraction': options.fraction}
    self.assertEqual(given, {'rank': None, 'fraction': None} | kwargs)

  @parameterized.parameters(
    ({}, ValueError, 'either rank or fraction, found rank=None and fraction='),
    ({'rank': 1, 'fraction': 0.5}, ValueError, 'found rank=1 and fraction=0.5'),
    ({'rank': 0}, ValueError, 'rank of at least 1, found 0'),
    ({'rank': 2.0}, TypeError, 'rank to be an int, found float'),
    ({'fraction': 1.1}, ValueError, r'fraction in \(0, 1\], found 1.1'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      options_lib.LowRankOptions(**kwargs)


if __name__ == '__main__':
  absltest.main()
