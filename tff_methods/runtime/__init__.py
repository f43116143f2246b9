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
"""Execution contexts, and the worker processes behind them."""

# pylint: disable=g-importing-member
from tff_methods.runtime.in_process import create_async_in_process_context
from tff_methods.runtime.in_process import create_in_process_context
from tff_methods.runtime.in_process import WireMeter
from tff_methods.runtime.kernels import uses_onednn
from tff_methods.runtime.local_context import create_local_context
from tff_methods.runtime.local_context import set_local_context
from tff_methods.runtime.orphans import find as find_orphans
from tff_methods.runtime.program_context import create_program_context
from tff_methods.runtime.remote_context import check_mergeable
from tff_methods.runtime.remote_context import create_remote_context
from tff_methods.runtime.remote_context import set_remote_context
from tff_methods.runtime.worker_pool import NoWorkersError
from tff_methods.runtime.workers import end_workers

__all__ = [
  'check_mergeable',
  'create_async_in_process_context',
  'create_in_process_context',
  'create_local_context',
  'create_program_context',
  'create_remote_context',
  'end_workers',
  'find_orphans',
  'NoWorkersError',
  'set_local_context',
  'set_remote_context',
  'uses_onednn',
  'WireMeter',
]
