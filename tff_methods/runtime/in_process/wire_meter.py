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
"""Meter of the bytes that cross between clients and server."""

import collections
import threading

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.runtime.in_process import data_sequences
from tff_methods.runtime.in_process import values


class WireMeter:
  """Bytes that all clients together have sent and received.

  Attributes:
    uplink: Bytes that clients sent to the server, by intrinsic.
    downlink: Bytes that clients received from the server, by intrinsic.
  """

  def __init__(self) -> None:
    """Starts at zero."""
    self.uplink: collections.Counter[str] = collections.Counter()
    self.downlink: collections.Counter[str] = collections.Counter()
    self._lock = threading.Lock()

  def add_uplink(
    self, intrinsic: str, value: values.Value, type_spec: tff.Type | None = None
  ) -> None:
    """Counts a value that one client sends.

    Args:
      intrinsic: URI of the intrinsic that sends the value.
      value: Value to count.
      type_spec: Type of the value; required if it has sequences.
    """
    self._add(self.uplink, intrinsic, value_bytes(value, type_spec))

  def add_downlink(
    self,
    intrinsic: str,
    value: values.Value,
    type_spec: tff.Type | None = None,
    times: int = 1,
  ) -> None:
    """Counts a value that is sent to several clients.

    Args:
      intrinsic: URI of the intrinsic that sends the value.
      value: Value to count.
      type_spec: Type of the value; required if it has sequences.
      times: Number of clients that receive the value.
    """
    self._add(self.downlink, intrinsic, times * value_bytes(value, type_spec))

  def _add(
    self, counter: collections.Counter[str], intrinsic: str, num_bytes: int
  ) -> None:
    with self._lock:
      counter[intrinsic] += num_bytes


def value_bytes(value: values.Value, type_spec: tff.Type | None = None) -> int:
  """Returns the bytes of the tensors in a value.

  Strings count with their lengths, sequences with all their elements.

  Args:
    value: Value to measure.
    type_spec: Type of the value; required if it has sequences.
  """
  if isinstance(value, data_sequences.DataSequence):
    assert type_spec is not None
    assert isinstance(type_spec, tff.SequenceType)
    element_type = type_spec.element
    return sum(
      value_bytes(values.from_python(element, element_type))
      for element in values.dataset(value, element_type)
    )
  if isinstance(value, tuple):
    types = [None] * len(value)
    if type_spec is not None:
      types = [t for _, t in tff.structure.iter_elements(type_spec)]
    return sum(map(value_bytes, value, types))
  (tensor,) = values.flatten(value)
  if tensor.dtype == tf.string:
    return int(tf.reduce_sum(tf.strings.length(tensor)))
  return tensor.dtype.size * tensor.shape.num_elements()
