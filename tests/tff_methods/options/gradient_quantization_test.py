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


class GradientQuantizationOptionsTest(parameterized.TestCase):
  @parameterized.parameters(
    (options_lib.QsgdOptions, {'bits': 1}, 'bits of at least 2'),
    (options_lib.QsgdOptions, {'bits': 17}, 'bits '),
    (options_lib.QsgdOptions, {'bucket_size': 0}, 'bucket_size of at least 1'),
    (options_lib.QsgdOptions, {'norm': 'l2'}, "norm .*'euclidean'"),
    (options_lib.QsgdOptions, {'min_elements': -1}, 'min_elements of at least'),
    (options_lib.EfSignOptions, {'levels': 'three'}, "levels .*'two'"),
    (options_lib.EfSignOptions, {'min_elements': -1}, 'min_elements of at'),
  )
  def test_values_out_of_range_raise(self, options_class, kwargs, message):
    with self.assertRaisesRegex(ValueError, f'^Expected [^\n]*({message})'):
      options_class(**kwargs)

  def test_bounds_are_options(self):
    with self.assertRaisesRegex(TypeError, 'UpdateBounds, found float'):
      options_lib.EfSignOptions(bounds=2.0)


if __name__ == '__main__':
  absltest.main()
