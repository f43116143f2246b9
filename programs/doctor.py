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
r"""Checks that this machine has what programs need; one line for each check.

  python -m programs.doctor

A line begins with "ok", with "note" where something is good to know, or with
"wrong", and then ends with what to do. With --workers, whether those answer is
checked too. Exit codes: 0, 1 if something is wrong, 2 for flags that cannot be.
"""

import atexit
from collections.abc import Iterator
import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

from absl import flags
from absl import logging

from programs.command_line import common_flags
from programs.command_line import runner
from programs.network import tls_flags

flags.adopt_module_key_flags(common_flags)
flags.adopt_module_key_flags(tls_flags)

_LOCK = pathlib.Path(__file__).parents[1] / 'requirements.txt'
_PYTHON = (3, 11)
_GIGABYTE = 1e9
_LEAST_FREE_BYTES = 1e9
_MOST_NAMED = 3
_ANSWER_SECONDS = 5.0


class Finding(NamedTuple):
  """What a check has found.

  Attributes:
    level: 'ok', 'note' or 'wrong'.
    text: What, and what to do.
  """

  level: str
  text: str


def main() -> int:
  """Checks and prints; returns the exit code."""
  tls_flags.are_given()
  logging.set_verbosity(logging.ERROR)  # A check tells what would be warned of.
  has_failed = False
  for name, check in _CHECKS.items():
    try:
      findings = list(check())
    # What is broken may raise anything, and the next check is wanted anyway.
    except Exception as e:  # pylint: disable=broad-exception-caught
      findings = [Finding('wrong', _one_line(f'{type(e).__name__}: {e}'))]
    for level, text in findings:
      print(f'{level:5}  {name}: {text}', flush=True)
      has_failed |= level == 'wrong'
  return int(has_failed)


def _check_python() -> Iterator[Finding]:
  found = '.'.join(map(str, sys.version_info[:3]))
  if sys.version_info[:2] == _PYTHON:
    yield Finding('ok', found)
  else:
    yield Finding('wrong', f'{found}, not 3.11; run `make clean env`')


def _check_packages() -> Iterator[Finding]:
  """Compares what is installed with the lock."""
  locked = re.findall(r'^([\w.-]+)==([^\s;]+)', _LOCK.read_text(), re.MULTILINE)
  others = [
    f'{name} {found} instead of {version}'
    for name, version in locked
    if (found := _installed_version(name)) != version
  ]
  if not others:
    yield Finding('ok', f'{len(locked)} with the versions of {_LOCK.name}')
    return
  more = f' and {len(others) - _MOST_NAMED} more' * (len(others) > _MOST_NAMED)
  yield Finding(
    'wrong',
    f'{", ".join(others[:_MOST_NAMED])}{more}; run `make clean env`',
  )


def _installed_version(name: str) -> str | None:
  try:
    return importlib.metadata.version(name)
  except importlib.metadata.PackageNotFoundError:
    return None


def _check_worker() -> Iterator[Finding]:
  """Starts TFF's runtime, and lets it compute."""
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


def _check_leftovers() -> Iterator[Finding]:
  """Looks for workers whose program is gone."""
  from tff_methods import runtime

  pids = [process.pid for found in runtime.find_orphans() for process in found]
  if pids:
    pids = ' '.join(map(str, pids))
    yield Finding('note', f'programs have left some; `kill {pids}` ends them')
  else:
    yield Finding('ok', 'no worker without its program')


def _check_devices() -> Iterator[Finding]:
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


def _has_gpu() -> bool:
  """Whether NVIDIA's driver knows of a GPU."""
  program = shutil.which('nvidia-smi')
  if program is None:
    return False
  result = subprocess.run(
    [program, '--list-gpus'], capture_output=True, text=True, check=False
  )
  return result.returncode == 0 and bool(result.stdout.strip())


def _check_disk() -> Iterator[Finding]:
  """Looks where results and client data go."""
  import tasks

  output_dir = common_flags.OUTPUT_DIR.value or '.'
  cache_dir = tasks.cache_directory(common_flags.CACHE_DIR.value)
  for flag, directory in (('output', output_dir), ('cache', cache_dir)):
    path = pathlib.Path(directory).absolute()
    while not path.exists():
      path = path.parent
    free_bytes = shutil.disk_usage(path).free
    text = f'{free_bytes / _GIGABYTE:.1f} GB free at {path}'
    if free_bytes >= _LEAST_FREE_BYTES:
      yield Finding('ok', text)
    else:
      yield Finding('wrong', f'{text}; free some, or give another --{flag}_dir')


def _check_private_network() -> Iterator[Finding]:
  """Tries what a worker behind TLS needs, in a process without threads."""
  result = subprocess.run(
    [
      sys.executable,
      *('-c', 'from programs.network import private_network as n; n.enter()'),
    ],
    capture_output=True,
    text=True,
    check=False,
  )
  if result.returncode == 0:
    yield Finding('ok', 'programs.worker can keep its worker to itself')
  else:
    *_, reason = ('', *result.stderr.splitlines())
    yield Finding(
      'note',
      f'programs.worker cannot use TLS here ({reason}); run it as root, or '
      'allow namespaces to users',
    )


def _check_workers() -> Iterator[Finding]:
  """Connects to each of --workers."""
  from tff_methods import runtime

  for address in common_flags.WORKERS.value or []:
    try:
      runtime.create_remote_context(
        [address],
        tls_flags.channel_credentials(),
        patience_seconds=_ANSWER_SECONDS,
      )
      yield Finding('ok', f'{address} answers')
    except (ValueError, runtime.NoWorkersError) as e:
      yield Finding('wrong', _one_line(str(e)))


def _one_line(text: str) -> str:
  return ' '.join(text.split())


_CHECKS = {
  'python': _check_python,
  'packages': _check_packages,
  'worker': _check_worker,
  'leftovers': _check_leftovers,
  'devices': _check_devices,
  'disk': _check_disk,
  'private network': _check_private_network,
  '--workers': _check_workers,
}

if __name__ == '__main__':
  runner.run(main)
