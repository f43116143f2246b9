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
"""Helpers of the tests of programs."""

from collections.abc import Callable
import contextlib
import io
import os
import pathlib
import subprocess
import sys
import time

from absl.testing import flagsaver
import psutil

from programs.command_line import runner

_REPOSITORY = pathlib.Path(__file__).parents[2]
_WORKER_NAME = 'worker_binary'


def run_here(
  name: str, main: Callable[[], int], *arguments: str
) -> tuple[int, str, str]:
  """Runs a program in this process.

  Args:
    name: Name of the program.
    main: The program.
    *arguments: Command line of the program.

  Returns:
    Exit code, standard output and standard error.
  """
  stdout, stderr = io.StringIO(), io.StringIO()
  with (
    flagsaver.flagsaver(),
    contextlib.redirect_stdout(stdout),
    contextlib.redirect_stderr(stderr),
  ):
    try:
      runner.run(main, [name, *arguments])
    except SystemExit as e:
      exit_code = e.code
  return exit_code, stdout.getvalue(), stderr.getvalue()


class ProgramProcess:
  """Program in its own process, with its output in a file."""

  def __init__(self, module: str, log_path: str, *arguments: str):
    """Starts `python -m MODULE ARGUMENTS`."""
    self._log_path = pathlib.Path(log_path)
    paths = [str(_REPOSITORY), *sys.path]
    with open(log_path, 'wb') as log:
      self._process = subprocess.Popen(
        [sys.executable, '-m', module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=_REPOSITORY,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, paths))},
      )

  @property
  def pid(self) -> int:
    return self._process.pid

  @property
  def log(self) -> str:
    return self._log_path.read_text()

  def wait_for_line(self, line_start: str, timeout_seconds: float = 120):
    """Waits until the program has printed a line with this start."""
    deadline = time.monotonic() + timeout_seconds
    while f'\n{line_start}' not in f'\n{self.log}':
      if self._process.poll() is not None or time.monotonic() > deadline:
        raise AssertionError(f'Expected {line_start!r}, found: {self.log}')
      time.sleep(0.02)

  def workers(self) -> list[psutil.Process]:
    """Returns the TFF workers of the program and of its child processes."""
    descendants = psutil.Process(self._process.pid).children(recursive=True)
    return [p for p in descendants if p.name() == _WORKER_NAME]

  def send_signal(self, signum: int) -> None:
    self._process.send_signal(signum)

  def wait(self, timeout_seconds: float = 120) -> int:
    """Waits for the end of the program; returns its exit code."""
    return self._process.wait(timeout_seconds)


def are_gone(
  processes: list[psutil.Process], timeout_seconds: float = 5
) -> bool:
  """Returns whether the processes end in time; zombies count as ended."""
  deadline = time.monotonic() + timeout_seconds
  while any(_is_alive(process) for process in processes):
    if time.monotonic() > deadline:
      return False
    time.sleep(0.02)
  return True


def _is_alive(process: psutil.Process) -> bool:
  try:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
  except psutil.NoSuchProcess:
    return False
