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
"""In-process context that tests share, since it keeps what it compiled."""

import functools

import tensorflow_federated as tff

from tff_methods import runtime


@functools.cache
def in_process() -> tff.framework.SyncContext:
  """Returns a context of two clients at once."""
  return runtime.create_in_process_context('cpu', 2)
