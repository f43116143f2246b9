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
"""Bytes of a round of any learning process."""

import collections
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow_federated as tff

from tff_methods.communication import traced_bytes

# What aggregators of this package call the bytes that they received.
PAYLOAD_BYTES = 'payload_bytes'

RoundBytes = collections.OrderedDict[str, int]


def build_round_bytes_fn(
  next_fn: tff.Computation,
) -> Callable[[Mapping[str, Any], int], RoundBytes]:
  """Builds the function that tells the bytes of a round.

  The bytes of one client are counted once, in the trace of the computation.
  What the aggregators counted as it arrived, if the metrics have it, has to be
  a part of that.

  Args:
    next_fn: The `next` of any process of TFF or of this package. What clients
      already hold, such as their data and states, is not counted.

  Returns:
    A function of the metrics of a round and its number of clients that returns
    an `OrderedDict` of `uplink_bytes` and `downlink_bytes`, the totals over
    these clients. It raises `ValueError` if the metrics count more than the
    trace.

  Raises:
    ValueError: If the size of something sent is not known when traced.
  """
  client_bytes = traced_bytes.traced_bytes(next_fn)

  def round_bytes(metrics: Mapping[str, Any], num_clients: int) -> RoundBytes:
    uplink = client_bytes.uplink * num_clients
    received = _received_bytes(metrics)
    if received > uplink:
      raise ValueError(
        f'Expected at most {uplink} bytes from {num_clients} clients, found '
        f'{received} in the metrics: give the number of clients of the round '
        'that these metrics are from.'
      )
    return collections.OrderedDict(
      uplink_bytes=uplink, downlink_bytes=client_bytes.downlink * num_clients
    )

  return round_bytes


def _received_bytes(metrics: Any) -> int:
  if not isinstance(metrics, Mapping):
    return 0
  return sum(
    int(value) if name == PAYLOAD_BYTES else _received_bytes(value)
    for name, value in metrics.items()
  )
