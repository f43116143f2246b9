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
"""Environment of a run: all that may change the last bits of its results."""

from collections.abc import Mapping
from importlib import metadata
import os
import pathlib
import platform
import subprocess

_DISTRIBUTIONS = (
  'tensorflow',
  'tensorflow-federated',
  'tensorflow-model-optimization',
  'numpy',
)
_KERNEL_VARIABLES = (
  'TF_ENABLE_ONEDNN_OPTS',
  'ONEDNN_MAX_CPU_ISA',
  'TF_NUM_INTRAOP_THREADS',
)
_CPU_INFO = '/proc/cpuinfo'
_ROOT = pathlib.Path(__file__).parents[2]


def describe(runtime: str) -> dict[str, str]:
  """Returns versions, runtime, kernels, processor, cores and the commit.

  Imports none of the packages. The commit is that of the checkout that this
  file is in, with "-dirty" if tracked files were changed, and "none" outside of
  one.

  Args:
    runtime: Name of the runtime of the rounds.
  """
  versions = {name: _version(name) for name in _DISTRIBUTIONS}
  kernels = {
    name: os.environ.get(name, 'default') for name in _KERNEL_VARIABLES
  }
  return {
    'python': platform.python_version(),
    **versions,
    'runtime': runtime,
    **kernels,
    'processor': _processor(),
    'cores': str(len(os.sched_getaffinity(0))),
    'commit': _commit(),
  }


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
  """Returns the entries that differ, each as "name: before, now".

  Args:
    before: Environment of the program that started a run.
    now: Environment of the program that resumes it.
  """
  names = dict.fromkeys([*before, *now])
  return [
    f'{name}: {before.get(name, "unknown")} before, {now.get(name, "unknown")} '
    'now'
    for name in names
    if before.get(name) != now.get(name)
  ]


def _version(distribution: str) -> str:
  try:
    return metadata.version(distribution)
  except metadata.PackageNotFoundError:
    return 'none'


def _processor() -> str:
  """Returns the processor's model, on which TensorFlow's kernels depend."""
  try:
    with open(_CPU_INFO, encoding='utf-8', errors='replace') as f:
      for line in f:
        name, _, value = line.partition(':')
        if name.strip() == 'model name':
          return value.strip()
  except OSError:
    pass
  return platform.machine()


def _commit() -> str:
  """Returns the commit of the checkout, if this is one."""
  if not (_ROOT / '.git').exists():
    return 'none'  # Not the commit of a repository that contains this package.
  command = 'git --no-optional-locks describe --always --abbrev=40 --dirty'
  try:
    result = subprocess.run(
      [*command.split(), '--exclude=*'],
      cwd=_ROOT,
      capture_output=True,
      check=True,
      text=True,
    )
  except (OSError, subprocess.CalledProcessError):
    return 'none'
  return result.stdout.strip()
