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
"""The command `tff-methods`, which runs a program by its name."""

import ast
import pathlib
import pkgutil
import runpy
import signal
import sys

import programs

_HELP_FLAGS = ('--help', '-help', '-h', '-?')
_USAGE_EXIT_CODE = 2


def main() -> int:
  """Runs `programs.NAME` for the command `tff-methods NAME ...`.

  Returns:
    The exit code, unless the program ends the process.
  """
  (_, *arguments) = sys.argv
  names = program_names()
  if not arguments or arguments[0] in _HELP_FLAGS:
    print(_help(names))
    return 0 if arguments else _USAGE_EXIT_CODE
  (name, *_) = arguments
  if name not in names:
    print(
      f'tff-methods: Expected a program of {", ".join(names)}, found {name!r}; '
      'give its name first.',
      file=sys.stderr,
    )
    return _USAGE_EXIT_CODE
  # As with `python -m`, where `programs` itself does it.
  signal.signal(signal.SIGINT, programs.stop_while_importing)
  programs.handle_signals_while_importing()
  sys.argv = arguments
  runpy.run_module(f'programs.{name}', run_name='__main__', alter_sys=True)
  return 0


def program_names() -> list[str]:
  """Returns the names of the programs, in alphabetical order."""
  return sorted(
    module.name
    for module in pkgutil.iter_modules(programs.__path__)
    if not module.ispkg
  )


def _help(names: list[str]) -> str:
  """Returns the first line of each program's docstring; imports none."""
  lines = ['tff-methods PROGRAM --help shows the flags of a program.', '']
  width = max(map(len, names))
  for name in names:
    (directory,) = programs.__path__
    source = pathlib.Path(directory, f'{name}.py').read_text(encoding='utf-8')
    docstring = ast.get_docstring(ast.parse(source)) or ''
    lines.append(f'  {name:{width}}  {docstring.partition(chr(10))[0]}')
  return '\n'.join(lines)


if __name__ == '__main__':
  sys.exit(main())
