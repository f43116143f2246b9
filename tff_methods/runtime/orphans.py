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
"""Worker processes whose program is gone.

The kernel ends a `workers.LocalWorker` with its program, so that none of them
should be found here. Those of TFF's own contexts are left behind when a signal
kills their program. They cannot be told from those that other programs want to
keep, so they are left alone; `programs.doctor` names them.
"""

import contextlib
import functools
import os

from absl import logging
import psutil

WORKER_NAME = 'worker_binary'
_MARK = 'TFF_METHODS_PARENT'
_REAPERS = ('systemd', 'init')  # Beside the process with id 1.


def mark_of_this_process() -> dict[str, str]:
  """What the environment of a worker says of the program that started it."""
  return {_MARK: _identity(os.getpid())}


def find() -> tuple[list[psutil.Process], list[psutil.Process]]:
  """Finds workers of this user whose program is gone.

  Returns:
    Those that this library has started, and those that others have.
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
      elif _is_same_pid_namespace(process) and not _runs(mark):
        own.append(process)
    except (psutil.Error, OSError):
      continue  # It has ended meanwhile, or is not ours to look at.
  return own, others


@functools.cache
def reap_once() -> None:
  """Does what `reap` does, once in a program."""
  reap()


def reap() -> None:
  """Ends what `find` tells to be this library's, and logs a line if any is."""
  own, _ = find()
  for process in own:
    with contextlib.suppress(psutil.NoSuchProcess):
      process.kill()
  if own:
    logging.warning(
      'Found and ended %s that an earlier program of this library has left: '
      'pid %s.',
      WORKER_NAME,
      ', '.join(str(process.pid) for process in own),
    )


def _identity(pid: int) -> str | None:
  """Tells a process from later ones with its id; `None` if it has ended."""
  try:
    with open(f'/proc/{pid}/stat') as f:
      # After the name, which may hold anything: state, parent, ...
      fields = f.read().rpartition(')')[2].split()
  except OSError:
    return None
  state, start_time = fields[0], fields[19]
  return None if state == 'Z' else f'{pid}@{start_time}'


def _runs(mark: str) -> bool:
  """Whether the program that a worker's mark names is still there."""
  pid, _, _ = mark.partition('@')
  # `programs.worker` says of its worker that it has none.
  return not pid.isdecimal() or _identity(int(pid)) == mark


def _is_adopted(process: psutil.Process) -> bool:
  parent = process.parent()
  return parent is None or parent.pid == 1 or parent.name() in _REAPERS


def _is_same_pid_namespace(process: psutil.Process) -> bool:
  """Whether its process ids are ours, which those in a container are not."""
  own, other = (os.readlink(f'/proc/{p}/ns/pid') for p in ('self', process.pid))
  return own == other
