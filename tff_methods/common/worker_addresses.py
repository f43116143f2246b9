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
"""Addresses of remote workers; no TensorFlow import."""

from collections.abc import Sequence

_MAX_PORT = 65535


def check_addresses(addresses: Sequence[str]) -> None:
  """Raises `ValueError` unless these are addresses of distinct workers.

  Args:
    addresses: `host:port` of each worker.

  Raises:
    ValueError: If there is no address, one is not `host:port`, or one occurs
      twice.
  """
  if not addresses:
    raise ValueError('Expected addresses of workers, found none: give one.')
  for address in addresses:
    host, _, port = address.rpartition(':')
    if not (host and port.isdecimal() and 0 < int(port) <= _MAX_PORT):
      raise ValueError(
        f'Expected host:port of a worker, found {address!r}: give it as '
        'localhost:10000.'
      )
  if len(set(addresses)) < len(addresses):
    raise ValueError(
      f'Expected distinct workers, found {",".join(addresses)}: remove '
      'duplicates.'
    )
