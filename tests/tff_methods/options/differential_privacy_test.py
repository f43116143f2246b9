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

from tff_methods import options as options_lib

_CLASSES = (
  ('noise', options_lib.NoiseOptions),
  ('sketch', options_lib.DpSketchOptions),
)


class NoiseOptionsTest(parameterized.TestCase):
  @parameterized.named_parameters(*_CLASSES)
  def test_defaults(self, options_class):
    options = options_class(noise_multiplier=1.0, clients_per_round=3)
    self.assertEqual(options.clip, 'adaptive')
    self.assertIsNone(options.noise_seed_for_tests)

  @parameterized.named_parameters(*_CLASSES)
  def test_takes_numbers_of_numpy(self, options_class):
    options = options_class(
      noise_multiplier=np.float32(0.5), clients_per_round=np.int64(3), clip=2
    )
    self.assertEqual(
      options,
      options_class(noise_multiplier=0.5, clients_per_round=3, clip=2.0),
    )

  @parameterized.product(
    options_class=[cls for _, cls in _CLASSES],
    bad=[
      ({'noise_multiplier': -0.1}, ValueError, 'of at least 0 .*found -0.1'),
      ({'noise_multiplier': float('nan')}, ValueError, 'finite, found nan'),
      ({'noise_multiplier': '1'}, TypeError, 'be a number, found str'),
      ({'clients_per_round': 0}, ValueError, 'of at least 1, found 0'),
      ({'clients_per_round': 2.0}, TypeError, 'be an int, found float'),
      ({'clip': 'median'}, ValueError, "or 'adaptive', found 'median'"),
      ({'clip': -1.0}, ValueError, 'clip above 0'),
      ({'clip': 1e39}, ValueError, 'clip from .* float32, found 1e.39'),
      (
        {'clip': 1e-30, 'noise_multiplier': 1e-30},
        ValueError,
        r'noise_multiplier \* clip from',
      ),
      ({'noise_seed_for_tests': 0.5}, TypeError, 'be an int, found float'),
    ],
  )
  def test_bad_arguments_raise(self, options_class, bad):
    kwargs, error, message = bad
    with self.assertRaisesRegex(error, message):
      options_class(
        **({'noise_multiplier': 1.0, 'clients_per_round': 3} | kwargs)
      )


class DpSketchOptionsTest(parameterized.TestCase):
  @parameterized.parameters(
    ({'bits': 17}, 'bits from 1 to 16'),
    ({'fraction': 0.0}, r'fraction in \(0, 1\]'),
    ({'seed_source': 'clock'}, 'seed_source'),
  )
  def test_bad_arguments_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      options_lib.DpSketchOptions(
        noise_multiplier=1.0, clients_per_round=3, **kwargs
      )


if __name__ == '__main__':
  absltest.main()
