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
"""Tests of the directory of a run."""

import asyncio
import json
import os
import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow_federated as tff

from programs.command_line import runner
from programs.runs import run_directory

_CONFIGURATION = {'task': 'digits', 'seed': 1, 'options': (1, None)}


def _contents(path: pathlib.Path) -> dict[str, bytes]:
  """Returns all files below a path, with their contents."""
  return {str(p): p.read_bytes() for p in path.rglob('*') if p.is_file()}


class RunDirectoryTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    temporary_dir = self.enter_context(tempfile.TemporaryDirectory())
    self._path = pathlib.Path(temporary_dir) / 'run'

  def _claim(self, configuration=None) -> run_directory.RunDirectory:
    directory = run_directory.RunDirectory(
      str(self._path), configuration or _CONFIGURATION
    )
    directory.claim()
    return directory

  def _assert_refused(self, message: str, configuration=None) -> None:
    before = _contents(self._path)
    with self.assertRaisesRegex(runner.UsageError, message) as caught:
      self._claim(configuration)
    self.assertNotIn('\n', str(caught.exception))
    self.assertEqual(_contents(self._path), before)

  def test_construction_changes_nothing(self):
    run_directory.RunDirectory(str(self._path), _CONFIGURATION)
    self.assertFalse(self._path.exists())

  def test_same_configuration_claims_again(self):
    self._claim()  # Released immediately.
    self._claim()

  def test_empty_directory_is_claimed(self):
    self._path.mkdir()
    self._claim()

  def test_directory_of_an_interrupted_claim_is_claimed(self):
    self._path.mkdir()
    (self._path / '.lock').touch()
    (self._path / 'configuration.json.temporary').write_text('{"prog')
    self._claim()
    self.assertCountEqual(
      os.listdir(self._path), ['.lock', 'configuration.json']
    )

  @parameterized.named_parameters(
    ('other_files', 'notes.txt', ''),
    ('broken_configuration', 'configuration.json', '{"program": '),
    ('other_program', 'configuration.json', '{"program": "p"}'),
    ('other_json', 'configuration.json', '[1]'),
  )
  def test_foreign_directory_is_refused(self, name, contents):
    self._path.mkdir()
    (self._path / name).write_text(contents)
    self._assert_refused('files of another program')

  def test_other_configuration_is_refused(self):
    self._claim()
    self._assert_refused(
      '--seed=2, found one with --seed=1', {**_CONFIGURATION, 'seed': 2}
    )
    self._assert_refused(
      'with --rank=2, found one without --rank', {**_CONFIGURATION, 'rank': 2}
    )

  def test_directory_in_use_is_refused(self):
    directory = self._claim()
    self._assert_refused('in use by another program')
    del directory

  def test_file_is_refused(self):
    self._path.write_text('something')
    self._assert_refused('is not a directory')
    self._path = self._path / 'below'
    self._assert_refused('is not a directory')

  def test_forbidden_directory_is_refused(self):
    # The user of this test may have all permissions.
    with mock.patch.object(os, 'access', return_value=False):
      self._assert_refused('no permission')

  def test_failing_write_is_refused(self):
    error = OSError(28, 'No space left on device')
    with mock.patch.object(os, 'makedirs', side_effect=error):
      self._assert_refused('No space left')

  def test_saved_rounds_are_those_of_tff(self):
    directory = self._claim()
    self.assertEqual(directory.saved_rounds(), 0)
    states = tff.program.FileProgramStateManager(
      directory.file(run_directory.CHECKPOINTS), keep_total=2
    )

    async def save():
      for round_num in (2, 9, 11):
        await states.save([np.float32(0)], round_num)

    asyncio.run(save())
    # A state that a killed program has not finished writing.
    os.mkdir(
      directory.file(run_directory.CHECKPOINTS, 'program_state_99_temp7')
    )
    self.assertEqual(directory.saved_rounds(), 11)

  def test_summary_is_none_until_written(self):
    directory = self._claim()
    self.assertIsNone(directory.read_summary())
    directory.write_summary({'rounds': 3})
    self.assertEqual(directory.read_summary(), {'rounds': 3})
    self.assertEqual(run_directory.read_summary(str(self._path)), {'rounds': 3})

  def test_failing_write_leaves_the_former_file(self):
    self._path.write_text('{"a": 1}')
    with self.assertRaises(TypeError):
      run_directory.write_json(str(self._path), {'a': 2, 'b': object()})
    self.assertEqual(json.loads(self._path.read_text()), {'a': 1})


if __name__ == '__main__':
  absltest.main()
