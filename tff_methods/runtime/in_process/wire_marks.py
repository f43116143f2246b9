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
"""Marks of uplink values in a computation.

TFF's compiler turns means and secure sums into other intrinsics, which send
other values. So uplink values are marked before compilation: each passes
through a function that names its intrinsic, which the compiler leaves alone.
"""

from google.protobuf import any_pb2
import tensorflow_federated as tff
from tensorflow_federated.python.core.impl.compiler import (
  building_block_factory,
)

_TYPE_URL = 'tff-methods/wire-mark'
# Intrinsics by URI, with the number of leading elements of the argument that
# clients send.
_NUM_SENT = {
  'federated_aggregate': 1,
  'federated_max': 1,
  'federated_mean': 1,
  'federated_min': 1,
  'federated_secure_modular_sum': 1,
  'federated_secure_sum': 1,
  'federated_secure_sum_bitwidth': 1,
  'federated_sum': 1,
  'federated_weighted_mean': 2,
}
# Their argument is the value itself, not a structure of arguments.
_SINGLE_ARGUMENT = frozenset(
  ['federated_max', 'federated_mean', 'federated_min', 'federated_sum']
)

_Block = tff.framework.ComputationBuildingBlock


def mark_uplink(block: _Block) -> _Block:
  """Returns an equivalent computation in which all uplink values are marked."""
  block, _ = tff.framework.transform_postorder(block, _mark_call)
  return block


def marked_intrinsic(mark: tff.framework.Data) -> str:
  """Returns the URI of the intrinsic that a mark names.

  Args:
    mark: Function of a marked call.

  Raises:
    ValueError: If the block is data, not a mark.
  """
  if mark.content.type_url != _TYPE_URL:
    raise ValueError(
      'Expected computations without embedded data, found some of type '
      f'{mark.type_signature}: make it an argument.'
    )
  return mark.content.value.decode()


def _mark_call(block: _Block) -> tuple[_Block, bool]:
  if not isinstance(block, tff.framework.Call) or not isinstance(
    block.function, tff.framework.Intrinsic
  ):
    return block, False
  uri, argument = block.function.uri, block.argument
  if uri not in _NUM_SENT:
    return block, False
  if uri in _SINGLE_ARGUMENT:
    marked = _mark(uri, argument)
  else:
    marked = tff.framework.Struct(
      [
        (name, _mark(uri, element) if i < _NUM_SENT[uri] else element)
        for i, (name, element) in enumerate(_elements(argument))
      ]
    )
  return tff.framework.Call(block.function, marked), True


def _elements(argument: _Block) -> list[tuple[str | None, _Block]]:
  if isinstance(argument, tff.framework.Struct):
    return list(tff.structure.iter_elements(argument))
  return [
    (name, tff.framework.Selection(argument, index=i))
    for i, (name, _) in enumerate(
      tff.structure.iter_elements(argument.type_signature)
    )
  ]


def _mark(uri: str, argument: _Block) -> _Block:
  member_type = argument.type_signature.member
  mark = tff.framework.Data(
    any_pb2.Any(type_url=_TYPE_URL, value=uri.encode()),
    tff.FunctionType(member_type, member_type),
  )
  return building_block_factory.create_federated_map_or_apply(mark, argument)
