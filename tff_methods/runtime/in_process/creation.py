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
"""Contexts on the devices that TensorFlow has."""

import os

import tensorflow as tf

from tff_methods.runtime.in_process import context

# So many keep a GPU busy while others prepare; each takes memory of it.
_CLIENTS_PER_GPU = 4


def create_in_process_context(
  device: str, max_concurrent_clients: int | None = None
) -> context.InProcessContext:
  """Returns a context that computes in this process.

  Args:
    device: 'cpu' or 'gpu': all devices of this kind that TensorFlow has.
    max_concurrent_clients: How many clients work at once, on all devices; by
      default as many as there are CPU cores (and devices at least), on GPUs at
      most four each. It makes no difference to results. Memory grows with it.

  Raises:
    ValueError: If there is no such device, `device` is neither, or less than
      one client is to work.
  """
  return context.InProcessContext(*_resources(device, max_concurrent_clients))


def create_async_in_process_context(
  device: str, max_concurrent_clients: int | None = None
) -> context.AsyncInProcessContext:
  """Returns the same for programs that await what they call."""
  return context.AsyncInProcessContext(
    *_resources(device, max_concurrent_clients)
  )


def has_gpu() -> bool:
  """Returns whether TensorFlow sees a GPU."""
  return bool(tf.config.list_physical_devices('GPU'))


def _resources(device, max_concurrent_clients) -> tuple[list[str], int]:
  if device not in ('cpu', 'gpu'):
    raise ValueError(f"Expected a device of 'cpu' or 'gpu', found {device!r}.")
  names = [d.name for d in tf.config.list_logical_devices(device.upper())]
  if not names:
    raise ValueError(
      f'Expected a {device.upper()} that TensorFlow sees, found none; install '
      "TensorFlow for GPUs (docs/runtime.md) or use device='cpu'."
    )
  if max_concurrent_clients is None:
    max_concurrent_clients = max(len(os.sched_getaffinity(0)), len(names))
    if device == 'gpu':
      max_concurrent_clients = min(
        max_concurrent_clients, _CLIENTS_PER_GPU * len(names)
      )
  return names, max_concurrent_clients
