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
"""Graphs of computations, edited so that they can run in one process.

The functions of data sets that graphs make, as of `map`, run as they are
written: TensorFlow would optimize them again for each iterator, which takes
milliseconds for each client. What optimizing merges (`x * 2.0 * 3.0`) may
differ in the last bit from TFF's C++ runtime.
"""

from collections.abc import Iterable
import re

import tensorflow as tf

from tff_methods.runtime.in_process import data_sequences

# Ops of `tf.data`, which have kernels for the CPU alone.
_DATA_OP = re.compile('Dataset|Iterator|Optional')
# Runs all steps of a loop, which makes up for optimizing its function.
_LOOP_OP = 'ReduceDataset'
# TensorFlow runs a function with this attribute on one device, and `tf.data`
# optimizes only functions that may run on several.
_ONE_DEVICE = 'experimental_ints_on_device'
# TensorFlow rewrites a function with this one, unless options
# of the data set say no, and fails on functions of one device.
_OPTIMIZED_WITH_DATA = '_tf_data_function'


def all_nodes(
  graph_def: tf.compat.v1.GraphDef,
) -> Iterable[tf.compat.v1.NodeDef]:
  """Yields the nodes of the graph, then those of its library's functions."""
  yield from graph_def.node
  for function in graph_def.library.function:
    yield from function.node_def


def importable(
  graph_def: tf.compat.v1.GraphDef, suffix: str
) -> tf.compat.v1.GraphDef:
  """Returns a copy with unique global names, and with data sets on the CPU.

  Args:
    graph_def: The graph.
    suffix: End of the names of functions and of resources.
  """
  graph_def = type(graph_def).FromString(graph_def.SerializeToString())
  _rename_functions(graph_def, suffix)
  for node in all_nodes(graph_def):
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


def sub_graph(
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
      pending.extend(map(node_name, node.input))
  result = type(graph_def)(
    library=graph_def.library, versions=graph_def.versions
  )
  result.node.extend(needed.values())
  return result


def node_name(tensor_name: str) -> str:
  """Returns the node of a tensor or of a control input."""
  return tensor_name.removeprefix('^').split(':')[0]


def _keep_data_functions(graph_def: tf.compat.v1.GraphDef) -> None:
  """Keeps functions that data sets call from being optimized, in place."""
  called = {
    attr.func.name
    for node in all_nodes(graph_def)
    if _DATA_OP.search(node.op) and node.op != _LOOP_OP
    for attr in node.attr.values()
  }
  for function in graph_def.library.function:
    if function.signature.name in called:
      function.attr[_ONE_DEVICE].b = True
      function.attr.pop(_OPTIMIZED_WITH_DATA, None)


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
  for node in all_nodes(graph_def):
    node.op = rename(node.op)
    for attr in node.attr.values():
      for function in (attr.func, *attr.list.func):
        if function.name:
          function.name = rename(function.name)
