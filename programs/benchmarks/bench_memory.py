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
"""Measurement of peak memory, in fresh processes. Linux only."""

from collections.abc import Callable
import ctypes
import multiprocessing

import numpy as np
import tensorflow as tf


def peak_bytes(
  prepare: Callable[..., Callable[[], object]], *arguments: object
) -> int:
  """Measures the peak memory of a function, in a fresh process.

  TensorFlow keeps freed memory, so a process that has run before would not
  show it.

  Args:
    prepare: Function at the top level of a module, which is called in the fresh
      process. It returns the function to measure.
    *arguments: Arguments of `prepare`.

  Returns:
    Bytes by which the function raises the peak of the resident memory.
  """
  with multiprocessing.get_context('spawn').Pool(1) as pool:
    return pool.apply(_measure, (prepare, arguments))


def _measure(
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


def _status_bytes(name: str) -> int:
  with open('/proc/self/status') as file:
    (line,) = (line for line in file if line.startswith(f'{name}:'))
  return 1024 * int(line.split()[1])
