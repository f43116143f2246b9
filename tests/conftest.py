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
"""What all tests share."""

import gc
import sys

import pytest


@pytest.fixture(autouse=True, scope='module')
def _own_context():
  """Gives each file a context and a worker of its own.

  Some files change the default context, or end the worker that it uses.
  """
  if 'tensorflow_federated' not in sys.modules:
    yield
    return
  import tensorflow_federated as tff

  from tff_methods import runtime

  if not gc.get_freeze_count():
    # What TFF's import makes stays: not to look at it again saves 8 %.
    gc.freeze()
  tff.backends.native.set_sync_local_cpp_execution_context()
  yield
  runtime.end_workers()


def pytest_sessionfinish():
  """Leaves no worker process of TFF behind, which would hold pytest's pipes.

  Once in each of pytest's processes; those that never imported TFF have none.
  """
  if 'tensorflow_federated' in sys.modules:
    from tff_methods import runtime

    runtime.end_workers()
