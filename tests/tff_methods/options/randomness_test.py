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


class RandomnessOptionsTest(parameterized.TestCase):
  @parameterized.parameters(*options_lib.SEED_SOURCES)
  def test_takes_each_seed_source(self, seed_source):
    options = options_lib.RandomnessOptions(
      seed_source=seed_source, base_seed=-7
    )
    self.assertEqual(options.seed_source, seed_source)
    self.assertEqual(options.base_seed, -7)

  @parameterized.parameters(
    ({'seed_source': 'time'}, ValueError, "'entropy'.*found 'time'"),
    ({'seed_source': None}, ValueError, 'seed_source to be one of.*found None'),
    ({'base_seed': 0.5}, TypeError, 'base_seed to be an int, found float'),
    ({'base_seed': True}, TypeError, 'base_seed to be an int, found bool'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      options_lib.RandomnessOptions(**kwargs)

  @parameterized.parameters(
    (options_lib.SketchOptions, {}),
    (options_lib.RandomMaskOptions, {'fraction': 0.5}),
    (options_lib.LowRankOptions, {'rank': 1}),
    (options_lib.TernGradOptions, {}),
    (options_lib.FedSsOptions, {'num_sampled_classes': 3}),
    (options_lib.LshSelectOptions, {}),
  )
  def test_options_of_randomized_methods_are_checked_too(
    self, options_class, kwargs
  ):
    with self.assertRaisesRegex(ValueError, "found 'time'"):
      options_class(**kwargs, seed_source='time')
    with self.assertRaisesRegex(TypeError, 'base_seed to be an int'):
      options_class(**kwargs, base_seed='1')


if __name__ == '__main__':
  absltest.main()
