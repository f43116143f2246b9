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
"""TensorFlow computations as functions of this process.

Each is imported once and kept. Three things that graphs share by name when they
run in one process, and do not when each has a session, are kept apart here:

*   The functions in a graph's library: they get names of their own.
*   Variables, tables and the like: two calls at once would write to the same
    ones and give wrong results without a word. So a graph that has any is
    imported once more for each call that runs at the same time, with names of
    its own, and runs its initialization ops at each call.
*   Devices: data sets live on the CPU, also where the graph runs on a GPU.
"""

from collections.abc import Iterator
import contextlib
import hashlib
import itertools
import re
import threading
import weakref

import tensorflow as tf
from tensorflow_federated.proto.v0 import computation_pb2

from tff_methods.runtime.in_process import selection
from tff_methods.runtime.in_process import values

# Ops of `tf.data`, which compute on the CPU or not at all.
_DATA_OP = re.compile('Dataset|Iterator|Optional')
CPU = '/device:CPU:0'
# Importing changes what TensorFlow keeps for the process as a whole.
_import_lock = threading.Lock()
_import_numbers = itertools.count()
_functions = weakref.WeakValueDictionary()
_functions_lock = threading.Lock()


class GraphFunction:
  """A TensorFlow computation that can be called, from many threads at once.

  Attributes:
    graphs: For `selection`: this one alone.
    is_stateful: Whether it has variables or other things with a name.
    op_types: The types of all its ops.
  """

  def __init__(self, proto: computation_pb2.TensorFlow):
    """Unpacks the graph; imports nothing yet.

    Args:
      proto: The computation, with its graph.
    """
    graph_def = tf.compat.v1.GraphDef()
    proto.graph_def.Unpack(graph_def)
    self._graph_def = graph_def
    self._parameter_names = _flat_names(proto.parameter)
    self._result_names = _flat_names(proto.result)
    self._result_template = _template(proto.result)
    self._initialize_op = proto.initialize_op
    self._session_token = proto.session_token_tensor_name
    ops = list(_all_nodes(graph_def))
    self.is_stateful = bool(proto.initialize_op) or any(
      'shared_name' in op.attr for op in ops
    )
    self.op_types = frozenset(op.op for op in ops)
    self.graphs = selection.Graphs([self])
    self._instances = _Instances(self._import, self.is_stateful)

  def __call__(
    self, place: values.Place, argument: values.Value
  ) -> values.Value:
    """Runs the graph at a place.

    Args:
      place: Where to run it.
      argument: The tensors of the parameter; nothing if there is none.

    Returns:
      The tensors of the result.
    """
    flat_argument = values.flatten(argument)
    with self._instances.borrow(place.device) as instance:
      with tf.device(place.device):
        flat_result = instance(*values.bring(flat_argument, place.device))
    return values.pack(self._result_template, iter(flat_result))

  def _import(self) -> '_Instance':
    suffix = f'_{next(_import_numbers)}'
    graph_def = _with_own_names(self._graph_def, suffix)
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
  """A graph, imported under names of its own."""

  def __init__(self, run, initialize):
    self._run = run
    self._initialize = initialize

  def __call__(self, *flat_argument: tf.Tensor) -> list[tf.Tensor]:
    if self._initialize is not None:
      self._initialize()
    return self._run(*flat_argument)


class _Instances:
  """Imports of a graph: one for each call at the same time if it has state."""

  def __init__(self, create, is_stateful: bool):
    self._create = create
    self._is_stateful = is_stateful
    self._lock = threading.Lock()
    self._idle = {}  # By device, since variables stay where they were made.

  @contextlib.contextmanager
  def borrow(self, device: str) -> Iterator[_Instance]:
    """Lends an instance, to no one else meanwhile if the graph has state."""
    if not self._is_stateful:
      yield self._shared()
      return
    with self._lock:
      idle = self._idle.setdefault(device, [])
      instance = idle.pop() if idle else None
    if instance is None:
      instance = self._create()
    yield instance
    # Not after an error, which may have left it in the middle of something.
    with self._lock:
      idle.append(instance)

  def _shared(self) -> _Instance:
    with self._lock:
      if not self._idle:
        self._idle[None] = self._create()
      return self._idle[None]


