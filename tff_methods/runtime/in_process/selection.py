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
import logging
import threading

import tensorflow as tf
import tensorflow_federated as tff

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
_lock = threading.Lock()


class Graphs:
  """The graphs of a function that is wholly made of them.

  Attributes:
    graphs: The graphs.
    bulk_functions: By device, what was made of the function for many keys.
  """

  def __init__(self, graphs):
    self.graphs = frozenset(graphs)
    self.bulk_functions = {}


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
  with tf.device(place.device):
    bulk = keys.shape[0] and _bulk_function(
      select_fn, place.device, server_value, keys
    )
    if bulk:
      return bulk(server_value, keys)
  slices = [
    values.flatten(select_fn(place, (server_value, key))) for key in keys
  ]
  with tf.device(place.device):
    return [tf.stack(tensors) for tensors in zip(*slices, strict=True)]


def as_sequence(slices: list[tf.Tensor], slice_type: tff.Type) -> tf.Tensor:
  """Returns the slices as a sequence, one element for each key."""
  if not slices:  # There were no keys.
    slices = [tf.zeros([0, *t.shape], t.dtype) for t in _flat_types(slice_type)]
  with tf.device('/device:CPU:0'):
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


def _bulk_function(
  select_fn, device: str, server_value, keys
) -> Callable[..., list[tf.Tensor]] | None:
  """Returns the function for all keys at once, or `None` if there is none."""
  graphs = select_fn.graphs
  if graphs is None or not all(
    not graph.is_stateful and graph.op_types <= _ELEMENTWISE_OPS
    for graph in graphs.graphs
  ):
    return None
  with _lock:
    if device not in graphs.bulk_functions:
      function = _build_bulk_function(select_fn, device)
      graphs.bulk_functions[device] = (
        function if _can_trace(function, server_value, keys) else None
      )
    return graphs.bulk_functions[device]


def _build_bulk_function(select_fn, device: str):
  place = values.Place(device, values.Call(num_clients=0))

  @tf.function(autograph=False, reduce_retracing=True)
  def select_all(server_value, keys):
    return tf.vectorized_map(
      lambda key: values.flatten(select_fn(place, (server_value, key))),
      keys,
      fallback_to_while_loop=False,
    )

  return select_all


def _can_trace(function, *arguments) -> bool:
  """Returns whether TensorFlow knows how to vectorize all ops."""
  logger = tf.get_logger()
  level = logger.level
  logger.setLevel(logging.CRITICAL)  # It logs what it cannot as errors.
  try:
    function.get_concrete_function(*arguments)
  except Exception:  # pylint: disable=broad-exception-caught
    # Of many kinds. What is wrong with the function itself shows again when it
    # is called for each key.
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
