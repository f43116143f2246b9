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


class CountSketchOptionsTest(parameterized.TestCase):
  @parameterized.parameters(
    ({'fraction': 0.0}, ValueError, 'fraction .*found 0.0'),
    ({'applied_fraction': 1.5}, ValueError, 'applied_fraction .*found 1.5'),
    ({'sketch_rows': 0}, ValueError, 'at least 1, found 0'),
    ({'sketch_rows': 2.0}, TypeError, 'to be an int, found float'),
    ({'momentum': 1.0}, ValueError, 'momentum .*found 1.0'),
    ({'error_reset': 'none'}, ValueError, "found 'none'"),
    ({'base_seed': None}, TypeError, 'base_seed'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      options_lib.CountSketchOptions(**kwargs)

  def test_takes_bounds(self):
    options_lib.CountSketchOptions(
      fraction=1.0, applied_fraction=1.0, sketch_rows=1, momentum=0.0
    )


if __name__ == '__main__':
  absltest.main()
