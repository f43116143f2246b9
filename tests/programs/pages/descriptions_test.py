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
"""Tests of descriptions of tables."""

import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import runner
from programs.pages import descriptions

_TABLE = """
[digits]
columns = ['accuracy']
seeds = [0, 2]
[digits.rows]
'other/plain' = 'Plain'
'small-bits=2-rate=1e-3' = 'Small'
"""


class DescriptionsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))

  def _read(self, text, name='page'):
    path = self._dir / name / descriptions.FILE
    path.parent.mkdir()
    path.write_text(text)
    return descriptions.read_all(self._dir)

  def test_table(self):
    (page,) = self._read(f"page = 'a.md'\n{_TABLE}")
    self.assertEqual((page.name, page.path), ('page', 'a.md'))
    (table,) = page.tables
    self.assertEqual(
      (table.name, table.heading, table.columns, table.seeds, table.at),
      ('digits', ('run',), ('accuracy',), (0, 2), 'last'),
    )
    first, second = table.rows
    self.assertEqual(first.run, descriptions.Run('other', 'plain'))
    self.assertEqual(first.labels, ('Plain',))
    self.assertEqual(first.run.flags, [])
    self.assertEqual(second.run.page, 'page')
    self.assertEqual(second.run.flagfile, 'programs/flagfiles/small.flags')
    self.assertEqual(second.run.flags, ['bits=2', 'rate=1e-3'])

  def test_several_labels(self):
    (page,) = self._read(
      "page = 'a.md'\n[t]\ncolumns = ['accuracy']\nseeds = [0]\nat = 'best'\n"
      "heading = ['up', 'down']\n[t.rows]\nplain = ['2 bits', '8 bits']\n"
    )
    (table,) = page.tables
    self.assertEqual(table.heading, ('up', 'down'))
    self.assertEqual(table.rows[0].labels, ('2 bits', '8 bits'))
    self.assertEqual(table.at, 'best')
    self.assertEmpty(table.pictures)

  def test_pictures(self):
    text = _TABLE.replace('seeds', "pictures = ['traffic', 'x']\nseeds")
    (page,) = self._read(f"page = 'a.md'\n{text}")
    self.assertEqual(page.tables[0].pictures, ('traffic', 'x'))

  def test_target_on_a_network(self):
    lines = "target = 'loss=0.1'\nnetwork = 'wan'\nclient_seconds = 2\n"
    text = _TABLE.replace('seeds', f'{lines}seeds')
    (page,) = self._read(f"page = 'a.md'\n{text}")
    (table,) = page.tables
    self.assertEqual(
      (table.target, table.network, table.client_seconds),
      ('loss=0.1', 'wan', 2),
    )

  def test_output_of_a_program(self):
    (page,) = self._read(
      "page = 'a.md'\n[times]\ncommand = \"programs.bench --x='a b'\"\n"
    )
    self.assertEmpty(page.tables)
    (output,) = page.outputs
    self.assertEqual((output.page, output.name), ('page', 'times'))
    self.assertEqual(output.command, ('programs.bench', '--x=a b'))
    self.assertEmpty(output.pictures)

  def test_pages_in_order(self):
    self._read("page = 'b.md'", 'b')
    pages = self._read("page = 'a.md'", 'a')
    self.assertEqual([page.name for page in pages], ['a', 'b'])

  @parameterized.named_parameters(
    ('no_toml', 'page', 'Expected'),
    ('no_page', _TABLE, 'None as page'),
    ('no_table', "page = 'a'\ndigits = 3", '3 as digits'),
    ('unknown', f"page = 'a'{_TABLE}[digits.more]", "'more' in digits"),
    ('seeds', f"page = 'a'{_TABLE.replace('0, 2', '0.5')}", r'\[0.5\] as digi'),
    ('no_seed', f"page = 'a'{_TABLE.replace('0, 2', '')}", r'\[\] as digits.s'),
    (
      'pictures',
      "page = 'a'" + _TABLE.replace('seeds', "pictures = 'x'\nseeds"),
      "'x' as digits.pictures",
    ),
    ('labels', f"page = 'a'{_TABLE}'x' = ['a', 'b']", 'as labels of x'),
    ('name_twice', f"page = 'a'{_TABLE}'plain' = 'a'", "two runs 'plain'"),
    ('label_twice', f"page = 'a'{_TABLE}'x' = 'Plain'", 'two rows'),
    ('long', f"page = 'a'{_TABLE}'{'x' * 256}' = 'a'", "xxx' as a run"),
    ('no_name', f"page = 'a'{_TABLE}'page/' = 'a'", "'page/' as a run"),
    (
      'at',
      "page = 'a'" + _TABLE.replace('seeds', 'at = "x"\nseeds'),
      "'x' as digits.at",
    ),
    (
      'network',
      "page = 'a'" + _TABLE.replace('seeds', 'network = 3\nseeds'),
      '3 as digits.network',
    ),
    ('no_command', "page = 'a'\n[t]\ncommand = 3", '3 as t.command'),
    ('shell', "page = 'a'\n[t]\ncommand = 'ls'", "'ls' as t.command"),
    ('quoted', "page = 'a'\n[t]\ncommand = '\"programs.'", 'as t.command'),
    (
      'pictures_without_directory',
      "page = 'a'\n[t]\ncommand = 'programs.x'\npictures = ['x']",
      r"\['x'\] as t.pictures",
    ),
    (
      'path_of_a_picture',
      "page = 'a'\n[t]\ncommand = 'programs.x --output_dir=o'\n"
      "pictures = ['../x']",
      r"\['../x'\] as t.pictures",
    ),
    (
      'picture_twice',
      "page = 'a'\n"
      + '\n'.join(
        f"[{name}]\ncommand = 'programs.x --output_dir=o'\npictures = ['x']"
        for name in 'tu'
      ),
      r"\['x', 'x'\] as pictures of outputs",
    ),
    (
      'pictures_of_a_command',
      "page = 'a'\n[t]\ncommand = 'programs.x'\npictures = [3]",
      r'\[3\] as t.pictures',
    ),
    (
      'beside_a_command',
      "page = 'a'\n[t]\ncommand = 'programs.x'\nseeds = [0]",
      "'seeds' beside the command of t",
    ),
    (
      'path',
      "page = 'a'\n['../t']\ncommand = 'programs.x'",
      "'../t' as the name of an output",
    ),
    ('no_rows', "page = 'a'\n[t]\ncolumns = ['a']\nseeds = [0]", 'None as t.r'),
  )
  def test_refuses(self, text, message):
    with self.assertRaisesRegex(runner.UsageError, f'tables.toml.*{message}'):
      self._read(text)


if __name__ == '__main__':
  absltest.main()
