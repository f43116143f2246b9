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
"""Values of the in-process runtime, and their conversion from and to Python.

A value is a tensor, a `data_sequences.DataSequence` or a tuple of values. Names
are in the types alone.
"""

import collections
from collections.abc import Iterable, Iterator, Sequence
import dataclasses
import typing
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

# Conversions of TFF's own contexts, which have no public names.
from tensorflow_federated.python.core.impl.compiler import array
from tensorflow_federated.python.core.impl.types import type_conversions
from tensorflow_federated.python.core.impl.types import type_transformations
from tensorflow_federated.python.core.impl.utils import tensorflow_utils

from tff_methods.runtime.in_process import data_sequences

Value: TypeAlias = (
  'tf.Tensor | data_sequences.DataSequence | tuple[Value, ...] | None'
)
# Nested tuples with `None` in place of tensors.
Template: TypeAlias = 'tuple[Template, ...] | None'

# Never copied to other devices: TensorFlow keeps them on the CPU or places them
# by rules of its own.
_UNCOPIED_DTYPES = frozenset([tf.variant, tf.string, tf.resource, tf.int32])


@dataclasses.dataclass(frozen=True)
class Call:
  """A call of a computation.

  Attributes:
    num_clients: Number of clients that take part.
    meters: `wire_meter.WireMeter`s that count the bytes of the call.
  """

  num_clients: int
  meters: Sequence[Any] = ()


@dataclasses.dataclass(frozen=True)
class Place:
  """The device on which, and the call for which, an expression is evaluated.

  Attributes:
    device: Name of a TensorFlow device.
    call: Call of the computation.
  """

  device: str
  call: Call


@dataclasses.dataclass(frozen=True)
class ClientValues:
  """A value for each client.

  Attributes:
    values: The values, in the order of the clients; Python objects if
      `type_spec` is given.
    type_spec: Type of each value if they are Python objects, which `get`
      converts; else `None`.
  """

  values: Sequence[Any]
  type_spec: tff.Type | None = None

  def get(self, index: int) -> Value:
    """Returns the value of one client."""
    if self.type_spec is None:
      return self.values[index]
    return from_python(self.values[index], self.type_spec)


def flatten(value: Value) -> list[Any]:
  """Returns the tensors and sequences of a value, in order."""
  if value is None:
    return []
  return tf.nest.flatten(value)


def pack(template: Template, tensors: Iterator[tf.Tensor]) -> Value:
  """Returns the structure of `template` with tensors in place of `None`."""
  if template is None:
    return next(tensors)
  return tuple([pack(element, tensors) for element in template])


def zeros(type_spec: tff.Type) -> Value:
  """Returns zeros of a type of tensors and structures."""
  if isinstance(type_spec, tff.StructType):
    return tuple(zeros(t) for _, t in tff.structure.iter_elements(type_spec))
  return tf.zeros(type_spec.shape, type_spec.dtype)


def copy_to_device(
  tensors: Iterable[tf.Tensor], device: str
) -> list[tf.Tensor]:
  """Copies tensors to the current device, unless there or not copyable.

  Args:
    tensors: Tensors to copy.
    device: Name of the current device.

  Returns:
    The copies, and the tensors that need none, in order.
  """
  return [
    tensor
    if tensor.dtype in _UNCOPIED_DTYPES
    # Symbolic tensors of a graph under construction have no device yet.
    or not hasattr(tensor, 'numpy')
    or tensor.device.endswith(device)
    else tf.identity(tensor)
    for tensor in tensors
  ]


def from_python(value: Any, type_spec: tff.Type) -> Value:
  """Converts a Python object to a value.

  Args:
    value: Python object, as TFF's contexts take it as an argument.
    type_spec: Type of the value. If it is placed at clients and not all equal,
      the object is a list, whose elements are converted on demand.

  Returns:
    The value, with `ClientValues` for values placed at clients.

  Raises:
    TypeError: If the object is not of this type.
  """
  if isinstance(type_spec, tff.FederatedType):
    if type_spec.placement == tff.CLIENTS and not type_spec.all_equal:
      return ClientValues(value, type_spec.member)
    return from_python(value, type_spec.member)
  if isinstance(type_spec, tff.StructType):
    return _from_struct(value, type_spec)
  if isinstance(type_spec, tff.SequenceType):
    return _from_sequence(value, type_spec)
  if isinstance(type_spec, tff.TensorType):
    return _from_array(value, type_spec)
  raise TypeError(
    'Expected arguments of tensors, structures and sequences, found a '
    f'parameter of type {type_spec}: make it part of the computation.'
  )


