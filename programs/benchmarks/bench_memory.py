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
"""Measurement of peak memory and CPU time, in fresh processes. Linux only."""

from collections.abc import Callable, Generator
import contextlib
import ctypes
import multiprocessing
import os
import time

import numpy as np
import tensorflow as tf

from programs.command_line import kernels


def peak_bytes(
  prepare: Callable[..., Callable[[], object]], *arguments: object
) -> int:
  """Measures the peak memory of a function, in a fresh process.

  TensorFlow keeps freed memory, so a process that has run before would not
  show it. Nor would TensorFlow's allocator of oneDNN, so the process has none.

  Args:
    prepare: Function at the top level of a module, which is called in the fresh
      process. It returns the function to measure.
    *arguments: Arguments of `prepare`.

  Returns:
    Bytes by which the function raises the peak of the resident memory.
  """
  with _environment(kernels.ONEDNN, '0'):
    return _in_fresh_process(_measure_peak, prepare, arguments)


def cpu_seconds(
  prepare: Callable[..., Callable[[], object]], *arguments: object
) -> float:
  """Measures the CPU time of a function, in a fresh process.

  Args:
    prepare: See `peak_bytes`.
    *arguments: Arguments of `prepare`.

  Returns:
    Seconds of all threads together.
  """
  return _in_fresh_process(_measure_seconds, prepare, arguments)


@contextlib.contextmanager
def _environment(name: str, value: str) -> Generator[None, None, None]:
  """Sets a variable for the processes that start inside."""
  before = os.environ.get(name)
  os.environ[name] = value
  try:
    yield
  finally:
    del os.environ[name]
    if before is not None:
      os.environ[name] = before


def _in_fresh_process(measure, prepare, arguments):
  with multiprocessing.get_context('spawn').Pool(1) as pool:
    return pool.apply(measure, (prepare, arguments))


def _measure_peak(
  prepare: Callable[..., Callable[[], object]], arguments: tuple[object, ...]
) -> int:
  run = prepare(*arguments)
  # TensorFlow releases arrays that it has taken over at its next call.
  tf.constant(np.zeros([1]))
  # Freed memory that the allocator keeps would hide later allocations.
  ctypes.CDLL('libc.so.6').malloc_trim(0)
  with open('/proc/self/clear_refs', 'w') as file:
    file.write('5')  # Resets the peak to the current memory.
  before = _status_bytes('VmHWM')
  run()
  return _status_bytes('VmHWM') - before


def _measure_seconds(
  prepare: Callable[..., Callable[[], object]], arguments: tuple[object, ...]
) -> float:
  run = prepare(*arguments)
  start = time.process_time()
  run()
  return time.process_time() - start


def _status_bytes(name: str) -> int:
  with open('/proc/self/status') as file:
    (line,) = (line for line in file if line.startswith(f'{name}:'))
  return 1024 * int(line.split()[1])
