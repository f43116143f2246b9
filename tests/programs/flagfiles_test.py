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
import subprocess
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs import compare
from programs import train
from programs.runs import run_directory
from tests.programs import program_testing

_FLAGFILES_DIR = pathlib.Path(train.__file__).parent / 'flagfiles'
_FLAGFILES = sorted(_FLAGFILES_DIR.glob('*.flags'))
_GRIDS = sorted(_FLAGFILES_DIR.glob('grids/*.flags'))


class FlagfilesTest(parameterized.TestCase):
  def _assert_is_taken(self, *arguments: str):
    # Whatever needs data or time comes after the output directory.
    with mock.patch.object(run_directory, 'RunDirectory') as directory:
      directory.side_effect = KeyboardInterrupt
      with self.assertRaises(KeyboardInterrupt):
        program_testing.run_here('train.py', train.main, *arguments)
    directory.assert_called_once()

  @parameterized.parameters(*[(path,) for path in _FLAGFILES])
  def test_is_taken(self, path):
    self._assert_is_taken(f'--flagfile={path}', '--output_dir=unused')

  @parameterized.parameters(*[(path,) for path in _GRIDS])
  def test_grid_is_taken(self, path):
    result = subprocess.CompletedProcess([], 0)
    with (
      mock.patch('subprocess.run', return_value=result) as check,
      mock.patch('subprocess.Popen', side_effect=KeyboardInterrupt),
      self.assertRaises(KeyboardInterrupt),
    ):
      program_testing.run_here(
        'compare.py',
        compare.main,
        f'--flagfile={path}',
        f'--runs={_FLAGFILES_DIR / "python_tokens_lsh.flags"}',
        '--output_dir=unused',
      )
    self.assertGreater(check.call_count, 1)
    for call in check.call_args_list:
      (_, _, _, *arguments, _) = call.args[0]  # Without `--dry_run`.
      self._assert_is_taken(*arguments)

  def test_there_are_some(self):
    self.assertNotEmpty(_FLAGFILES)
    self.assertNotEmpty(_GRIDS)


if __name__ == '__main__':
  absltest.main()
