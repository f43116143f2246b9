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


class SketchOptionsTest(parameterized.TestCase):
  @parameterized.parameters(
    {},
    {'bits': 1},
    {'bits': 16},
    {'fraction': 1e-6},
    {'rotation': False, 'quantizer': 'uniform'},
    # Without quantization, EDEN is not used.
    {'rotation': False, 'bits': None},
    {'min_elements': 0},
    {'shared_rotation': False},
    {'shared_rotation': False, 'bits': None, 'fraction': 0.5},
  )
  def test_takes(self, **kwargs):
    options = options_lib.SketchOptions(**kwargs)
    for name, value in kwargs.items():
      self.assertEqual(getattr(options, name), value)

  @parameterized.parameters(
    ({}, False),
    ({'fraction': 0.5}, True),
    ({'quantizer': 'uniform'}, True),
    ({'quantizer': 'uniform', 'bits': None}, False),
    ({'bits': None, 'fraction': 0.5}, True),
    ({'shared_rotation': False}, True),
  )
  def test_clients_draw(self, kwargs, expected):
    options = options_lib.SketchOptions(**kwargs)
    self.assertEqual(options.clients_draw, expected)

  @parameterized.parameters(
    ({}, True),
    ({'rotation': False, 'quantizer': 'uniform'}, False),
    ({'bits': None, 'fraction': 0.5}, True),
    ({'bits': None}, False),
  )
  def test_rotates(self, kwargs, expected):
    self.assertEqual(options_lib.SketchOptions(**kwargs).rotates, expected)

  @parameterized.parameters(
    ({'bits': 0}, 'bits from 1 to 16, found 0'),
    ({'bits': 17}, 'bits from 1 to 16, found 17'),
    ({'fraction': 0.0}, r'fraction in \(0, 1\], found 0.0'),
    ({'fraction': 1.5}, r'fraction in \(0, 1\], found 1.5'),
    ({'quantizer': 'lloyd'}, "'eden', 'uniform'.*found 'lloyd'"),
    ({'min_elements': -1}, 'min_elements of at least 0, found -1'),
    (
      {'rotation': False},
      "rotation=True with quantizer='eden'.*: choose quantizer='uniform'",
    ),
    (
      {'shared_rotation': False, 'rotation': False, 'quantizer': 'uniform'},
      'a rotation with shared_rotation=False, found rotation=False: leave',
    ),
    (
      {'shared_rotation': False, 'bits': None},
      'a rotation with shared_rotation=False, found bits=None and fraction=1',
    ),
  )
  def test_bad_values_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      options_lib.SketchOptions(**kwargs)

  @parameterized.parameters(
    ({'bits': 2.0}, 'bits to be an int, found float'),
    ({'bits': True}, 'bits to be an int, found bool'),
    ({'shared_rotation': 'client'}, "to be True or False, found 'client'"),
    ({'min_elements': '9'}, 'min_elements to be an int, found str'),
  )
  def test_bad_types_raise(self, kwargs, message):
    with self.assertRaisesRegex(TypeError, message):
      options_lib.SketchOptions(**kwargs)


if __name__ == '__main__':
  absltest.main()
