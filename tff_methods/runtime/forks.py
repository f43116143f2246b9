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
"""Guards for forked processes, in which no runtime works.

A forked process has its parent's memory and sockets, but none of its threads.
gRPC in the child changes the set of sockets that the parent waits on, which
crashes either of them; TensorFlow waits indefinitely for its threads. So
runtimes refuse to work in the child, gRPC starts no threads there, and the
child releases nothing that it shares with its parent: neither channels nor
worker processes. A process that forks before it uses a runtime has nothing to
share; its child may use one.
"""

import ctypes
import os
from typing import Any
import weakref

# Handle of TensorFlow's devices and threads; TensorFlow has no public name.
from tensorflow.python.eager import context as tf_context

# Only this process writes these; a forked child inherits them.
_has_runtime = False
_is_forked = False
_has_forked_tensorflow = False
_kept: 'weakref.WeakSet[Any]' = weakref.WeakSet()


def mark_runtime() -> None:
  """Records that this process has a runtime, so that children have none.

  Raises:
    RuntimeError: See `check`.
  """
  global _has_runtime
  check()
  _has_runtime = True


def keep(shared: Any) -> None:
  """Ensures that forked processes never release an object.

  Args:
    shared: Object whose release would disturb the parent, such as a channel.
  """
  _kept.add(shared)


def is_forked() -> bool:
  """Returns true in a child that was forked from a process with a runtime."""
  return _is_forked


def check() -> None:
  """Raises `RuntimeError` in a child of a process with a runtime."""
  if _is_forked:
    raise _error('its parent used a runtime')


def check_tensorflow() -> None:
  """Raises `RuntimeError` in a child of a process with TensorFlow devices."""
  check()
  if _has_forked_tensorflow:
    raise _error('its parent used TensorFlow')


def _error(reason: str) -> RuntimeError:
  return RuntimeError(
    f'Expected a process that can compute, found a fork made after {reason}: '
    'start it with `multiprocessing.get_context("spawn")`, or fork before the '
    'first use.'
  )


def _after_fork_in_child() -> None:
  global _is_forked, _has_forked_tensorflow
  _is_forked |= _has_runtime
  for shared in list(_kept):
    _make_immortal(shared)
  handle = getattr(tf_context.context_safe(), '_context_handle', None)
  if handle is not None:
    _has_forked_tensorflow = True
    # Its release waits for threads that the child lacks: a child would hang at
    # its exit.
    _make_immortal(handle)


def _make_immortal(shared: Any) -> None:
  ctypes.pythonapi.Py_IncRef(ctypes.py_object(shared))


os.register_at_fork(after_in_child=_after_fork_in_child)
