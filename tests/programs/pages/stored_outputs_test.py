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
"""Tests of outputs of programs; the programs are not run."""

import json
import pathlib
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import runner
from programs.command_line import stop_signals
from programs.pages import descriptions
from programs.pages import stored_outputs
from tests.programs.pages import small_repository

_DESCRIPTION = """
[times]
command = 'programs.bench --part=rounds'
[labels]
command = 'programs.label_report --data_dir=DIRECTORY --output_dir=output/x'
pictures = ['ranks']
"""
_PRINTED = '| a |\n| - |\n| 1 |\n\nTwo cores.\n'


class StoredOutputsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    self._results = self._root / 'results'
    small_repository.write_page(self._root, _DESCRIPTION, '')
    (self._page,) = descriptions.read_all(self._results)
    self._commands = []

  def _make_missing(self, fails=(), data_dir=None, draws=True):
    def run(command, stop, stdout=None):
      del stop  # Unused.
      self._commands.append(command)
      stdout.write(_PRINTED.encode())
      if draws and 'programs.label_report' in command:
        drawn = self._root / 'output/x/ranks.png'
        drawn.parent.mkdir(parents=True, exist_ok=True)
        drawn.write_bytes(b'picture')
      return 3 if command[2] in fails else 0

    with mock.patch('programs.command_line.child_process.run', run):
      return stored_outputs.make_missing(
        self._results, self._page, stop_signals.StopSignals(), data_dir
      )

  def _text(self):
    return stored_outputs.text(self._results, self._page.outputs[0])

  def test_runs_what_is_missing(self):
    times, labels = self._page.outputs
    self.assertFalse(stored_outputs.is_complete(self._results, times))
    self.assertEqual(self._make_missing(data_dir='a dir'), 0)
    start = [sys.executable, '-m']
    self.assertEqual(
      self._commands,
      [
        [*start, 'programs.bench', '--part=rounds'],
        [
          *(*start, 'programs.label_report', '--data_dir=a dir'),
          '--output_dir=output/x',
        ],
      ],
    )
    self.assertTrue(stored_outputs.is_complete(self._results, times))
    # Paths of the machine are not kept.
    self.assertIn(
      '`.venv/bin/python -m programs.label_report --data_dir=DIRECTORY '
      '--output_dir=output/x`: ',
      stored_outputs.text(self._results, labels).replace('\n', ' '),
    )
    picture = self._root / 'docs/pictures/page_ranks.png'
    self.assertEqual(picture.read_bytes(), b'picture')
    for path in self._results.glob('page/*/*'):
      self.assertNotIn('a dir', path.read_text(), path)
    self._commands.clear()
    self.assertEqual(self._make_missing(), 0)
    self.assertEmpty(self._commands)

  def test_text_has_its_origin(self):
    self._make_missing()
    path = self._results / 'page' / 'times' / 'origin.json'
    origin = json.loads(path.read_text())
    self.assertEqual(origin['command'], 'programs.bench --part=rounds')
    origin['environment'] |= {
      'processor': 'Abacus',
      'cores': '2',
      'tensorflow': '2.14.1',
    }
    path.write_text(json.dumps(origin | {'seconds': 12.3}))
    self.assertEqual(
      self._text(),
      f'{_PRINTED}\n`.venv/bin/python -m programs.bench --part=rounds`: Abacus,'
      ' 2 cores, TensorFlow\n2.14.1; 12 s.\n',
    )

  def test_failure_leaves_nothing_and_others_run(self):
    self.assertEqual(self._make_missing(fails=['programs.bench']), 3)
    self.assertEmpty(list(self._results.glob('page/times/*')))
    self.assertLen(self._commands, 2)
    self._commands.clear()
    self.assertEqual(self._make_missing(), 0)
    self.assertLen(self._commands, 1)

  def test_makes_an_output_without_its_picture_again(self):
    _, labels = self._page.outputs
    self._make_missing()
    (self._root / 'docs/pictures/page_ranks.png').unlink()
    self.assertFalse(stored_outputs.is_complete(self._results, labels))
    # The picture of the earlier command does not stand for that of this one.
    self.assertEqual(self._make_missing(draws=False), 1)
    self.assertFalse(stored_outputs.is_complete(self._results, labels))
    self.assertEqual(self._make_missing(), 0)
    self.assertTrue(stored_outputs.is_complete(self._results, labels))

  def test_refuses_the_output_of_another_command(self):
    self._make_missing()
    path = self._results / 'page' / 'times' / 'origin.json'
    path.write_text(path.read_text().replace('rounds', 'errors'))
    with self.assertRaisesRegex(
      runner.UsageError,
      'times with the output of .*part=rounds.* for the block times, found: '
      '.*part=errors; remove .*make results PAGE=page',
    ):
      self._text()

  @parameterized.parameters('', '[]', '{}', '{"command": "x"}')
  def test_refuses_a_damaged_origin(self, contents):
    self._make_missing()
    path = self._results / 'page' / 'times' / 'origin.json'
    path.write_text(contents)
    with self.assertRaisesRegex(
      runner.UsageError, 'Expected files in .*times for the block times, found'
    ):
      self._text()

  def test_refuses_missing_files(self):
    with self.assertRaisesRegex(runner.UsageError, 'found: .*No such file'):
      self._text()


if __name__ == '__main__':
  absltest.main()
