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
"""`federated_select` for all keys of a client at once.

TFF calls the select function once for each key. A function that gathers, or
computes each element independently, is vectorized here over all keys of a
client, with the same bits. Any other function is called for each key.
"""

from collections.abc import Callable, Iterable
import logging
import threading
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.runtime.in_process import data_sequences
from tff_methods.runtime.in_process import values

# Ops that move elements, or compute each independently with exact rounding, so
# that results do not depend on the number of elements. (`Exp` is not among
# them: its rounding depends on the position of an element in the tensor.)
_ELEMENTWISE_OPS = frozenset(
  ['Add', 'AddV2', 'BroadcastTo', 'Cast', 'ConcatV2', 'Const', 'Equal']
  + ['ExpandDims', 'Fill', 'FloorMod', 'Gather', 'GatherNd', 'GatherV2']
  + ['Greater', 'GreaterEqual', 'Identity', 'Less', 'LessEqual', 'Maximum']
  + ['Minimum', 'Mul', 'NoOp', 'Pack', 'Placeholder', 'RealDiv', 'Reshape']
  + ['Select', 'SelectV2', 'Shape', 'Slice', 'Squeeze', 'StridedSlice', 'Sub']
  + ['Tile', 'Transpose', 'Unpack', 'ZerosLike']
)
_lock = threading.Lock()

_VectorizedFunction = Callable[[values.Value, tf.Tensor], list[tf.Tensor]]


class Graphs:
  """The graphs of a function that consists of TensorFlow graphs alone.

  Attributes:
    graphs: The graphs, as `graph_functions.GraphFunction`s.
    vectorized_functions: The function vectorized over keys, by device; `None`
      if TensorFlow cannot vectorize it.
  """

  def __init__(self, graphs: Iterable[Any]):
    """Vectorizes nothing yet.

    Args:
      graphs: The graphs.
    """
    self.graphs = frozenset(graphs)
    self.vectorized_functions: dict[str, _VectorizedFunction | None] = {}


def select_slices(
  place: values.Place,
  select_fn: Callable[[values.Place, values.Value], values.Value],
  server_value: values.Value,
  keys: tf.Tensor,
  max_key: tf.Tensor,
) -> list[tf.Tensor]:
  """Selects the slices that one client requests.

  Args:
    place: Device and call of the client.
    select_fn: Function from the server's value and a key to a slice; its
      attribute `graphs` is a `Graphs`, or `None`.
    server_value: Value that the slices are taken from.
    keys: Keys of the client, `int32[K]`.
    max_key: Exclusive upper bound of the keys, `int32`.

  Returns:
    The tensors of the slices, stacked over keys along a leading axis.

  Raises:
    ValueError: If a key is out of range.
  """
  _check_keys(keys.numpy(), max_key.numpy())
  with tf.device(place.device):
    vectorized = keys.shape[0] and _vectorized_function(
      select_fn, place.device, server_value, keys
    )
    if vectorized:
      return vectorized(server_value, keys)
  slices = [
    values.flatten(select_fn(place, (server_value, key))) for key in keys
  ]
  with tf.device(place.device):
    return [tf.stack(tensors) for tensors in zip(*slices, strict=True)]


def as_sequence(
  slices: list[tf.Tensor], slice_type: tff.Type
) -> data_sequences.DataSequence:
  """Returns the sequence of slices, with one element for each key.

  Args:
    slices: Result of `select_slices`.
    slice_type: Type of one slice.
  """
  if not slices:  # There were no keys.
    slices = [tf.zeros([0, *t.shape], t.dtype) for t in _flat_types(slice_type)]
  with tf.device(data_sequences.CPU):
    variant = tf.raw_ops.TensorSliceDataset(
      components=slices, output_shapes=[x.shape[1:] for x in slices]
    )
  return data_sequences.DataSequence(
    variant, may_reshuffle=False, is_unread=True
  )


def check_slice_type(slice_type: tff.Type) -> None:
  """Raises `ValueError` if TensorFlow reorders the elements of this type.

  Args:
    slice_type: Type of one slice.

  Raises:
    ValueError: If names are not in alphabetical order.
  """
  if isinstance(slice_type, tff.StructType):
    names = [name for name, _ in tff.structure.iter_elements(slice_type)]
    if any(names) and names != sorted(names):
      raise ValueError(
        'Expected slices with names in alphabetical order, in which TensorFlow '
        f'puts the elements of a data set, found {names}: sort them.'
      )
    for _, element_type in tff.structure.iter_elements(slice_type):
      check_slice_type(element_type)


def _check_keys(keys: Any, max_key: Any) -> None:
  if keys.size and not (0 <= keys.min() and keys.max() < max_key):
    wrong = keys[(keys < 0) | (keys >= max_key)]
    raise ValueError(
      f'Expected keys in [0, {max_key}), found {wrong[0]}: check the keys of '
      'the clients.'
    )


def _vectorized_function(
  select_fn: Any, device: str, server_value: values.Value, keys: tf.Tensor
) -> _VectorizedFunction | None:
  """Returns the cached function of all keys, or `None` if there is none."""
  graphs = select_fn.graphs
  if graphs is None or not all(
    not graph.is_stateful and graph.op_types <= _ELEMENTWISE_OPS
    for graph in graphs.graphs
  ):
    return None
  with _lock:
    if device not in graphs.vectorized_functions:
      function = _vectorize(select_fn, device)
      graphs.vectorized_functions[device] = (
        function if _can_trace(function, server_value, keys) else None
      )
    return graphs.vectorized_functions[device]


def _vectorize(select_fn: Any, device: str) -> Any:
  place = values.Place(device, values.Call(num_clients=0))

  @tf.function(autograph=False, reduce_retracing=True)
  def select_all(server_value, keys):
    return tf.vectorized_map(
      lambda key: values.flatten(select_fn(place, (server_value, key))),
      keys,
      fallback_to_while_loop=False,
    )

  return select_all


def _can_trace(function: Any, *arguments: Any) -> bool:
  """Returns true if TensorFlow can vectorize all ops of the function."""
  logger = tf.get_logger()
  level = logger.level
  logger.setLevel(logging.CRITICAL)  # It logs unsupported ops as errors.
  try:
    function.get_concrete_function(*arguments)
  except Exception:  # pylint: disable=broad-exception-caught
    # TensorFlow raises many types. An error of the function itself occurs again
    # when it is called for each key.
    return False
  finally:
    logger.setLevel(level)
  return True


def _flat_types(type_spec: tff.Type) -> list[tff.TensorType]:
  if isinstance(type_spec, tff.StructType):
    return [
      flat
      for _, element in tff.structure.iter_elements(type_spec)
      for flat in _flat_types(element)
    ]
  return [type_spec]
