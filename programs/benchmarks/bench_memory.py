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
"""How benchmarks measure memory: peaks of fresh processes (Linux)."""

from collections.abc import Callable
import ctypes
import multiprocessing

import numpy as np
import tensorflow as tf


def peak_bytes(
  prepare: Callable[..., Callable[[], object]], *arguments: object
) -> int:
  """Returns how far a function raises the peak of a process' memory.

  In a fresh process, since TensorFlow keeps freed memory for later.

  Args:
    prepare: Of a module, called there. It returns the function.
    *arguments: Of `prepare`.
  """
  with multiprocessing.get_context('spawn').Pool(1) as pool:
    return pool.apply(_measure, (prepare, arguments))


def _measure(prepare, arguments) -> int:
  run = prepare(*arguments)
  # TensorFlow lets go of arrays that it has taken only when it is called again.
  tf.constant(np.zeros([1]))
  # Free memory that the allocator keeps would hide what is taken of it.
  ctypes.CDLL('libc.so.6').malloc_trim(0)
  with open('/proc/self/clear_refs', 'w') as file:
    file.write('5')  # The peak begins anew from what is held now.
  before = _status_bytes('VmHWM')
  run()
  return _status_bytes('VmHWM') - before


def _status_bytes(name: str) -> int:
  with open('/proc/self/status') as file:
    (line,) = (line for line in file if line.startswith(f'{name}:'))
  return 1024 * int(line.split()[1])
