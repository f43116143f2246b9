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


class TernGradOptionsTest(parameterized.TestCase):
  @parameterized.parameters(None, 1, 0.5, 2.5)
  def test_takes_clip_factors(self, clip_factor):
    options = options_lib.TernGradOptions(clip_factor=clip_factor)
    self.assertEqual(options.clip_factor, clip_factor)

  def test_default_clips_as_in_the_paper(self):
    self.assertEqual(options_lib.TernGradOptions().clip_factor, 2.5)

  @parameterized.parameters(
    ({'clip_factor': 0.0}, ValueError, 'clip_factor above 0.*found 0.0'),
    ({'clip_factor': float('inf')}, ValueError, 'finite, found inf'),
    ({'clip_factor': 1e-46}, ValueError, 'float32, found 1e-46'),
    ({'clip_factor': 1e39}, ValueError, r'float32, found 1e\+39'),
    ({'clip_factor': float('nan')}, ValueError, 'finite, found nan'),
    ({'clip_factor': '2'}, TypeError, 'clip_factor to be a number, found str'),
    ({'clip_factor': True}, TypeError, 'to be a number, found bool'),
    ({'min_elements': -1}, ValueError, 'at least 0, found -1'),
    ({'min_elements': 0.5}, TypeError, 'to be an int, found float'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      options_lib.TernGradOptions(**kwargs)


if __name__ == '__main__':
  absltest.main()
