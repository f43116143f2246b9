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
otherwise computes each element by itself, is called here once for all keys of a
client, and gives the same bits. Any other is called for each key.
"""

from collections.abc import Callable
import threading
import weakref

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.runtime.in_process import graph_functions
from tff_methods.runtime.in_process import values

# They move elements, or compute each by itself and round exactly, so that it
# makes no difference how many there are. (`Exp` is not among them: how it
# rounds depends on where in the tensor an element is.)
_ELEMENTWISE_OPS = frozenset(
  ['Add', 'AddV2', 'BroadcastTo', 'Cast', 'ConcatV2', 'Const', 'Equal']
  + ['ExpandDims', 'Fill', 'FloorMod', 'Gather', 'GatherNd', 'GatherV2']
  + ['Greater', 'GreaterEqual', 'Identity', 'Less', 'LessEqual', 'Maximum']
  + ['Minimum', 'Mul', 'NoOp', 'Pack', 'Placeholder', 'RealDiv', 'Reshape']
  + ['Select', 'SelectV2', 'Shape', 'Slice', 'Squeeze', 'StridedSlice', 'Sub']
  + ['Tile', 'Transpose', 'Unpack', 'ZerosLike']
)
_bulk_functions = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def select_slices(
  place: values.Place, select_fn, server_value: values.Value, keys, max_key
) -> list[tf.Tensor]:
  """Selects what one client asks for.

  Args:
    place: Where the slices are made.
    select_fn: The function from the server's value and a key to a slice.
    server_value: What the slices are of.
    keys: The keys of the client, `int32[K]`.
    max_key: All keys are below it.

  Returns:
    The tensors of the slices, each for all keys, with the key's index first.

  Raises:
    ValueError: If a key is out of range.
  """
  _check_keys(keys.numpy(), max_key.numpy())
  flat_value = values.flatten(server_value)
  bulk = _bulk_function(select_fn)
  if bulk is not None and keys.shape[0]:
    with tf.device(place.device):
      return bulk(values.bring(flat_value, place.device), keys)
  slices = [
    values.flatten(select_fn(place, (server_value, key))) for key in keys
  ]
  with tf.device(place.device):
    return [tf.stack(tensors) for tensors in zip(*slices, strict=True)]


def as_sequence(
  slices: list[tf.Tensor], slice_type: tff.Type
) -> tf.Tensor:
  """Returns the slices as a sequence, one element for each key."""
  types = _flat_types(slice_type)
  if not slices:  # There were no keys.
    slices = [tf.zeros([0, *t.shape], t.dtype) for t in types]
  with tf.device(graph_functions.CPU):
    return tf.raw_ops.TensorSliceDataset(
      components=slices, output_shapes=[x.shape[1:] for x in slices]
    )


def check_slice_type(slice_type: tff.Type) -> None:
  """Raises `ValueError` if TensorFlow and TFF would order it differently."""
  if isinstance(slice_type, tff.StructType):
    names = [name for name, _ in tff.structure.iter_elements(slice_type)]
    if any(names) and names != sorted(names):
      raise ValueError(
        'Expected slices with names in alphabetical order, in which TensorFlow '
        f'puts the elements of a data set, found {names}: sort them.'
      )
    for _, element_type in tff.structure.iter_elements(slice_type):
      check_slice_type(element_type)


def _check_keys(keys, max_key) -> None:
  if keys.size and not (0 <= keys.min() and keys.max() < max_key):
    wrong = keys[(keys < 0) | (keys >= max_key)]
    raise ValueError(
      f'Expected keys in [0, {max_key}), found {wrong[0]}: check the keys of '
      'the clients.'
    )


def _bulk_function(select_fn) -> Callable[..., list[tf.Tensor]] | None:
  """Returns the function for all keys at once, or `None` if there is none."""
  if not isinstance(select_fn, graph_functions.GraphFunction):
    return None
  with _lock:
    if select_fn not in _bulk_functions:
      _bulk_functions[select_fn] = _build_bulk_function(select_fn)
    return _bulk_functions[select_fn]


def _build_bulk_function(select_fn):
  if select_fn.is_stateful or not select_fn.op_types <= _ELEMENTWISE_OPS:
    return None
  select = select_fn.function()

  @tf.function(autograph=False, reduce_retracing=True)
  def select_all(flat_value, keys):
    return tf.vectorized_map(
      lambda key: select(*flat_value, key), keys, fallback_to_while_loop=False
    )

  return select_all


def _flat_types(type_spec: tff.Type) -> list[tff.TensorType]:
  if isinstance(type_spec, tff.StructType):
    return [
      flat
      for _, element in tff.structure.iter_elements(type_spec)
      for flat in _flat_types(element)
    ]
  return [type_spec]