def to_python(value: Value, type_spec: tff.Type) -> Any:
  """Converts a value to the Python object that TFF's contexts return.

  Args:
    value: Value, with `ClientValues` for values placed at clients.
    type_spec: Type of the value, with Python containers.

  Returns:
    NumPy arrays, `bytes` for strings, `tf.data.Dataset`s for sequences, in the
    type's containers; lists if placed at clients and not all equal.
  """
  return type_conversions.type_to_py_container(
    _to_structs(value, type_spec), type_spec
  )


def dataset(
  sequence: data_sequences.DataSequence, element_type: tff.Type
) -> tf.data.Dataset:
  """Returns a data set for a reader of a sequence.

  Args:
    sequence: The sequence.
    element_type: Type of its elements.
  """
  element_type, _ = type_transformations.transform_type_postorder(
    element_type, _add_container
  )
  return tensorflow_utils.coerce_dataset_elements_to_tff_type_spec(
    tf.data.experimental.from_variant(
      sequence.start(), type_conversions.type_to_tf_structure(element_type)
    ),
    element_type,
  )


def _from_struct(value: Any, type_spec: tff.StructType) -> Value:
  elements = tff.structure.to_elements(tff.structure.from_container(value))
  types = tff.structure.to_elements(type_spec)
  names = [name for name, _ in types]
  found = [name for name, _ in elements]
  if len(found) != len(names) or any(
    name not in (None, expected)
    for name, expected in zip(found, names, strict=True)
  ):
    raise TypeError(
      f'Expected a structure of type {type_spec}, found one with the names '
      f'{found}: give as many elements, in the same order.'
    )
  return tuple(
    from_python(element, element_type)
    for (_, element), (_, element_type) in zip(elements, types, strict=True)
  )


def _from_sequence(
  value: Any, type_spec: tff.SequenceType
) -> data_sequences.DataSequence:
  if isinstance(value, list):
    value = tensorflow_utils.make_data_set_from_elements(
      None, value, type_spec.element
    )
  if not isinstance(value, tf.data.Dataset):
    raise TypeError(
      f'Expected a `tf.data.Dataset` or a list for {type_spec}, found '
      f'{type(value).__name__}: convert it first.'
    )
  found = tff.SequenceType(tff.types.tensorflow_to_type(value.element_spec))
  if not type_spec.is_assignable_from(found):
    raise TypeError(
      f'Expected a data set of type {type_spec}, found {found}: preprocess it '
      'to match the computation.'
    )
  return data_sequences.of_dataset(value)


def _from_array(value: Any, type_spec: tff.TensorType) -> tf.Tensor:
  dtype = type_spec.dtype.type
  if isinstance(value, tf.Variable):
    value = value.read_value()
  if isinstance(value, tf.Tensor):
    is_compatible = type_spec.is_assignable_from(
      tff.types.tensorflow_to_type(tf.TensorSpec(value.shape, value.dtype))
    )
  else:
    if isinstance(value, (list, tuple)):
      value = np.asarray(value, dtype)
    is_compatible = (
      isinstance(value, typing.get_args(array.Array))
      and array.is_compatible_shape(value, type_spec.shape)
      and array.is_compatible_dtype(value, dtype)
    )
  if not is_compatible:
    raise TypeError(
      f'Expected a value of type {type_spec}, found {_describe(value)}: '
      'convert it first.'
    )
  return tf.convert_to_tensor(value, tf.as_dtype(dtype))


def _describe(value: Any) -> str:
  """Returns dtype and shape of an array, or the name of the Python type."""
  if hasattr(value, 'dtype') and hasattr(value, 'shape'):
    return f'{np.dtype(tf.as_dtype(value.dtype).as_numpy_dtype)}{value.shape}'
  return f'{type(value).__name__}'


def _to_structs(value: Any, type_spec: tff.Type) -> Any:
  if isinstance(type_spec, tff.FederatedType):
    if isinstance(value, ClientValues):
      return [
        _to_structs(value.get(i), type_spec.member)
        for i in range(len(value.values))
      ]
    return _to_structs(value, type_spec.member)
  if isinstance(type_spec, tff.StructType):
    return tff.structure.Struct(
      (name, _to_structs(element, element_type))
      for element, (name, element_type) in zip(
        value, tff.structure.iter_elements(type_spec), strict=True
      )
    )
  if isinstance(type_spec, tff.SequenceType):
    return dataset(value, type_spec.element)
  return value.numpy()


def _add_container(type_spec: tff.Type) -> tuple[tff.Type, bool]:
  """Adds TFF's default Python container to a structure that has none."""
  if not isinstance(type_spec, tff.StructType) or isinstance(
    type_spec, tff.types.StructWithPythonType
  ):
    return type_spec, False
  elements = tff.structure.to_elements(type_spec)
  is_named = any(name is not None for name, _ in elements)
  container = collections.OrderedDict if is_named else tuple
  return tff.types.StructWithPythonType(elements, container), True
