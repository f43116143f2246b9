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
"""Tests of generated blocks of pages."""

import textwrap

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import runner
from programs.pages import blocks

_PAGE = textwrap.dedent("""\
  # Page

  <!-- results: one -->

  | a |
  <!-- end of results -->

  Text.

  <!-- results: two -->
  <!-- end of results -->
""")


class BlocksTest(parameterized.TestCase):
  def test_read(self):
    self.assertEqual(
      blocks.read('page.md', _PAGE), {'one': '\n| a |\n', 'two': ''}
    )

  def test_replaces_named_blocks_alone(self):
    new_page = blocks.replace(_PAGE, {'two': 'new \\1\n'})
    self.assertEqual(new_page, _PAGE.replace('two -->\n', 'two -->\nnew \\1\n'))
    self.assertEqual(blocks.read('page.md', new_page)['two'], 'new \\1\n')

  @parameterized.named_parameters(
    ('twice', _PAGE + _PAGE, "two blocks 'one'"),
    (
      'no_end',
      _PAGE.replace('<!-- end of results -->\n\nText', 'Text'),
      "no end of block 'one'",
    ),
    ('last_without_end', _PAGE[:-24], 'without its counterpart'),
    ('no_begin', 'a\n<!-- end of results -->\n', 'without its counterpart'),
  )
  def test_refuses(self, page, message):
    with self.assertRaisesRegex(runner.UsageError, f'page.md.*{message}'):
      blocks.read('page.md', page)


class UnmarkedTablesTest(parameterized.TestCase):
  def test_tables_of_figures(self):
    page = textwrap.dedent("""\
      | no figures |

      ## Figures

      <!-- results: one -->

      | generated |
      | --- |

      <!-- end of results -->

      Text.

      | found |
      | --- |

      *Run before; files not kept.*

      | marked |
      | --- |

      *Printed by the code above.*

      | printed |
      | --- |

      ### Part

      | found, too |

      ## Options

      | no figures |
    """)
    lines = [page.splitlines()[n - 1] for n in blocks.unmarked_tables(page)]
    self.assertEqual(lines, ['| found |', '| found, too |'])

  @parameterized.parameters(
    ('*Run before; files not kept.*', True),
    ('a\n*Measured before; output not kept.*\nb', True),
    ('Files were not kept.', False),
    ('a *files not kept.* b', False),
  )
  def test_mark(self, text, expected):
    self.assertEqual(blocks.is_marked(text), expected)

  @parameterized.parameters(
    ('*Run before; files not kept.*', True),
    ('*Not tested.*', True),
    ('Not tested.', False),
    ('*Not kept at all.*', False),
  )
  def test_marks(self, line, expected):
    self.assertEqual(blocks.is_marked(f'Text.\n\n{line}\n'), expected)


if __name__ == '__main__':
  absltest.main()
