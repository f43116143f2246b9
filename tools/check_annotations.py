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
"""Checks that public functions have types for all their parameters.

  python tools/check_annotations.py [PATH]...

Public are the functions at the top level of modules and the methods of classes
there, if neither they nor their class begin with an underscore. Functions
inside of functions are not: TFF infers the types of most of them. Prints one
line for each finding; the exit code is 1 if there are any.
"""

import argparse
import ast
from collections.abc import Iterator, Sequence
import os
import pathlib
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_DEFAULT_PATHS = ('tff_methods', 'tasks', 'programs', 'tools')


def main(arguments: Sequence[str] | None = None) -> int:
  """Prints the findings; returns 1 if there are any, else 0."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument(
    'paths',
    nargs='*',
    type=pathlib.Path,
    default=[_ROOT / path for path in _DEFAULT_PATHS],
    help='files or directories; by default all but tests',
  )
  found = 0
  for path in parser.parse_args(arguments).paths:
    for source in sorted(path.rglob('*.py')) if path.is_dir() else [path]:
      for line, function, names in findings(source.read_text()):
        place = f'{os.path.relpath(source)}:{line}'
        print(f'{place}: {function} has no types for {", ".join(names)}')
        found += 1
  return int(found > 0)


def findings(source: str) -> Iterator[tuple[int, str, list[str]]]:
  """Yields line, name and parameters without a type of public functions."""
  for name, function in _public_functions(ast.parse(source).body):
    arguments = function.args
    parameters = [
      *arguments.posonlyargs,
      *arguments.args,
      arguments.vararg,
      *arguments.kwonlyargs,
      arguments.kwarg,
    ]
    if '.' in name and not _is_static(function):
      parameters = parameters[1:]
    missing = [p.arg for p in parameters if p and p.annotation is None]
    if missing:
      yield function.lineno, name, missing


def _public_functions(
  body: Sequence[ast.stmt], prefix: str = ''
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
  """Yields the public functions and methods with their dotted names."""
  for node in body:
    match node:
      case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
        if not name.startswith('_') or name == '__init__':
          yield prefix + name, node
      case ast.ClassDef(name=name) if not name.startswith('_'):
        yield from _public_functions(node.body, f'{prefix}{name}.')


def _is_static(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
  return any(
    isinstance(decorator, ast.Name) and decorator.id == 'staticmethod'
    for decorator in function.decorator_list
  )


if __name__ == '__main__':
  sys.exit(main())
