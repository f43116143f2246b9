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
from programs.runs import run_files

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
      str(self._path), configuration or _CONFIGURATION, 'workers'
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
    run_directory.RunDirectory(str(self._path), _CONFIGURATION, 'workers')
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

  def test_unfinished_export_is_removed(self):
    self._claim()
    for name in ('saved_model', 'saved_model.temporary'):
      (self._path / name).mkdir()
      (self._path / name / 'saved_model.pb').touch()
    self._claim()
    self.assertCountEqual(
      os.listdir(self._path), ['.lock', 'configuration.json', 'saved_model']
    )

  def test_lock_that_is_a_link_costs_no_data(self):
    self._path.mkdir()
    other = self._path.parent / 'data'
    other.write_text('data')
    (self._path / '.lock').symlink_to(other)
    with self.assertRaisesRegex(runner.UsageError, 'Expected to write to'):
      self._claim()
    self.assertEqual(other.read_text(), 'data')

  def test_lock_that_is_a_pipe_is_not_waited_for(self):
    self._path.mkdir()
    os.mkfifo(self._path / '.lock')
    self._claim()

  @parameterized.named_parameters(
    ('other_files', 'notes.txt', '', 'files of another program'),
    (
      'other_program',
      'configuration.json',
      '{"program": "p"}',
      'files of another program',
    ),
    ('broken', 'configuration.json', '{"program": ', 'found no JSON'),
    ('other_json', 'configuration.json', '[1]', 'found a JSON list'),
    (
      'wrong_type',
      'configuration.json',
      '{"program": "tff-methods programs/train", "configuration": 3}',
      'found 3 as configuration',
    ),
  )
  def test_foreign_or_damaged_directory_is_refused(
    self, name, contents, message
  ):
    self._path.mkdir()
    (self._path / name).write_text(contents)
    self._assert_refused(message)

  def test_link_to_no_file_is_refused(self):
    self._path.mkdir()
    (self._path / 'configuration.json').symlink_to('nothing')
    self._assert_refused('configuration.json .*found a link to no file')

  @parameterized.parameters('gs://bucket/run', 'file:///tmp/run')
  def test_url_is_refused(self, path):
    with self.assertRaisesRegex(runner.UsageError, f'local.*found {path}'):
      run_directory.RunDirectory(path, {}, 'workers')

  @parameterized.named_parameters(
    ('long_name', 'r' * 256, 'too long'),
    ('long_path', 'r/' * 2000, 'too long'),
    ('nul', 'r\0', 'NUL byte'),
    ('latin_1', 'r\udcfc', r'r\\udcfc, found: a name that is not in UTF-8'),
  )
  def test_impossible_path_is_refused(self, name, message):
    with self.assertRaisesRegex(runner.UsageError, message):
      run_directory.RunDirectory(str(self._path / name), {}, 'workers')

  def test_other_data_are_refused(self):
    directory = run_directory.RunDirectory(
      str(self._path), _CONFIGURATION, 'workers'
    )
    directory.check_data('12ab')
    directory.claim()
    again = run_directory.RunDirectory(
      str(self._path), _CONFIGURATION, 'workers'
    )
    again.check_data('12ab')
    with self.assertRaisesRegex(
      runner.UsageError, 'SHA-256 12ab, found other data, with 34cd'
    ):
      again.check_data('34cd')

  def test_changes_of_the_environment(self):
    self.assertEmpty(self._claim().changed_environment())
    with mock.patch.dict(os.environ, ONEDNN_MAX_CPU_ISA='AVX2'):
      directory = run_directory.RunDirectory(
        str(self._path), _CONFIGURATION, 'device cpu'
      )
    self.assertEqual(
      directory.changed_environment(),
      [
        'runtime: workers before, device cpu now',
        'ONEDNN_MAX_CPU_ISA: default before, AVX2 now',
      ],
    )

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
      directory.file(run_files.CHECKPOINTS), keep_total=2
    )

    async def save():
      for round_num in (2, 9, 11):
        await states.save([np.float32(0)], round_num)

    asyncio.run(save())
    # A state that a killed program has not finished writing.
    os.mkdir(directory.file(run_files.CHECKPOINTS, 'program_state_99_temp7'))
    self.assertEqual(directory.saved_rounds(), 11)


if __name__ == '__main__':
  absltest.main()
