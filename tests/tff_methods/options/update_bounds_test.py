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


class UpdateBoundsTest(parameterized.TestCase):
  @parameterized.parameters(
    ({}, ValueError, 'clip or zero_above, found neither'),
    ({'clip': 0.0}, ValueError, 'clip above 0'),
    ({'zero_above': -1.0}, ValueError, 'zero_above above 0'),
    ({'zero_above': float('inf')}, ValueError, 'zero_above'),
    ({'clip': '1'}, TypeError, 'clip to be a number, found str'),
    ({'clip': 2.0, 'zero_above': 1.0}, ValueError, 'at least clip = 2.0'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      options_lib.UpdateBounds(**kwargs)

  @parameterized.parameters(
    (lambda bounds: options_lib.RandomMaskOptions(fraction=1, bounds=bounds),),
    (lambda bounds: options_lib.DhqcOptions(bounds=bounds),),
  )
  def test_methods_take_bounds(self, make_options):
    bounds = options_lib.UpdateBounds(clip=1.0)
    self.assertEqual(make_options(bounds).bounds, bounds)
    with self.assertRaisesRegex(TypeError, 'options.UpdateBounds, found float'):
      make_options(1.0)

  def test_noise_has_its_own_clip(self):
    with self.assertRaisesRegex(ValueError, 'no bounds with noise'):
      options_lib.LowRankOptions(
        rank=1,
        bounds=options_lib.UpdateBounds(clip=1.0),
        noise=options_lib.NoiseOptions(
          noise_multiplier=1.0, clients_per_round=3
        ),
      )


if __name__ == '__main__':
  absltest.main()
