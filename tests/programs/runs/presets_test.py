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
"""Tests for presets."""

import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import runner
from programs.runs import presets


class ReadTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    self._files = []
    for name in ('plain', 'small'):
      path = self._path / f'{name}.flags'
      path.write_text('--task=digits')
      self._files.append(str(path))

  def _read(self, *variations: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(p.name, p.flags) for p in presets.read(self._files, variations)]

  def test_files(self):
    found = presets.read(self._files, [])
    self.assertEqual([p.flagfile for p in found], self._files)
    self.assertEqual(self._read(), [('plain', ()), ('small', ())])

  def test_all_combinations(self):
    expected = []
    for name in ('plain', 'small'):
      for rate in ('0.1', '1'):
        for bits in ('1', '2'):
          expected.append(
            (
              f'{name}-client_learning_rate={rate}-bits={bits}',
              (f'--client_learning_rate={rate}', f'--bits={bits}'),
            )
          )
    self.assertEqual(
      self._read('client_learning_rate=0.1,1', 'bits=1,2'), expected
    )

  def test_of_one_file(self):
    self.assertEqual(
      self._read('small:bits=2'),
      [('plain', ()), ('small-bits=2', ('--bits=2',))],
    )

  def test_of_all_files_and_of_one(self):
    names = [name for name, _ in self._read('bits=1,2', 'small:fraction=.1,1')]
    expected = ['plain-bits=1', 'plain-bits=2']
    for bits in (1, 2):
      expected += [f'small-bits={bits}-fraction={f}' for f in ('.1', '1')]
    self.assertEqual(names, expected)

  def test_values_with_colons_and_paths_make_one_directory(self):
    ((_, _), (name, flags)) = self._read('small:data_dir=/a:b/c')
    self.assertEqual(flags, ('--data_dir=/a:b/c',))
    self.assertNotIn('/', name)

  @parameterized.parameters(
    ('bits', 'FLAG=VALUE.*found .bits.'),
    ('bits=', 'FLAG=VALUE.*found .bits=.'),
    ('bits=1,,2', 'FLAG=VALUE.*found .bits=1,,2.'),
    ('bits=1,1', 'different values.*found .bits=1,1.'),
    ('--bits=1', 'FLAG=VALUE.*found .--bits=1.'),
    ('seed=1', "flags of the training.*found 'seed'.*--seeds"),
    ('small:output_dir=/x', "flags of the training.*found 'output_dir'"),
    ('dry_run=false', "flags of the training.*found 'dry_run'"),
    ('other:bits=1', r"one of \['plain', 'small'\], found 'other'"),
  )
  def test_refuses(self, variation, message):
    with self.assertRaisesRegex(runner.UsageError, message):
      self._read(variation)

  def test_refuses_a_flag_twice(self):
    with self.assertRaisesRegex(
      runner.UsageError, "'small' once.*'bits' twice"
    ):
      self._read('bits=1', 'small:bits=2')


if __name__ == '__main__':
  absltest.main()
