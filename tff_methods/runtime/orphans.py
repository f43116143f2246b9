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
"""Orphaned worker processes: workers whose program has ended.

The kernel ends a `workers.LocalWorker` with its program, so none of them should
be found here. Workers of TFF's own contexts stay behind when a signal kills
their program. They cannot be told apart from those that other programs keep on
purpose, so they are left alone; `programs.doctor` lists them.
"""

import contextlib
import functools
import os

from absl import logging
import psutil

WORKER_NAME = 'worker_binary'
_MARK = 'TFF_METHODS_PARENT'
_REAPERS = ('systemd', 'init')  # Besides the process with id 1.


def parent_mark() -> dict[str, str]:
  """Returns environment variables that mark a worker as this process's."""
  identity = _identity(os.getpid())
  assert identity is not None  # A running process has one.
  return {_MARK: identity}


def find() -> tuple[list[psutil.Process], list[psutil.Process]]:
  """Finds orphaned workers of this user.

  Returns:
    Orphans that this library has started, and those that others have.
  """
  own, others = [], []
  for process in psutil.process_iter():
    try:
      if process.name() != WORKER_NAME or process.uids().real != os.getuid():
        continue
      mark = process.environ().get(_MARK)
      if mark is None:
        if _is_adopted(process):
          others.append(process)
      elif _is_same_pid_namespace(process) and not _is_running(mark):
        own.append(process)
    except (psutil.Error, OSError):
      continue  # The process has ended meanwhile, or cannot be inspected.
  return own, others


@functools.cache
def reap_once() -> None:
  """Calls `reap` at the first call in this program."""
  reap()


def reap() -> None:
  """Ends the orphans that this library has started; logs a line if any."""
  own, _ = find()
  for process in own:
    with contextlib.suppress(psutil.NoSuchProcess):
      process.kill()
  if own:
    logging.warning(
      'Found and ended %s that an earlier program of this library left behind: '
      'pid %s.',
      WORKER_NAME,
      ', '.join(str(process.pid) for process in own),
    )


def _identity(pid: int) -> str | None:
  """Returns process id and start time, unique; `None` if it has ended."""
  try:
    with open(f'/proc/{pid}/stat') as f:
      # After the name, which may hold anything: state, parent, ...
      fields = f.read().rpartition(')')[2].split()
  except OSError:
    return None
  state, start_time = fields[0], fields[19]
  return None if state == 'Z' else f'{pid}@{start_time}'


def _is_running(mark: str) -> bool:
  """Returns true if the program that a worker's mark names still runs."""
  pid, _, _ = mark.partition('@')
  # `programs.worker` marks its worker as having no parent program.
  return not pid.isdecimal() or _identity(int(pid)) == mark


def _is_adopted(process: psutil.Process) -> bool:
  parent = process.parent()
  return parent is None or parent.pid == 1 or parent.name() in _REAPERS


def _is_same_pid_namespace(process: psutil.Process) -> bool:
  """Returns true if its process ids are ours, unlike those in a container."""
  own, other = (os.readlink(f'/proc/{p}/ns/pid') for p in ('self', process.pid))
  return own == other