def graph_function(proto: computation_pb2.Computation) -> GraphFunction:
  """Returns the function of a TensorFlow computation, one for equal ones.

  It is kept for as long as anyone holds it.

  Raises:
    ValueError: If the computation is not of TensorFlow.
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
  kind = binding.WhichOneof('binding')
  if kind is None:
    return []
  if kind == 'struct':
    return [
      name
      for element in binding.struct.element
      for name in _flat_names(element)
    ]
  if kind == 'sequence':
    return [binding.sequence.variant_tensor_name]
  return [binding.tensor.tensor_name]


def _template(binding: computation_pb2.TensorFlow.Binding):
  """Returns nested tuples as those of the result, with `None` for tensors."""
  if binding.WhichOneof('binding') == 'struct':
    return tuple(map(_template, binding.struct.element))
  return None


def _all_nodes(graph_def) -> Iterator[tf.compat.v1.NodeDef]:
  yield from graph_def.node
  for function in graph_def.library.function:
    yield from function.node_def


def _with_own_names(graph_def, suffix: str):
  """Returns the graph with names that no other graph has, and devices."""
  graph_def = type(graph_def).FromString(graph_def.SerializeToString())
  library = graph_def.library
  names = {function.signature.name for function in library.function}

  def rename(name):
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
    if 'shared_name' in node.attr:
      shared_name = node.attr['shared_name']
      shared_name.s = (shared_name.s or node.name.encode()) + suffix.encode()
    # Wishes to be beside nodes that may not be imported; TensorFlow puts ops
    # beside the variables that they use without it.
    node.attr.pop('_class', None)
    if _DATA_OP.search(node.op):
      node.device = CPU
  return graph_def


def _import_results(graph_def, parameter_names, result_names, session_token):
  """Imports what the results need, as a function of the parameters."""
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


def _import_op(graph_def, op_name: str, session_token: str):
  """Imports what an op needs, as a function without parameters or results."""
  needed = _sub_graph(graph_def, [op_name])

  def run():
    (op,) = _import_graph_def(needed, {}, [op_name], session_token)
    with tf.control_dependencies([op]):
      return tf.constant(True)  # Functions end in tensors.

  return tf.compat.v1.wrap_function(run, [])


def _import_graph_def(graph_def, inputs, return_names, session_token):
  names = {node.name for node in graph_def.node}
  if _node_name(session_token) in names:
    inputs = {**inputs, session_token: tf.constant('')}
  return tf.graph_util.import_graph_def(
    graph_def,
    # One that nothing needs is an error to TensorFlow.
    {name: x for name, x in inputs.items() if _node_name(name) in names},
    list(return_names),
    name='',
  )


def _sub_graph(graph_def, node_names, fed_names=()):
  """Returns the part of the graph that computes these nodes.

  Whatever else has an effect would run too, initialization for example. No node
  of it waits for those in `fed_names`, which never run.
  """
  nodes = {node.name: node for node in graph_def.node}
  waits = {f'^{name}' for name in fed_names}
  todo = list(node_names)
  needed = {}
  while todo:
    name = todo.pop()
    if name not in needed:
      node = needed[name] = tf.compat.v1.NodeDef()
      node.CopyFrom(nodes[name])
      del node.input[:]
      node.input.extend(x for x in nodes[name].input if x not in waits)
      todo.extend(map(_node_name, node.input))
  result = type(graph_def)(
    library=graph_def.library, versions=graph_def.versions
  )
  result.node.extend(needed.values())
  return result


def _node_name(tensor_name: str) -> str:
  return tensor_name.removeprefix('^').split(':')[0]


def _placeholder_spec(node: tf.compat.v1.NodeDef) -> tf.TensorSpec:
  shape = node.attr['shape'].shape if 'shape' in node.attr else None
  return tf.TensorSpec(shape, tf.as_dtype(node.attr['dtype'].type))
