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
"""Bytes that all clients of a round send and receive."""

import collections
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow_federated as tff

from tff_methods.communication import traced_computation

# Name under which aggregators of this package report received bytes.
PAYLOAD_BYTES = 'payload_bytes'

RoundBytes = collections.OrderedDict[str, int]


def build_round_bytes_fn(
  next_fn: tff.Computation,
) -> Callable[[Mapping[str, Any], int], RoundBytes]:
  """Builds a function that returns the bytes of a round.

  The bytes of one client are counted once, in the trace of the computation.
  They are checked against the bytes that aggregators counted on arrival
  (`PAYLOAD_BYTES`), if the metrics report them: these are a part of the uplink.

  Args:
    next_fn: `next` of any process of TFF or of this package. Data and states
      that clients hold are not counted.

  Returns:
    A function of the metrics of a round and its number of clients that returns
    an `OrderedDict` of `uplink_bytes` and `downlink_bytes`, the totals over
    these clients. It raises `ValueError` if the metrics report more bytes than
    the trace has.

  Raises:
    ValueError: If the size of a sent tensor is not static.
  """
  bytes_per_client = traced_computation.traced_bytes(next_fn)

  def round_bytes(metrics: Mapping[str, Any], num_clients: int) -> RoundBytes:
    uplink = bytes_per_client.uplink * num_clients
    received = _received_bytes(metrics)
    if received > uplink:
      raise ValueError(
        f'Expected at most {uplink} bytes from {num_clients} clients, found '
        f'{received} in the metrics: give the number of clients of the round '
        'that these metrics are from.'
      )
    return collections.OrderedDict(
      uplink_bytes=uplink,
      downlink_bytes=bytes_per_client.downlink * num_clients,
    )

  return round_bytes


def _received_bytes(metrics: Any) -> int:
  """Returns the sum of all `PAYLOAD_BYTES` in nested metrics."""
  if not isinstance(metrics, Mapping):
    return 0
  return sum(
    int(value) if name == PAYLOAD_BYTES else _received_bytes(value)
    for name, value in metrics.items()
  )
