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
"""Tests for the flag files: `programs.train` takes each of them."""

import pathlib
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs import run_directory
from programs import train
from tests.programs import program_testing

_FLAGFILES = sorted(
  pathlib.Path(train.__file__).parent.glob('flagfiles/*.flags')
)


class FlagfilesTest(parameterized.TestCase):
  @parameterized.parameters(*[(path,) for path in _FLAGFILES])
  def test_is_taken(self, path):
    # Whatever needs data or time comes after the output directory.
    with mock.patch.object(run_directory, 'RunDirectory') as directory:
      directory.side_effect = KeyboardInterrupt
      with self.assertRaises(KeyboardInterrupt):
        program_testing.run_here(
          'train.py', train.main, f'--flagfile={path}', '--output_dir=unused'
        )
    directory.assert_called_once()

  def test_there_are_some(self):
    self.assertNotEmpty(_FLAGFILES)


if __name__ == '__main__':
  absltest.main()
