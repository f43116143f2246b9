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
"""How programs start, and how they refuse what they are asked."""

from collections.abc import Callable, Sequence
import os
import signal
import sys
from typing import NoReturn

from absl import app
from absl import flags
from absl import logging

import programs

_USAGE_EXIT_CODE = 2


class UsageError(Exception):
  """What the user asked for cannot be done; the message is one line."""


def run(main: Callable[[], int], argv: Sequence[str] | None = None) -> NoReturn:
  """Parses the command line, runs `main`, and exits with what it returns.

  A bad command line, and a `UsageError` that `main` raises, end the program
  with exit code 2 and one line on standard error.

  Args:
    main: The program.
    argv: The program's name and its arguments; by default the process's.
  """
  if signal.getsignal(signal.SIGINT) is programs.stop_while_importing:
    signal.signal(signal.SIGINT, signal.default_int_handler)
  argv = argv or sys.argv
  name, _ = os.path.splitext(os.path.basename(argv[0]))

  def refuse(message: str) -> NoReturn:
    print(f'{name}: {" ".join(message.split())}', file=sys.stderr)
    sys.exit(_USAGE_EXIT_CODE)

  def parse_flags(argv: Sequence[str]) -> list[str]:
    try:
      arguments = flags.FLAGS(argv)
    except flags.Error as e:
      refuse(str(e))
    if arguments[1:]:
      refuse(f'Expected flags only, found {" ".join(arguments[1:])!r}.')
    return arguments

  def run_main(_) -> int:
    if not flags.FLAGS['verbosity'].present:
      logging.set_verbosity(logging.WARNING)
    try:
      return main()
    except UsageError as e:
      refuse(str(e))

  app.run(run_main, argv, flags_parser=parse_flags)


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
  """Raises `UsageError` for a flag that is given where nothing takes it.

  Args:
    flag: What may be given.
    choice: The flag whose value is why it is not taken.
    remedy: What the message says to do.
  """
  if flag.present:
    found, of_choice = (flags.FLAGS[f.name].serialize() for f in (flag, choice))
    raise UsageError(
      f'Expected no --{flag.name} with {of_choice}, found {found}; {remedy}'
    )


def positive(value: float | None) -> bool:
  """A flag validator: absent, or a finite number above zero."""
  return value is None or 0 < value < float('inf')
