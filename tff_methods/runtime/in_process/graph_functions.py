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
"""TensorFlow computations imported as functions of this process.

Each computation is imported once and cached. Graphs that run in one process
share by name what separate sessions would keep apart. It is isolated here:

*   Functions in a graph's library get unique names.
*   Variables, tables and other resources: concurrent calls would write to the
    same ones and silently return wrong results. So a graph with any of them is
    imported once more for each concurrent call, with unique names, and runs its
    initialization op at each call.
*   Devices: data sets stay on the CPU, even if the graph runs on a GPU.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
import contextlib
import hashlib
import itertools
import threading
from typing import Any
import weakref

import tensorflow as tf
from tensorflow_federated.proto.v0 import computation_pb2

from tff_methods.runtime.in_process import data_sequences
from tff_methods.runtime.in_process import graph_defs
from tff_methods.runtime.in_process import selection
from tff_methods.runtime.in_process import values

# Imports change global state of TensorFlow.
_import_lock = threading.Lock()
_import_numbers = itertools.count()
_functions: 'weakref.WeakValueDictionary[bytes, GraphFunction]' = (
  weakref.WeakValueDictionary()
)
_functions_lock = threading.Lock()


class GraphFunction:
  """TensorFlow computation that many threads can call concurrently.

  Attributes:
    graphs: This graph alone, for `selection`.
    is_stateful: True if the graph has variables or other named resources.
    op_types: Types of all ops, those of library functions included.
  """

  def __init__(self, proto: computation_pb2.TensorFlow):
    """Unpacks the graph; imports nothing yet.

    Args:
      proto: TensorFlow computation.
    """
    graph_def = tf.compat.v1.GraphDef()
    proto.graph_def.Unpack(graph_def)
    self._graph_def = graph_def
    self._parameter_names = _flat_names(proto.parameter)
    self._result_names = _flat_names(proto.result)
    self._result_template = _template(proto.result)
    self._sequence_positions = [
      i
      for i, leaf in enumerate(_leaves(proto.result))
      if leaf.WhichOneof('binding') == 'sequence'
    ]
    self._initialize_op = proto.initialize_op
    self._session_token = proto.session_token_tensor_name
    ops = list(graph_defs.all_nodes(graph_def))
    self.is_stateful = bool(proto.initialize_op) or any(
      'shared_name' in op.attr for op in ops
    )
    self.op_types = frozenset(op.op for op in ops)
    self._shuffles = bool(self.op_types & data_sequences.SHUFFLE_OPS)
    self.graphs = selection.Graphs([self])
    self._instances = _Instances(self._import, self.is_stateful)

  def __call__(
    self, place: values.Place, argument: values.Value
  ) -> values.Value:
    """Runs the graph.

    Args:
      place: Device and call of the run.
      argument: Value of the parameter; `None` if there is none.

    Returns:
      The value of the result.
    """
    flat_argument = values.flatten(argument)
    tensors = [data_sequences.start(x) for x in flat_argument]
    with self._instances.borrow(place.device) as instance:
      with tf.device(place.device):
        flat_result = list(
          instance(*values.copy_to_device(tensors, place.device))
        )
    for i in self._sequence_positions:
      flat_result[i] = data_sequences.DataSequence(
        flat_result[i],
        may_reshuffle=self._shuffles
        or any(map(data_sequences.may_reshuffle, flat_argument)),
        is_unread=True,
      )
    return values.pack(self._result_template, iter(flat_result))

  def _import(self) -> '_Instance':
    suffix = f'_{next(_import_numbers)}'
    graph_def = graph_defs.importable(self._graph_def, suffix)
    with _import_lock, tf.init_scope():
      run = _import_results(
        graph_def,
        self._parameter_names,
        self._result_names,
        self._session_token,
      )
      initialize = None
      if self._initialize_op:
        initialize = _import_op(
          graph_def, self._initialize_op, self._session_token
        )
    return _Instance(run, initialize)


class _Instance:
  """A graph, imported under unique names."""

  def __init__(
    self,
    run: Callable[..., list[tf.Tensor]],
    initialize: Callable[[], Any] | None,
  ):
    self._run = run
    self._initialize = initialize

  def __call__(self, *flat_argument: tf.Tensor) -> list[tf.Tensor]:
    if self._initialize is not None:
      self._initialize()
    return self._run(*flat_argument)


class _Instances:
  """Imports of a graph: one for each concurrent call if it has state."""

  def __init__(self, create: Callable[[], _Instance], is_stateful: bool):
    self._create = create
    self._is_stateful = is_stateful
    self._lock = threading.Lock()
    # Instances with state that no call uses, by device, since variables stay on
    # the device of their creation.
    self._idle: dict[str, list[_Instance]] = {}
    self._shared_instance: _Instance | None = None

  @contextlib.contextmanager
  def borrow(self, device: str) -> Generator[_Instance, None, None]:
    """Lends an instance, exclusively if the graph has state."""
    if not self._is_stateful:
      yield self._shared()
      return
    with self._lock:
      idle = self._idle.setdefault(device, [])
      instance = idle.pop() if idle else None
    if instance is None:
      instance = self._create()
    yield instance
    # Discarded after an error, which may leave resources inconsistent.
    with self._lock:
      idle.append(instance)

  def _shared(self) -> _Instance:
    with self._lock:
      if self._shared_instance is None:
        self._shared_instance = self._create()
      return self._shared_instance


def graph_function(proto: computation_pb2.Computation) -> GraphFunction:
  """Returns the function of a TensorFlow computation.

  Equal computations share one function, which is cached while it is referenced.

  Args:
    proto: Computation.

  Raises:
    ValueError: If the computation is of another technology than TensorFlow.
  """
  kind = proto.WhichOneof('computation')
  if kind != 'tensorflow':
    raise ValueError(
      f'Expected computations of TensorFlow, found one of {kind!r}: write it '
      'with `tff.tensorflow.computation`.'
    )
  key = hashlib.sha256(
    proto.tensorflow.SerializeToString(deterministic=True)
  ).digest()
  with _functions_lock:
    function = _functions.get(key)
    if function is None:
      function = _functions[key] = GraphFunction(proto.tensorflow)
    return function


def _flat_names(binding: computation_pb2.TensorFlow.Binding) -> list[str]:
  return [
    leaf.sequence.variant_tensor_name or leaf.tensor.tensor_name
    for leaf in _leaves(binding)
  ]


def _leaves(
  binding: computation_pb2.TensorFlow.Binding,
) -> Iterable[computation_pb2.TensorFlow.Binding]:
  """Yields the bindings of tensors and sequences in a binding, in order."""
  kind = binding.WhichOneof('binding')
  if kind == 'struct':
    for element in binding.struct.element:
      yield from _leaves(element)
  elif kind is not None:
    yield binding


def _template(
  binding: computation_pb2.TensorFlow.Binding,
) -> values.Template:
  """Returns the structure of a binding, with `None` in place of tensors."""
  if binding.WhichOneof('binding') == 'struct':
    return tuple(map(_template, binding.struct.element))
  return None


def _import_results(
  graph_def: tf.compat.v1.GraphDef,
  parameter_names: Sequence[str],
  result_names: Sequence[str],
  session_token: str,
) -> Callable[..., list[tf.Tensor]]:
  """Imports the part that the results need, as a function of parameters."""
  placeholders = {node.name: node for node in graph_def.node}
  signature = [
    _placeholder_spec(placeholders[graph_defs.node_name(name)])
    for name in parameter_names
  ]
  needed = graph_defs.sub_graph(
    graph_def,
    map(graph_defs.node_name, result_names),
    fed_names=map(graph_defs.node_name, parameter_names),
  )

  def run(*arguments):
    inputs = dict(zip(parameter_names, arguments, strict=True))
    return [
      tf.identity(inputs[name]) if name in inputs else result
      for name, result in zip(
        result_names,
        _import_graph_def(needed, inputs, result_names, session_token),
        strict=True,
      )
    ]

  return tf.compat.v1.wrap_function(run, signature)


def _import_op(
  graph_def: tf.compat.v1.GraphDef, op_name: str, session_token: str
) -> Callable[[], Any]:
  """Imports the part that an op needs, as a function that runs the op."""
  needed = graph_defs.sub_graph(graph_def, [op_name])

  def run():
    (op,) = _import_graph_def(needed, {}, [op_name], session_token)
    with tf.control_dependencies([op]):
      return tf.constant(True)  # `wrap_function` requires a tensor.

  return tf.compat.v1.wrap_function(run, [])


def _import_graph_def(
  graph_def: tf.compat.v1.GraphDef,
  inputs: Mapping[str, tf.Tensor],
  return_names: Sequence[str],
  session_token: str,
) -> list[Any]:
  names = {node.name for node in graph_def.node}
  if graph_defs.node_name(session_token) in names:
    inputs = {**inputs, session_token: tf.constant('')}
  return tf.graph_util.import_graph_def(
    graph_def,
    # TensorFlow raises for an input that no node uses.
    {
      name: x
      for name, x in inputs.items()
      if graph_defs.node_name(name) in names
    },
    list(return_names),
    name='',
  )


def _placeholder_spec(node: tf.compat.v1.NodeDef) -> tf.TensorSpec:
  shape = node.attr['shape'].shape if 'shape' in node.attr else None
  return tf.TensorSpec(shape, tf.as_dtype(node.attr['dtype'].type))
