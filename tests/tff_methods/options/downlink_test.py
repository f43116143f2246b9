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
"""Tests for downlink."""

import dataclasses

from absl.testing import absltest
from absl.testing import parameterized

from tff_methods import options as options_lib


class DownlinkOptionsTest(parameterized.TestCase):
  def test_options_of_single_tensors(self):
    values = dict(
      bits=3,
      rotation=False,
      quantizer='uniform',
      min_elements=7,
      base_seed=5,
    )
    sketch = options_lib.DownlinkOptions(**values).sketch
    self.assertEqual(
      dataclasses.asdict(sketch),
      values
      | {
        'fraction': 1.0,
        'seed_source': 'reproducible',
        'shared_rotation': True,
      },
    )

  @parameterized.parameters(
    ({'bits': 17}, ValueError, 'bits from 1 to 16, found 17'),
    ({'bits': '8'}, TypeError, 'bits to be an int, found str'),
    ({'rotation': False}, ValueError, "rotation=True with quantizer='eden'"),
    ({'base_seed': 0.5}, TypeError, 'base_seed to be an int, found float'),
  )
  def test_refuses(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      options_lib.DownlinkOptions(**kwargs)

  @parameterized.parameters(
    ({'bits': None}, 'bits from 1 to 16 of differences, found None'),
    ({'quantizer': 'uniform'}, "quantizer='eden' for differences, .*'uniform'"),
    ({'bits': 0}, 'bits from 1 to 16, found 0'),
  )
  def test_refuses_for_differences(self, kwargs, message):
    self.assertEqual(options_lib.DeltaDownlinkOptions(bits=1).bits, 1)
    with self.assertRaisesRegex(ValueError, message):
      options_lib.DeltaDownlinkOptions(**kwargs)


if __name__ == '__main__':
  absltest.main()
