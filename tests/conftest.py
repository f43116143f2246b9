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
"""Fixtures of all tests."""

import functools
import gc
import sys
from unittest import mock

import psutil
import pytest

# A worker holds the TensorFlow sessions of all computations that it has run.
_MAX_WORKER_BYTES = 2**30


@pytest.hookimpl(wrapper=True)
def pytest_collection():
  """Exempts imported modules from garbage collection, 8 % of the time."""
  gc.disable()
  try:
    return (yield)
  finally:
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True, scope='module')
def _default_context():
  """Sets TFF's default context, of which all test modules share the worker.

  A module that changes the default context, starts workers of its own or makes
  this one large leaves the next module a new worker.
  """
  if 'tensorflow_federated' not in sys.modules:
    yield
    return
  import tensorflow_federated as tff

  context = _tff_context()
  tff.framework.set_default_context(context)
  yield
  is_changed = tff.framework.get_context_stack().current is not context
  sizes = _worker_sizes()
  if is_changed or len(sizes) > 1 or sum(sizes) > _MAX_WORKER_BYTES:
    _end_workers()


@functools.cache
def _tff_context():
  """Returns TFF's context, with a compiler of the same results that is faster.

  `native_form_test` compares the two.
  """
  import tensorflow_federated as tff
  from tensorflow_federated.python.core.backends.native import compiler

  from tff_methods.runtime import native_form

  _hasten_workers()
  with mock.patch.object(
    compiler,
    'desugar_and_transform_to_native',
    native_form.compile_computation,
  ):
    return tff.backends.native.create_sync_local_cpp_execution_context()


@functools.cache
def _hasten_workers():
  """Lets TFF find its worker ready after 50 ms, not after one second or two."""
  from tensorflow_federated.python.core.impl.executor_stacks import (
    executor_factory,
  )

  executor_factory._LOCALHOST_SERVER_WAIT_TIME_SEC = 0.05
  executor_factory._GRPC_CHANNEL_OPTIONS.extend(
    (f'grpc.{name}_reconnect_backoff_ms', 50)
    for name in ('initial', 'min', 'max')
  )


def _end_workers():
  from tff_methods import runtime

  runtime.end_workers()
  # Until Python tears down its modules, the context would print errors.
  _tff_context.cache_clear()


def _worker_sizes():
  """Returns the bytes of memory of each running worker of this process."""
  sizes = []
  for child in psutil.Process().children():
    try:
      if child.name() == 'worker_binary':
        sizes.append(child.memory_info().rss)
    except psutil.NoSuchProcess:
      pass
  return [size for size in sizes if size]  # Ended workers have no memory.


def pytest_sessionfinish():
  """Ends worker processes of TFF, which would hold pytest's pipes.

  Runs once in each of pytest's processes. One that has not imported TFF has no
  workers.
  """
  if 'tensorflow_federated' in sys.modules:
    _end_workers()
