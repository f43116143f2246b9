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
"""Command line runner: flags, help, refusals and exit codes of programs."""

import atexit
from collections.abc import Callable, Mapping, Sequence
import contextlib
import itertools
import os
import re
import signal
import sys
from typing import NoReturn

from absl import app
from absl import flags
from absl import logging

import programs
from programs.command_line import flag_files
from programs.command_line import help_text
from programs.command_line import kernels
from tff_methods.common import argument_checks

_HELP_FLAGS = ('-h', '-?') + tuple(
  f'{dashes}{name}'
  for dashes in ('-', '--')
  for name in ('help', 'helpshort', 'helpfull', 'helpxml')
)
_USAGE_EXIT_CODE = 2
_MAX_INT = 2**31 - 1
_MAX_WORD = 400  # Characters of a word in a message.
_BYTE_ORDER_MARK = '\ufeff'
_FLAG = re.compile(r'--?(?P<name>\w+)(?:=(?P<value>.*))?', re.DOTALL)


class UsageError(Exception):
  """A request that cannot be carried out; the message is one line."""


def run(
  main: Callable[[], int],
  argv: Sequence[str] | None = None,
  sections: Mapping[str, Sequence[flags.FlagHolder]] | None = None,
  defaults: Mapping[str, Mapping[str, object]] | None = None,
) -> NoReturn:
  """Parses the command line, runs `main`, and exits with the code it returns.

  A bad command line, and a `UsageError` that `main` raises, end the program
  with exit code 2 and one line on standard error. `--help` prints the
  docstring of the program and its flags, and ends with exit code 0. A program
  that has a process of its own chooses TensorFlow's kernels (see `kernels`).

  Args:
    main: The program.
    argv: Name of the program and its arguments. Default: those of the process.
    sections: Flags in `--help`, by title. Default: all key flags of the
      program.
    defaults: Defaults in `--help` that replace those of the flags, by title
      and name of the flag.
  """
  is_process = signal.getsignal(signal.SIGINT) is programs.stop_while_importing
  for signum, handler in programs.HANDLERS.items():
    if signal.getsignal(signum) is programs.stop_while_importing:
      signal.signal(signum, handler)
  if is_process:
    kernels.choose(os.environ)
  argv = argv or sys.argv
  name, _ = os.path.splitext(os.path.basename(argv[0]))
  module = sys.modules[main.__module__]
  if any(argument in _HELP_FLAGS for argument in argv[1:]):
    print(help_text.help_text(module, sections, defaults))
    sys.exit(0)

  def refuse(message: str) -> NoReturn:
    words = (_shorten(word) for word in message.split())
    print(f'{name}: {" ".join(words)}', file=sys.stderr)
    sys.exit(_USAGE_EXIT_CODE)

  # Not `app.run`: after it, TensorFlow's import, which some programs leave to
  # `main`, looks for GPUs before it enables eager execution.
  app.define_help_flags()
  try:
    given = _read_flag_files([flag_files.resolve(a) for a in argv[1:]])
    _check_numbers(given)
    arguments = flags.FLAGS([argv[0], *given])
  except UsageError as e:
    refuse(str(e))
  except flags.Error as e:
    refuse(str(e).removeprefix('ERROR:: '))
  except UnicodeDecodeError as e:
    refuse(f'Expected text in the file of --flagfile, found {e}.')
  except (OSError, ValueError) as e:
    # Values of absl's own flags, and files of --flagfile that cannot be read.
    refuse(f'Expected flags that can be read, found {e}.')
  if arguments[1:]:
    refuse(f'Expected flags only, found {" ".join(arguments[1:])!r}.')
  logging.use_absl_handler()
  if not flags.FLAGS['verbosity'].present:
    logging.set_verbosity(logging.WARNING)
  try:
    exit_code = main()
  except UsageError as e:
    refuse(str(e))
  if is_process:
    _end_process(exit_code)
  sys.exit(exit_code)


