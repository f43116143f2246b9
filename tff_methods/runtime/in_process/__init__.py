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
"""In-process runtime for TFF computations, on the devices of TensorFlow."""

# pylint: disable=g-importing-member
from tff_methods.runtime.in_process.context import AsyncInProcessContext
from tff_methods.runtime.in_process.context import InProcessContext
from tff_methods.runtime.in_process.creation import (
  create_async_in_process_context,
)
from tff_methods.runtime.in_process.creation import create_in_process_context
from tff_methods.runtime.in_process.creation import has_gpu
from tff_methods.runtime.in_process.wire_meter import WireMeter

__all__ = [
  'AsyncInProcessContext',
  'create_async_in_process_context',
  'create_in_process_context',
  'has_gpu',
  'InProcessContext',
  'WireMeter',
]
