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

The functions of data sets that graphs make, as of `map`, run as they are
written: TensorFlow would optimize them again for each iterator, which takes
milliseconds for each client. What optimizing merges (`x * 2.0 * 3.0`) may differ
in the last bit from TFF's C++ runtime.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
import contextlib
import hashlib
import itertools
import re
import threading
from typing import Any
import weakref

import tensorflow as tf
from tensorflow_federated.proto.v0 import computation_pb2

from tff_methods.runtime.in_process import data_sequences
from tff_methods.runtime.in_process import selection
from tff_methods.runtime.in_process import values

# Ops of `tf.data`, which have kernels for the CPU alone.
_DATA_OP = re.compile('Dataset|Iterator|Optional')
# Runs all steps of a loop, which makes up for optimizing its function.
_LOOP_OP = 'ReduceDataset'
# TensorFlow runs a function with this attribute on one device, and `tf.data`
# optimizes only functions that may run on several.
_ONE_DEVICE = 'experimental_ints_on_device'
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
    ops = list(_all_nodes(graph_def))
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
    graph_def = _with_unique_names(self._graph_def, suffix)
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


def _all_nodes(
  graph_def: tf.compat.v1.GraphDef,
) -> Iterable[tf.compat.v1.NodeDef]:
  """Yields the nodes of the graph, then those of its library's functions."""
  yield from graph_def.node
  for function in graph_def.library.function:
    yield from function.node_def


def _with_unique_names(
  graph_def: tf.compat.v1.GraphDef, suffix: str
) -> tf.compat.v1.GraphDef:
  """Returns the graph with the suffix on global names, data sets on the CPU."""
  graph_def = type(graph_def).FromString(graph_def.SerializeToString())
  _rename_functions(graph_def, suffix)
  for node in _all_nodes(graph_def):
    if 'shared_name' in node.attr:
      shared_name = node.attr['shared_name']
      shared_name.s = (shared_name.s or node.name.encode()) + suffix.encode()
    # Colocation with nodes that may not be imported; TensorFlow places ops with
    # the variables that they use without it.
    node.attr.pop('_class', None)
    if _DATA_OP.search(node.op):
      node.device = data_sequences.CPU
  _keep_data_functions(graph_def)
  return graph_def


def _keep_data_functions(graph_def: tf.compat.v1.GraphDef) -> None:
  """Marks the functions that data sets call as not to be optimized, in place."""
  called = {
    attr.func.name
    for node in _all_nodes(graph_def)
    if _DATA_OP.search(node.op) and node.op != _LOOP_OP
    for attr in node.attr.values()
  }
  for function in graph_def.library.function:
    if function.signature.name in called:
      function.attr[_ONE_DEVICE].b = True


def _rename_functions(graph_def: tf.compat.v1.GraphDef, suffix: str) -> None:
  """Appends the suffix to the names of the library's functions, in place."""
  library = graph_def.library
  names = {function.signature.name for function in library.function}

  def rename(name: str) -> str:
    return name + suffix if name in names else name

  for function in library.function:
    function.signature.name = rename(function.signature.name)
  for gradient in library.gradient:
    gradient.function_name = rename(gradient.function_name)
    gradient.gradient_func = rename(gradient.gradient_func)
  for node in _all_nodes(graph_def):
    node.op = rename(node.op)
    for attr in node.attr.values():
      for function in (attr.func, *attr.list.func):
        if function.name:
          function.name = rename(function.name)


def _import_results(
  graph_def: tf.compat.v1.GraphDef,
  parameter_names: Sequence[str],
  result_names: Sequence[str],
  session_token: str,
) -> Callable[..., list[tf.Tensor]]:
  """Imports the part that the results need, as a function of parameters."""
  placeholders = {node.name: node for node in graph_def.node}
  signature = [
    _placeholder_spec(placeholders[_node_name(name)])
    for name in parameter_names
  ]
  needed = _sub_graph(
    graph_def,
    map(_node_name, result_names),
    fed_names=map(_node_name, parameter_names),
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
  needed = _sub_graph(graph_def, [op_name])

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
  if _node_name(session_token) in names:
    inputs = {**inputs, session_token: tf.constant('')}
  return tf.graph_util.import_graph_def(
    graph_def,
    # TensorFlow raises for an input that no node uses.
    {name: x for name, x in inputs.items() if _node_name(name) in names},
    list(return_names),
    name='',
  )


def _sub_graph(
  graph_def: tf.compat.v1.GraphDef,
  node_names: Iterable[str],
  fed_names: Iterable[str] = (),
) -> tf.compat.v1.GraphDef:
  """Returns the part of the graph that computes some nodes.

  Ops with side effects outside that part, such as initializations, would run
  too if they were imported.

  Args:
    graph_def: The entire graph.
    node_names: Names of the nodes to compute.
    fed_names: Names of nodes that inputs replace. They never run, so control
      inputs from them are removed.
  """
  nodes = {node.name: node for node in graph_def.node}
  removed_inputs = {f'^{name}' for name in fed_names}
  pending = list(node_names)
  needed = {}
  while pending:
    name = pending.pop()
    if name not in needed:
      node = needed[name] = tf.compat.v1.NodeDef()
      node.CopyFrom(nodes[name])
      del node.input[:]
      node.input.extend(x for x in nodes[name].input if x not in removed_inputs)
      pending.extend(map(_node_name, node.input))
  result = type(graph_def)(
    library=graph_def.library, versions=graph_def.versions
  )
  result.node.extend(needed.values())
  return result


def _node_name(tensor_name: str) -> str:
  """Returns the node of a tensor or of a control input."""
  return tensor_name.removeprefix('^').split(':')[0]


def _placeholder_spec(node: tf.compat.v1.NodeDef) -> tf.TensorSpec:
  shape = node.attr['shape'].shape if 'shape' in node.attr else None
  return tf.TensorSpec(shape, tf.as_dtype(node.attr['dtype'].type))