def _shorten(word: str) -> str:
  """Returns a word without its middle, if it is very long."""
  if len(word) <= _MAX_WORD:
    return word
  return f'{word[: _MAX_WORD // 2]}…{word[-_MAX_WORD // 4 :]}'


def _read_flag_files(arguments: Sequence[str]) -> list[str]:
  """Returns the arguments, with those of flag files in their places."""
  expanded = flags.FLAGS.read_flags_from_files(list(arguments), force_gnu=False)
  without_marks = [a.removeprefix(_BYTE_ORDER_MARK) for a in expanded]
  # A comment after a byte order mark is none for absl.
  return [
    after
    for before, after in zip(expanded, without_marks, strict=True)
    if before == after or after and not after.startswith(('#', '//'))
  ]


def _check_numbers(arguments: Sequence[str]) -> None:
  """Raises `UsageError` for numbers that are none, or only for Python.

  Args:
    arguments: Command line, without flag files.
  """
  for argument, following in itertools.zip_longest(arguments, arguments[1:]):
    match = _FLAG.fullmatch(argument)
    if match is None or match['name'] not in flags.FLAGS:
      continue
    value = match['value'] if match['value'] is not None else following or ''
    parser = flags.FLAGS[match['name']].parser
    if not isinstance(parser, (flags.IntegerParser, flags.FloatParser)):
      continue
    if not value.isascii() or '_' in value:
      raise UsageError(
        f'Expected a number with digits 0 to 9 in --{match["name"]}, found '
        f'{value!r}.'
      )
    has_value = match['value'] is not None or following is not None
    if has_value and not _is_number(parser, value):
      kind = (
        'n integer' if isinstance(parser, flags.IntegerParser) else ' number'
      )
      raise UsageError(
        f'Expected a{kind} in --{match["name"]}, found {value!r}; give one.'
      )


def _is_number(
  parser: flags.IntegerParser | flags.FloatParser, value: str
) -> bool:
  try:
    parser.convert(value)
  except ValueError:
    return False
  return True


def _end_process(exit_code: int) -> NoReturn:
  """Ends the process without finalizing the interpreter.

  Threads of TFF and gRPC that still run would abort the process when Python
  ends them.
  """
  # A second Ctrl-C, while workers end, prints no traceback.
  signal.signal(signal.SIGINT, lambda signum, _: os._exit(128 + signum))
  # Ends workers, and flushes logs. Python has no public name for it.
  atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
  for stream in (sys.stdout, sys.stderr):
    with contextlib.suppress(OSError, ValueError):
      stream.flush()
  os._exit(exit_code)


def check_given(*holders: flags.FlagHolder) -> None:
  """Raises `UsageError` unless all of the flags have a value."""
  for holder in holders:
    if holder.value is None:
      raise UsageError(f'Expected --{holder.name}, found none; give it.')


def refuse_given(
  flag: flags.FlagHolder,
  choice: flags.FlagHolder,
  remedy: str = 'leave it out.',
) -> None:
  """Raises `UsageError` if a flag is given that another flag rules out.

  Args:
    flag: Flag that must not be given.
    choice: Flag whose value rules it out.
    remedy: Last part of the message.
  """
  if flag.present:
    found, of_choice = (flags.FLAGS[f.name].serialize() for f in (flag, choice))
    raise UsageError(
      f'Expected no --{flag.name} with {of_choice}, found {found}; {remedy}'
    )


def positive(value: float | None) -> bool:
  """Flag validator: absent, or above zero and finite as a `float32`."""
  return value is None or (
    argument_checks.MIN_FLOAT32 <= value <= argument_checks.MAX_FLOAT32
  )


def is_count(text: str, minimum: int = 1, maximum: int = _MAX_INT) -> bool:
  """Returns whether a text is an integer in a range, in digits 0 to 9."""
  is_short = text.isascii() and text.isdecimal() and len(text) <= 10
  return is_short and minimum <= int(text) <= maximum
