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
"""Checks that a machine has what programs need.

A check is a generator of findings. Checks import TensorFlow and TFF themselves:
a broken installation is a finding too.
"""

import atexit
from collections.abc import Callable, Iterator, Mapping, Sequence
import functools
import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from typing import NamedTuple, TYPE_CHECKING

from programs.command_line import kernels

if TYPE_CHECKING:
  import grpc

_LOCK_FILE = pathlib.Path(__file__).parents[2] / 'requirements.txt'
_PYTHON = (3, 11)
_BYTES_PER_GIGABYTE = 1e9
_MIN_FREE_BYTES = 1e9
_MAX_NAMED_PACKAGES = 3
_ANSWER_SECONDS = 5.0


class Finding(NamedTuple):
  """A finding of a check.

  Attributes:
    level: 'ok', 'note' or 'wrong'.
    text: The finding, and the remedy if something is wrong.
  """

  level: str
  text: str


Check = Callable[[], Iterator[Finding]]


def all_checks(
  *,
  output_dir: str | None,
  cache_dir: str | None,
  workers: Sequence[str],
  make_credentials: Callable[[], 'grpc.ChannelCredentials | None'],
) -> Mapping[str, Check]:
  """Returns all checks, by name.

  Args:
    output_dir: Directory of results; the working directory by default.
    cache_dir: Directory of client data; see `tasks.cache_directory`.
    workers: Addresses `host:port` of remote workers.
    make_credentials: Function that returns the credentials that the workers
      expect, `None` for connections without TLS.
  """
  return {
    'python': check_python,
    'packages': check_packages,
    'worker': check_worker,
    'leftovers': check_leftovers,
    'devices': check_devices,
    'kernels': check_kernels,
    'disk': functools.partial(check_disk, output_dir, cache_dir),
    'private network': check_private_network,
    '--workers': functools.partial(
      check_remote_workers, workers, make_credentials
    ),
  }


def findings(check: Check) -> list[Finding]:
  """Runs a check; an exception is returned as a finding.

  Args:
    check: The check.
  """
  try:
    return list(check())
  # A broken installation may raise anything, and later checks should still run.
  except Exception as e:  # pylint: disable=broad-exception-caught
    return [Finding('wrong', _one_line(f'{type(e).__name__}: {e}'))]


def check_python() -> Iterator[Finding]:
  """Checks the version of Python."""
  found = '.'.join(map(str, sys.version_info[:3]))
  if sys.version_info[:2] == _PYTHON:
    yield Finding('ok', found)
  else:
    yield Finding('wrong', f'{found}, not 3.11; run `make clean env`')


def check_packages() -> Iterator[Finding]:
  """Compares the versions of installed packages with the lock file."""
  if not _LOCK_FILE.is_file():  # In the repository, not in the package.
    yield Finding('note', f'not compared, since there is no {_LOCK_FILE}')
    return
  locked = re.findall(
    r'^([\w.-]+)==([^\s;]+)', _LOCK_FILE.read_text(), re.MULTILINE
  )
  others = [
    f'{name} {found} instead of {version}'
    for name, version in locked
    if (found := _installed_version(name)) != version
  ]
  if not others:
    yield Finding('ok', f'{len(locked)} with the versions of {_LOCK_FILE.name}')
    return
  named = ', '.join(others[:_MAX_NAMED_PACKAGES])
  if len(others) > _MAX_NAMED_PACKAGES:
    named += f' and {len(others) - _MAX_NAMED_PACKAGES} more'
  yield Finding('wrong', f'{named}; run `make clean env`')


def check_worker() -> Iterator[Finding]:
  """Starts TFF's C++ runtime and runs a computation in it."""
  import tensorflow_federated as tff

  from tff_methods import runtime

  atexit.register(runtime.end_workers)
  start = time.monotonic()
  tff.framework.set_default_context(runtime.create_local_context())
  two = tff.tensorflow.computation(lambda: 1 + 1)()
  if two == 2:
    yield Finding('ok', f'computes after {time.monotonic() - start:.1f} s')
  else:
    yield Finding('wrong', f'computes 1 + 1 = {two}; run `make clean env`')


