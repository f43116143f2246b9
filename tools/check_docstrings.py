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
"""Checks that docstrings, flag help and error messages name their subject.

  python tools/check_docstrings.py [PATH]...

Checks the Python files at or below each path, by default the whole repository.
No text may open with a question word ("Whether the ..."), nor contain one of
the phrases in `_PHRASES`. Prints one line for each finding; the exit code is 1
if there are any.
"""

import argparse
import ast
from collections.abc import Iterator, Sequence
import inspect
import os
import pathlib
import re
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_DEFAULT_PATHS = ('tff_methods', 'tasks', 'programs', 'tools', 'tests')
_OPENING = re.compile(
  r'(?:What|Who|Whom|Whose|Where|How|Whether|Which|Returns? what)\b',
  re.IGNORECASE,
)
# An entry of a section explains a name, so these open a fragment.
_ENTRY_OPENING = re.compile(rf'(?:Of|That)\b|{_OPENING.pattern}', re.IGNORECASE)
_PHRASES = re.compile(
  r'\b(?:what is|what has|anew|for ever|as there\b(?! (?:is|are)\b))',
  re.IGNORECASE,
)
_SECTION = re.compile(
  r'^(?P<title>Args|Attributes|Returns|Yields|Raises):\n'
  r'(?P<body>(?:[ \t]+.*\n|\n)*)',
  re.MULTILINE,
)
_ENTRY = re.compile(r'\**[\w.`]+(?: \([^)]*\))?:\s+(?P<text>.*)', re.DOTALL)

# A text to check, and the line that it begins at.
_Text = tuple[int, str]


def main(arguments: Sequence[str] | None = None) -> int:
  """Prints the findings; returns 1 if there are any, else 0."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument(
    'paths',
    nargs='*',
    type=pathlib.Path,
    default=[_ROOT / path for path in _DEFAULT_PATHS],
    help='files or directories; the whole repository by default',
  )
  found = 0
  for path in parser.parse_args(arguments).paths:
    for source in sorted(path.rglob('*.py')) if path.is_dir() else [path]:
      for line, message in findings(source.read_text()):
        print(f'{os.path.relpath(source)}:{line}: {message}')
        found += 1
  if found:
    print(f'Found {found} texts to rewrite (CONTRIBUTING.md, "Language").')
  return int(found > 0)


def findings(source: str) -> Iterator[tuple[int, str]]:
  """Yields the line and a description of each finding in Python code."""
  module = ast.parse(source)
  for line, docstring in _docstrings(module):
    yield from _check('docstring', line, docstring, _OPENING)
    for entry_line, entry in _entries(line, docstring):
      yield from _check_opening('entry', entry_line, entry, _ENTRY_OPENING)
  for line, text in _flag_help(module):
    yield from _check('help', line, text, _OPENING)
  for line, text in _error_messages(module):
    yield from _check('error message', line, text, _OPENING)


def _check(
  kind: str, line: int, text: str, opening: re.Pattern[str]
) -> Iterator[tuple[int, str]]:
  """Yields the findings in a text: its opening, and the phrases in it."""
  yield from _check_opening(kind, line, text, opening)
  for match in _PHRASES.finditer(' '.join(text.split())):
    yield line, f'{kind} contains {match[0]!r}'


def _check_opening(
  kind: str, line: int, text: str, opening: re.Pattern[str]
) -> Iterator[tuple[int, str]]:
  if match := opening.match(text.lstrip()):
    yield line, f'{kind} begins with {match[0]!r}'


def _docstrings(module: ast.Module) -> Iterator[_Text]:
  """Yields the docstrings of a module and of all that it defines."""
  kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
  for node in ast.walk(module):
    if isinstance(node, kinds) and (
      text := ast.get_docstring(node, clean=False)
    ):
      yield node.body[0].lineno, inspect.cleandoc(text)


def _entries(line: int, docstring: str) -> Iterator[_Text]:
  """Yields the entries of a docstring's sections, without their names."""
  for section in _SECTION.finditer(docstring + '\n'):
    start = line + docstring.count('\n', 0, section.start('body'))
    body = inspect.cleandoc('\n' + section['body'])
    if section['title'] in ('Returns', 'Yields'):
      yield start, body
      continue
    for offset, text in enumerate(body.split('\n')):
      # A line that is not indented begins an entry.
      if text[:1].strip() and (entry := _ENTRY.match(text)):
        yield start + offset, entry['text']


def _flag_help(module: ast.Module) -> Iterator[_Text]:
  """Yields help texts: of `flags.DEFINE_*`, and of all arguments `help`."""
  for call in ast.walk(module):
    if not isinstance(call, ast.Call):
      continue
    helps = [k.value for k in call.keywords if k.arg == 'help']
    name = getattr(call.func, 'attr', getattr(call.func, 'id', ''))
    if name.startswith('DEFINE_') and len(call.args) > 2:
      helps.append(call.args[-1])
    yield from ((node.lineno, _literal(node)) for node in helps)


def _error_messages(module: ast.Module) -> Iterator[_Text]:
  """Yields the arguments of the exceptions that are raised."""
  for node in ast.walk(module):
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
      yield from ((a.lineno, _literal(a)) for a in node.exc.args)


def _literal(node: ast.expr) -> str:
  """Returns the literal text of an expression, with `{}` for the rest."""
  match node:
    case ast.Constant(value=str(text)):
      return text
    case ast.JoinedStr(values=parts):
      return ''.join(map(_literal, parts))
    case ast.BinOp(left=left, op=ast.Add(), right=right):
      return _literal(left) + _literal(right)
    case ast.IfExp(body=body, orelse=orelse):
      return f'{_literal(body)} {_literal(orelse)}'
  return '{}'


if __name__ == '__main__':
  sys.exit(main())
