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
"""Checks of the types of values and weights given to `create`."""

import collections
from collections.abc import Sequence

import tensorflow as tf
import tensorflow_federated as tff

# Dtypes of the values of `tff.aggregators.MeanFactory`.
MEAN_DTYPES = (tf.float16, tf.float32, tf.float64)

_VALUES = (
  'give a tff.TensorType, or a struct of them, such as the type of the '
  "model's trainable weights"
)


def check_value_type(
  value_type: tff.Type, dtypes: Sequence[tf.DType] | None = None
) -> tff.Type:
  """Checks the type of a client's value.

  Args:
    value_type: Type to check.
    dtypes: Valid dtypes of the tensors; `None` for all numeric ones.

  Returns:
    The type, with a Python container for each struct. A struct without one
    gets a tuple, or, if its elements have names, an `OrderedDict`. Structs may
    be empty.

  Raises:
    TypeError: If the type is neither a tensor nor a struct of tensors, or a
      tensor is not numeric or its shape not fully defined. Ragged tensors and
      partly named structs are refused.
  """
  if isinstance(value_type, tff.TensorType):
    _check_tensor_type(value_type, dtypes)
    return value_type
  if not isinstance(value_type, tff.StructType):
    raise TypeError(
      f'Expected a type of tensors, found {_name(value_type)}: {_VALUES}.'
    )
  container = getattr(value_type, 'python_container', None)
  if container is not None and issubclass(
    container, tf.RaggedTensor | tf.SparseTensor
  ):
    raise TypeError(
      f'Expected dense tensors, found {container.__name__}: {_VALUES}.'
    )
  names = tff.structure.name_list_with_nones(value_type)
  if container is None:
    if None in names and any(names):
      raise TypeError(
        'Expected a struct whose elements all have names, or none, found '
        f'{value_type}: name all of them.'
      )
    container = collections.OrderedDict if any(names) else tuple
  return tff.types.StructWithPythonType(
    [
      (name, check_value_type(element, dtypes))
      for name, element in zip(names, value_type, strict=True)
    ],
    container,
  )


def check_weight_type(weight_type: tff.Type) -> None:
  """Checks the type of a client's weight.

  Args:
    weight_type: Type to check.

  Raises:
    TypeError: If the type is not a scalar of an integer or floating dtype.
  """
  if (
    not isinstance(weight_type, tff.TensorType)
    or weight_type.shape != ()
    or not _is_real(weight_type)
  ):
    raise TypeError(
      f'Expected the weight of a client to be a number, found '
      f'{_name(weight_type)}: give tff.TensorType(np.float32).'
    )


def _check_tensor_type(
  value_type: tff.TensorType, dtypes: Sequence[tf.DType] | None
) -> None:
  """Raises `TypeError` unless the shape is static, and the dtype numeric."""
  # Strings have no sum, and bools none of their own dtype.
  if not (_is_real(value_type) or _dtype(value_type).is_complex):
    raise TypeError(
      f'Expected numeric tensors, found {value_type}: leave other weights out '
      'of what clients send.'
    )
  if dtypes is not None and _dtype(value_type) not in dtypes:
    names = ', '.join(dtype.name for dtype in dtypes)
    raise TypeError(
      f'Expected tensors of one of the dtypes {names}, found {value_type}: '
      'cast them, or make weights of other dtypes non-trainable.'
    )
  shape = value_type.shape
  if shape is None or None in shape:
    raise TypeError(
      f'Expected tensors of fully defined shapes, found {_name(value_type)}: '
      'give every layer its input shape.'
    )


def _dtype(value_type: tff.TensorType) -> tf.DType:
  return tf.dtypes.as_dtype(value_type.dtype)


def _is_real(value_type: tff.TensorType) -> bool:
  """Returns true for an integer or floating dtype, bfloat16 included."""
  dtype = _dtype(value_type)
  return dtype.is_floating or dtype.is_integer


def _name(found: object) -> str:
  """Returns a type of TFF as text, or the name of the class of `found`."""
  if isinstance(found, tff.Type):
    return str(found).replace('\n', ' ')
  return f'{found!r}' if isinstance(found, type) else type(found).__name__
