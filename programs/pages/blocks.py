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
"""Generated blocks of a Markdown page, and tables that are not generated.

A block stands between two comments:

  <!-- results: NAME -->
  ...
  <!-- end of results -->

A table of figures outside of a block follows a line of its own that says that
there are no files it could come from, such as *Run before; files not kept.*, or
that code of the page prints it: *Printed by the code above.* In a block, *Not
tested.* stands for a table whose runs are not complete.
"""

from collections.abc import Iterator, Mapping
import re

from programs.command_line import runner

_BEGIN = re.compile(r'<!-- results: (?P<name>[^ ]+) -->')
_END = '<!-- end of results -->'
_BLOCK = re.compile(
  rf'^{_BEGIN.pattern}\n(?P<body>.*?)^{_END}$', re.DOTALL | re.MULTILINE
)
_MARK = re.compile(r'^\*(?:[^*\n]+ not kept|Not tested)\.\*$', re.MULTILINE)
_PRINTED = '*Printed by the code above.*'
_FIGURES = '## Figures'


def read(path: str, text: str) -> dict[str, str]:
  """Returns the contents of the blocks of a page, by name.

  Args:
    path: Path of the page, for messages.
    text: The page.

  Raises:
    UsageError: If a name is there twice, or a block has no end.
  """
  found: dict[str, str] = {}
  for match in _BLOCK.finditer(text):
    if match['name'] in found:
      raise _refusal(path, f'two blocks {match["name"]!r}')
    if _BEGIN.search(match['body']):
      raise _refusal(path, f'no end of block {match["name"]!r}')
    found[match['name']] = match['body']
  if len(_BEGIN.findall(text)) != len(found) or text.count(_END) != len(found):
    raise _refusal(path, 'a comment without its counterpart')
  return found


def replace(text: str, contents: Mapping[str, str]) -> str:
  """Returns a page with other contents of its blocks.

  Args:
    text: The page.
    contents: New contents of blocks, by name, each ending with a line feed.
  """

  def block(match: re.Match[str]) -> str:
    name = match['name']
    body = contents.get(name, match['body'])
    return f'<!-- results: {name} -->\n{body}{_END}'

  return _BLOCK.sub(block, text)


def is_marked(text: str) -> bool:
  """Returns whether a line says that files were not kept, or not made yet."""
  return _MARK.search(text) is not None


def unmarked_tables(text: str) -> Iterator[int]:
  """Yields the lines of tables of figures that neither come from files nor say.

  Args:
    text: A page. Its tables of figures are those below a heading "Figures".
  """
  in_figures = in_block = in_table = False
  before = ''
  for number, line in enumerate(text.splitlines(), 1):
    if line.startswith('## '):
      in_figures = line.startswith(_FIGURES)
    in_block = (in_block or bool(_BEGIN.match(line))) and line != _END
    is_table = line.startswith('|')
    begins = is_table and not in_table
    in_table = is_table
    says_origin = before == _PRINTED or is_marked(before)
    if begins and in_figures and not in_block and not says_origin:
      yield number
    if line and not is_table:
      before = line


def _refusal(path: str, found: str) -> runner.UsageError:
  return runner.UsageError(
    f'Expected {path} to have blocks <!-- results: NAME --> … {_END} of '
    f'different names, found {found}; correct the comments.'
  )
