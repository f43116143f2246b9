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
"""Bytes that one client sends and receives, counted in a traced computation.

TFF does not report bytes. But every value that crosses between server and
clients is the argument of an intrinsic in the trace, with its type. So the
bytes of one client in a round are known before the first round.
"""

import dataclasses

import numpy as np
import tensorflow_federated as tff

# Intrinsics whose first argument is a value that each client sends.
_UPLINK = frozenset(
  ['federated_aggregate', 'federated_mean', 'federated_sum']
  + ['federated_secure_modular_sum', 'federated_secure_sum']
  + ['federated_secure_sum_bitwidth', 'federated_max', 'federated_min']
)
# `federated_weighted_mean` takes the value and the weight.
_UPLINK_PAIR = 'federated_weighted_mean'
_MODULAR_SUM = 'federated_secure_modular_sum'
_DOWNLINK = 'federated_broadcast'
_SELECT = frozenset(['federated_select', 'federated_secure_select'])
# Intrinsics without communication.
_LOCAL = (
  *('federated_apply', 'federated_eval', 'federated_map', 'federated_value'),
  *('federated_zip', 'generic_', 'sequence_'),
)


@dataclasses.dataclass(frozen=True)
class ClientBytes:
  """Bytes of one client in one run of a computation.

  Attributes:
    uplink: Bytes that a client sends to the server.
    downlink: Bytes that a client receives from the server.
  """

  uplink: int
  downlink: int

  def __add__(self, other: 'ClientBytes') -> 'ClientBytes':
    """Returns the sums of both directions."""
    return ClientBytes(
      self.uplink + other.uplink, self.downlink + other.downlink
    )


def traced_bytes(computation: tff.Computation) -> ClientBytes:
  """Counts the bytes between server and one client in a traced computation.

  Counts the arguments of all aggregations, sums and means (uplink), broadcasts
  (downlink) and selections (keys: uplink, slices: downlink), whether values,
  weights, seeds or metrics. Data that clients hold are not counted.

  The values of a secure modular sum of modulus `m` take `ceil(log2(m))` bits
  each, in whole bytes for all of them; those of other secure sums, whose
  protocol chooses a modulus for the number of clients, as many as their dtype.

  Args:
    computation: A computation, such as the `next` of a process.

  Returns:
    The bytes of one client.

  Raises:
    ValueError: If the size of a sent tensor is not static (a string, or an
      unknown dimension), or an intrinsic is unknown.
  """
  # Inlines every call, so that a computation called twice counts twice.
  block = tff.framework.to_call_dominant(computation.to_building_block())
  total = ClientBytes(0, 0)

  def visit(block):
    nonlocal total
    if isinstance(block, tff.framework.Call) and isinstance(
      block.function, tff.framework.Intrinsic
    ):
      total += _call_bytes(block)
    return block, False

  tff.framework.transform_preorder(block, visit)
  return total


def type_bytes(type_spec: tff.Type) -> int:
  """Returns the bytes of all tensors in a type.

  Args:
    type_spec: Type of tensors or structures of them, placed or not.

  Raises:
    ValueError: If the type has strings, sequences or unknown dimensions.
  """
  if isinstance(type_spec, tff.FederatedType):
    return type_bytes(type_spec.member)
  if isinstance(type_spec, tff.StructType):
    return sum(type_bytes(t) for _, t in tff.structure.iter_elements(type_spec))
  if not isinstance(type_spec, tff.TensorType) or not _is_static(type_spec):
    raise ValueError(
      f'Expected sent tensors of a static size, found {type_spec}: give them '
      'static shapes and numeric dtypes.'
    )
  size = tff.types.num_elements_in_shape(type_spec.shape)
  return size * np.dtype(type_spec.dtype).itemsize


def _call_bytes(call: tff.framework.Call) -> ClientBytes:
  """Returns the bytes of the call of an intrinsic."""
  uri, argument = call.function.uri, call.argument
  if uri in _UPLINK:
    # Sums take the value alone; other intrinsics take it as first argument.
    has_more = isinstance(argument.type_signature, tff.StructType)
    value_type = argument.type_signature
    value_type = value_type[0] if has_more else value_type
    modulus = _modulus(argument) if uri == _MODULAR_SUM else None
    if modulus is not None:
      bits = (modulus - 1).bit_length() * _num_values(value_type)
      return ClientBytes((bits + 7) // 8, 0)
    return ClientBytes(type_bytes(value_type), 0)
  if uri == _UPLINK_PAIR:
    return ClientBytes(type_bytes(argument.type_signature), 0)
  if uri == _DOWNLINK:
    return ClientBytes(0, type_bytes(argument.type_signature))
  if uri in _SELECT:
    keys, slices = argument.type_signature[0], call.type_signature
    num_keys = keys.member.shape[0]
    return ClientBytes(
      type_bytes(keys), num_keys * type_bytes(slices.member.element)
    )
  if not uri.startswith(_LOCAL):
    raise ValueError(
      f'Expected an intrinsic of known communication, found {uri}: add it to '
      'traced_computation.py.'
    )
  return ClientBytes(0, 0)


def _modulus(argument: tff.framework.ComputationBuildingBlock) -> int | None:
  """Returns the modulus of a secure sum; `None` if it is no constant."""
  if not isinstance(argument, tff.framework.Struct):
    return None
  modulus = argument[1]
  if not isinstance(modulus, tff.framework.Literal):
    return None
  return int(modulus.value)


def _num_values(type_spec: tff.Type) -> int:
  """Returns the number of elements of all tensors in a type, all static."""
  if isinstance(type_spec, tff.FederatedType):
    return _num_values(type_spec.member)
  if isinstance(type_spec, tff.StructType):
    elements = tff.structure.iter_elements(type_spec)
    return sum(_num_values(element) for _, element in elements)
  return tff.types.num_elements_in_shape(type_spec.shape)


def _is_static(type_spec: tff.TensorType) -> bool:
  is_numeric = np.dtype(type_spec.dtype).kind not in 'OSU'
  return is_numeric and tff.types.is_shape_fully_defined(type_spec.shape)
