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
"""Constructors of in-process contexts on the devices that TensorFlow sees."""

import os

import tensorflow as tf

from tff_methods.runtime import forks
from tff_methods.runtime.in_process import context

# Enough to keep a GPU busy while other clients prepare; each takes GPU memory.
_CLIENTS_PER_GPU = 4


def create_in_process_context(
  device: str, max_concurrent_clients: int | None = None
) -> context.InProcessContext:
  """Returns a synchronous context that computes in this process.

  Args:
    device: 'cpu' or 'gpu': all devices of this kind that TensorFlow sees.
    max_concurrent_clients: Number of clients at once, on all devices. Results
      do not depend on it; memory grows with it. By default one more than there
      are CPU cores, at least one for each device, and at most four for each
      GPU.

  Raises:
    ValueError: If TensorFlow sees no such device, `device` is neither 'cpu' nor
      'gpu', or `max_concurrent_clients` is not positive.
    RuntimeError: In a process forked after TensorFlow or a runtime was used.
  """
  return context.InProcessContext(*_resources(device, max_concurrent_clients))


def create_async_in_process_context(
  device: str, max_concurrent_clients: int | None = None
) -> context.AsyncInProcessContext:
  """Returns an asynchronous context that computes in this process.

  Args:
    device: 'cpu' or 'gpu': all devices of this kind that TensorFlow sees.
    max_concurrent_clients: See `create_in_process_context`.

  Raises:
    ValueError: See `create_in_process_context`.
    RuntimeError: See `create_in_process_context`.
  """
  return context.AsyncInProcessContext(
    *_resources(device, max_concurrent_clients)
  )


def has_gpu() -> bool:
  """Returns true if TensorFlow sees a GPU."""
  return bool(tf.config.list_physical_devices('GPU'))


def _resources(
  device: str, max_concurrent_clients: int | None
) -> tuple[list[str], int]:
  """Returns the names of devices, and the number of clients at once."""
  if device not in ('cpu', 'gpu'):
    raise ValueError(
      f"Expected a device of 'cpu' or 'gpu', found {device!r}: give one of "
      'them.'
    )
  forks.check_tensorflow()  # TensorFlow itself would hang.
  names = [d.name for d in tf.config.list_logical_devices(device.upper())]
  if not names:
    raise ValueError(
      f'Expected a {device.upper()} that TensorFlow sees, found none: install '
      "TensorFlow for GPUs (docs/runtimes.md) or use device='cpu'."
    )
  if max_concurrent_clients is None:
    # One more than cores: it computes while another waits for Python.
    num_cores = len(os.sched_getaffinity(0))
    max_concurrent_clients = max(num_cores + 1, len(names))
    if device == 'gpu':
      max_concurrent_clients = min(
        max_concurrent_clients, _CLIENTS_PER_GPU * len(names)
      )
  return names, max_concurrent_clients
