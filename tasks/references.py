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
"""Functions and files that users name, as `module:function`; no TensorFlow."""

from collections.abc import Callable, Iterable
import importlib
import importlib.util
import inspect
import os
import re
import sys
import traceback
from typing import Any

_REFERENCE = re.compile(r'[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*')


def is_reference(text: str) -> bool:
  """Returns whether a text has the form `module:function`."""
  return _REFERENCE.fullmatch(text) is not None


def source_file(reference: str) -> str:
  """Finds the file of a reference's module, without importing the module.

  Args:
    reference: Text of the form `module:function`. A module is looked up in the
      working directory, too.

  Returns:
    Path of the module's source.

  Raises:
    ValueError: If there is no such module, or it has no source.
  """
  module, _, _ = reference.partition(':')
  _look_in_working_directory()
  try:
    spec = importlib.util.find_spec(module)
  except Exception as e:  # Packages around the module are imported.
    raise _cannot_import(reference, e) from e
  if spec is None:
    raise ValueError(
      f'Expected a module {module!r} for {reference!r}, found none in '
      f'{os.getcwd()} or the installed packages: correct the name, or set '
      'PYTHONPATH.'
    )
  if spec.origin is None or not os.path.isfile(spec.origin):
    raise ValueError(
      f'Expected a module with a file for {reference!r}, found '
      f'{spec.origin or "a directory"}: name a module.'
    )
  return spec.origin


def load(reference: str) -> Callable[..., Any]:
  """Imports the function that a reference names.

  Args:
    reference: Text of the form `module:function`.

  Returns:
    The function.

  Raises:
    ValueError: If the module cannot be imported, or has no such function.
  """
  path = source_file(reference)
  module, _, name = reference.partition(':')
  try:
    value: Any = importlib.import_module(module)
  except Exception as e:
    raise _cannot_import(reference, e) from e
  for part in name.split('.'):
    if not hasattr(value, part):
      raise ValueError(
        f'Expected a function {name!r} in {path}, found none: correct the name.'
      )
    value = getattr(value, part)
  if not callable(value):
    raise ValueError(
      f'Expected {reference!r} to be a function, found '
      f'{type(value).__name__}: name a function.'
    )
  return value


def call(
  reference: str,
  arguments: dict[str, Any],
  required: Iterable[str] = (),
) -> Any:
  """Calls the function that a reference names.

  Args:
    reference: Text of the form `module:function`.
    arguments: Arguments by name. The function gets those that it takes.
    required: Names of arguments that it must take.

  Returns:
    The result of the function.

  Raises:
    ValueError: If the function does not take a required argument, or takes
      others without a default, or raises an exception.
  """
  function = load(reference)
  parameters = inspect.signature(function).parameters.values()
  takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
  names = {
    p.name
    for p in parameters
    if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
  }
  for name in required:
    if not takes_all and name not in names:
      raise ValueError(
        f'Expected {reference!r} to take `{name}`, which is given, found '
        f'arguments ({", ".join(sorted(names))}): add it, or leave out its '
        'flags.'
      )
  for p in parameters:
    is_variable = p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    if not is_variable and p.default is p.empty and p.name not in arguments:
      raise ValueError(
        f'Expected {reference!r} to take arguments of '
        f'({", ".join(sorted(arguments))}), found `{p.name}`: give it a '
        'default.'
      )
  taken = {n: v for n, v in arguments.items() if takes_all or n in names}
  try:
    return function(**taken)
  except Exception as e:
    raise ValueError(
      f'Expected a result of {reference!r}, found {describe_error(e)}: correct '
      'the function.'
    ) from e


def describe_error(error: Exception) -> str:
  """Returns an exception and its place as one line.

  Args:
    error: An exception that was raised.
  """
  frames = traceback.extract_tb(error.__traceback__)
  place = (
    f' in {frames[-1].filename}, line {frames[-1].lineno}' if frames else ''
  )
  message = ' '.join(str(error).split())
  return f'{type(error).__name__}: {message[:300]}{place}'


def _look_in_working_directory() -> None:
  # As `python -m` does; console scripts and notebooks differ.
  if '' not in sys.path and os.getcwd() not in sys.path:
    sys.path.insert(0, os.getcwd())


def _cannot_import(reference: str, error: Exception) -> ValueError:
  return ValueError(
    f'Expected to import the module of {reference!r}, found '
    f'{describe_error(error)}: correct it.'
  )
