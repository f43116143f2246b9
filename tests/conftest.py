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

import gc
import sys

import pytest


@pytest.fixture(autouse=True, scope='module')
def _own_context():
  """Sets a default context, with a worker of its own, for each test module.

  Some modules change the default context, or end the worker that it uses.
  """
  if 'tensorflow_federated' not in sys.modules:
    yield
    return
  import tensorflow_federated as tff

  from tff_methods import runtime

  if not gc.get_freeze_count():
    # Objects of TFF's import stay alive: to exempt them from garbage collection
    # saves 8 % of the time.
    gc.freeze()
  tff.backends.native.set_sync_local_cpp_execution_context()
  yield
  runtime.end_workers()


def pytest_sessionfinish():
  """Ends worker processes of TFF, which would hold pytest's pipes.

  Runs once in each of pytest's processes. One that has not imported TFF has no
  workers.
  """
  if 'tensorflow_federated' in sys.modules:
    from tff_methods import runtime

    runtime.end_workers()
