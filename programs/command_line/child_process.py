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
"""Child processes that end with their program."""

from collections.abc import Sequence
import ctypes
import os
import signal
import subprocess
from typing import BinaryIO

from programs.command_line import stop_signals

_PR_SET_PDEATHSIG = 1  # From Linux's <sys/prctl.h>.


def start(
  command: Sequence[str],
  signum: int = signal.SIGTERM,
  stdout: BinaryIO | None = None,
) -> subprocess.Popen[bytes]:
  """Starts a process that receives a signal when this one ends, in any way.

  Only for programs without threads.

  Args:
    command: The program and its arguments.
    signum: Number of the signal.
    stdout: File of its standard output; that of this process by default.
  """
  parent_pid = os.getpid()
  prctl = ctypes.CDLL(None).prctl

  def tie_to_parent() -> None:
    prctl(_PR_SET_PDEATHSIG, signum)
    if os.getppid() != parent_pid:  # The parent ended before the call.
      os._exit(1)

  # A session of its own: Ctrl-C reaches this program alone, which forwards it.
  # `preexec_fn` is unsafe in a process with threads; this one has none.
  return subprocess.Popen(
    command,
    start_new_session=True,
    preexec_fn=tie_to_parent,
    stdout=stdout,
  )


def run(
  command: Sequence[str],
  stop: stop_signals.StopSignals,
  stdout: BinaryIO | None = None,
) -> int:
  """Runs a program to its end, and forwards a stop signal to it.

  Args:
    command: The program and its arguments.
    stop: The context of stop signals.
    stdout: File of its standard output; that of this process by default.

  Returns:
    The exit code of the program.

  Raises:
    Stopped: After a stop signal, once the program has ended.
  """
  process = start(command, stdout=stdout)
  signum = signal.SIGTERM
  try:
    with stop.interruptible():
      return process.wait()
  except stop_signals.Stopped as e:
    signum = e.signum
    raise
  finally:
    process.send_signal(signum)  # No effect on an ended process.
    # It saves its last round. If a second signal ends the wait, the child
    # receives its second one when this program ends.
    process.wait()