def check_leftovers() -> Iterator[Finding]:
  """Looks for worker processes whose program has ended."""
  from tff_methods import runtime

  pids = [process.pid for found in runtime.find_orphans() for process in found]
  if pids:
    pids = ' '.join(map(str, pids))
    yield Finding('note', f'programs have left some; `kill {pids}` ends them')
  else:
    yield Finding('ok', 'no worker without its program')


def check_devices() -> Iterator[Finding]:
  """Counts CPU cores, and GPUs that TensorFlow sees."""
  import tensorflow as tf

  yield Finding('ok', f'{os.cpu_count()} CPU cores')
  gpus = tf.config.list_physical_devices('GPU')
  if gpus:
    yield Finding('ok', f'{len(gpus)} GPU that TensorFlow sees')
  elif _has_gpu():
    yield Finding(
      'note',
      'a GPU that TensorFlow does not see; install '
      'tensorflow[and-cuda]==2.14.1',
    )
  else:
    yield Finding('ok', 'no GPU; everything runs on the CPU')


def check_kernels() -> Iterator[Finding]:
  """Names the kernels with which programs compute on the CPU here."""
  from tff_methods import runtime

  name = kernels.ONEDNN
  if runtime.uses_onednn():
    yield Finding(
      'ok',
      f"oneDNN's; set {name}=1 before TensorFlow is imported, as programs here "
      'do, to use them elsewhere',
    )
  else:
    yield Finding(
      'note', f"TensorFlow's own; unset {name} for oneDNN's, faster on x86"
    )


def check_disk(
  output_dir: str | None, cache_dir: str | None
) -> Iterator[Finding]:
  """Checks the free space for results and for client data.

  Args:
    output_dir: Directory of results; the working directory by default.
    cache_dir: Directory of client data; see `tasks.cache_directory`.
  """
  import tasks

  for flag, directory in (
    ('output', output_dir or '.'),
    ('cache', tasks.cache_directory(cache_dir)),
  ):
    path = pathlib.Path(directory).absolute()
    while not path.exists():
      path = path.parent
    free_bytes = shutil.disk_usage(path).free
    text = f'{free_bytes / _BYTES_PER_GIGABYTE:.1f} GB free at {path}'
    if free_bytes >= _MIN_FREE_BYTES:
      yield Finding('ok', text)
    else:
      yield Finding('wrong', f'{text}; free some, or give another --{flag}_dir')


def check_private_network() -> Iterator[Finding]:
  """Tries `private_network.enter` in a process without threads."""
  result = subprocess.run(
    [
      *(sys.executable, '-c'),
      'from programs.network import private_network as n; n.enter()',
    ],
    capture_output=True,
    text=True,
    check=False,
  )
  if result.returncode == 0:
    yield Finding('ok', 'programs.worker can hide its worker behind TLS')
  else:
    *_, reason = ('', *result.stderr.splitlines())
    yield Finding(
      'note',
      f'programs.worker cannot use TLS here ({reason}); run it as root, or '
      'allow user namespaces',
    )


def check_remote_workers(
  workers: Sequence[str],
  make_credentials: Callable[[], 'grpc.ChannelCredentials | None'],
) -> Iterator[Finding]:
  """Connects to remote workers.

  Args:
    workers: Addresses `host:port` of the workers.
    make_credentials: Function that returns the credentials that the workers
      expect, `None` for connections without TLS.
  """
  if not workers:
    return
  from tff_methods import runtime

  for address in workers:
    try:
      runtime.create_remote_context(
        [address], make_credentials(), patience_seconds=_ANSWER_SECONDS
      )
      yield Finding('ok', f'{address} answers')
    except (ValueError, runtime.NoWorkersError) as e:
      yield Finding('wrong', _one_line(str(e)))


def _installed_version(name: str) -> str | None:
  try:
    return importlib.metadata.version(name)
  except importlib.metadata.PackageNotFoundError:
    return None


def _has_gpu() -> bool:
  """Returns `True` if NVIDIA's driver finds a GPU."""
  program = shutil.which('nvidia-smi')
  if program is None:
    return False
  result = subprocess.run(
    [program, '--list-gpus'], capture_output=True, text=True, check=False
  )
  return result.returncode == 0 and bool(result.stdout.strip())


def _one_line(text: str) -> str:
  return ' '.join(text.split())
