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
"""Bytes on the uplink and downlink: of payloads, processes and rounds."""

# pylint: disable=g-importing-member
from tff_methods.communication.payload import payload_bytes
from tff_methods.communication.payload import payload_spec
from tff_methods.communication.round_bytes import build_round_bytes_fn
from tff_methods.communication.traced_computation import ClientBytes
from tff_methods.communication.traced_computation import traced_bytes
from tff_methods.communication.traced_computation import type_bytes

__all__ = [
  'build_round_bytes_fn',
  'ClientBytes',
  'payload_bytes',
  'payload_spec',
  'traced_bytes',
  'type_bytes',
]
