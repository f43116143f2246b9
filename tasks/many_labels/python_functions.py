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
"""Names, arguments, docstrings and used names of the functions in a module."""

import ast
from collections.abc import Iterator
import dataclasses
from typing import NamedTuple

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclasses.dataclass(frozen=True)
class Function:
  """A function in source code.

  Attributes:
    name: Name of the function.
    arguments: Names of its arguments.
    docstring: Its docstring; empty if there is none.
    calls: Names of the called functions, the last name of `a.b.c()`, in its
      body and in nested functions.
    identifiers: All names in its body and in nested functions: of variables,
      attributes and keywords, without those of its own arguments.
  """

  name: str
  arguments: tuple[str, ...]
  docstring: str
  calls: frozenset[str]
  identifiers: frozenset[str]


class _Names(NamedTuple):
  """Names in the body of a function: of calls, and all of them."""

  calls: set[str]
  identifiers: set[str]


def find_functions(source: bytes) -> list[Function]:
  """Finds the functions of a module, including methods and nested functions.

  Decorators, defaults and annotations are not part of the body.

  Args:
    source: Source code of the module.

  Returns:
    The functions, by line and column.

  Raises:
    SyntaxError: If this Python cannot parse the source.
  """
  found = []
  # Each node with the names of its enclosing functions.
  stack: list[tuple[ast.AST, tuple[_Names, ...]]] = [(ast.parse(source), ())]
  while stack:
    node, enclosing = stack.pop()
    if isinstance(node, _FUNCTIONS):
      names = _Names(set(), set())
      found.append((node, names))
      inside = (*enclosing, names)
      stack.extend((child, inside) for child in node.body)
      stack.append((node.args, enclosing))
      stack.extend((child, enclosing) for child in node.decorator_list)
      continue
    if enclosing:
      _add_names(node, enclosing)
    for child in _children(node):
      # Outside of functions, expressions have nothing to collect.
      if enclosing or not isinstance(child, ast.expr):
        stack.append((child, enclosing))
  found.sort(key=lambda pair: (pair[0].lineno, pair[0].col_offset))
  return [_function(node, names) for node, names in found]


def _add_names(node: ast.AST, enclosing: tuple[_Names, ...]) -> None:
  """Adds the name of a node, without those below it."""
  if isinstance(node, ast.Call):
    name = getattr(node.func, 'attr', None) or getattr(node.func, 'id', None)
    if name:
      for names in enclosing:
        names.calls.add(name)
    return
  name = None
  if isinstance(node, ast.Name):
    name = node.id
  elif isinstance(node, ast.Attribute):
    name = node.attr
  elif isinstance(node, ast.keyword):
    name = node.arg
  if name:
    for names in enclosing:
      names.identifiers.add(name)


def _children(node: ast.AST) -> Iterator[ast.AST]:
  """Yields the children of a node, without leaves such as `ast.Load`."""
  for name in node._fields:
    value = getattr(node, name, None)
    if isinstance(value, list):
      yield from (child for child in value if isinstance(child, ast.AST))
    elif isinstance(value, ast.AST) and value._fields:
      yield value


def _function(
  node: ast.FunctionDef | ast.AsyncFunctionDef, names: _Names
) -> Function:
  a = node.args
  arguments = [*a.posonlyargs, *a.args, a.vararg, *a.kwonlyargs, a.kwarg]
  argument_names = tuple(argument.arg for argument in arguments if argument)
  return Function(
    node.name,
    argument_names,
    ast.get_docstring(node, clean=False) or '',
    frozenset(names.calls),
    frozenset(names.identifiers.difference(argument_names)),
  )
