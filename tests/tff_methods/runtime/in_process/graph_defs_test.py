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
from absl.testing import absltest
import tensorflow as tf

from tff_methods.runtime.in_process import graph_defs

_ONE_DEVICE = 'experimental_ints_on_device'
_OPTIMIZED_WITH_DATA = '_tf_data_function'


def _sum_of_squares():
  """Returns the graph of a loop over a data set with a map."""
  with tf.Graph().as_default() as graph:
    dataset = tf.data.Dataset.range(3).map(lambda x: x * x)
    dataset.reduce(tf.constant(0, tf.int64), lambda s, x: s + x)
  return graph.as_graph_def()


def _functions_of(graph_def, op):
  """Returns the library functions that the ops of a type call."""
  (name,) = (
    attr.func.name
    for node in graph_def.node
    if node.op == op
    for attr in node.attr.values()
    if attr.func.name
  )
  (function,) = (
    f for f in graph_def.library.function if f.signature.name == name
  )
  return function


class ImportableTest(absltest.TestCase):
  def test_functions_of_data_sets_stay_as_they_are(self):
    original = _sum_of_squares()
    self.assertIn(
      _OPTIMIZED_WITH_DATA, _functions_of(original, 'MapDataset').attr
    )
    found = graph_defs.importable(original, '_1')
    of_map = _functions_of(found, 'MapDataset')
    self.assertTrue(of_map.attr[_ONE_DEVICE].b)
    # Else TensorFlow rewrites it with the data set, and fails.
    self.assertNotIn(_OPTIMIZED_WITH_DATA, of_map.attr)

  def test_functions_of_loops_are_optimized(self):
    found = graph_defs.importable(_sum_of_squares(), '_1')
    of_loop = _functions_of(found, 'ReduceDataset')
    self.assertNotIn(_ONE_DEVICE, of_loop.attr)
    self.assertIn(_OPTIMIZED_WITH_DATA, of_loop.attr)

  def test_names_have_the_suffix_in_a_copy(self):
    original = _sum_of_squares()
    before = original.SerializeToString(deterministic=True)
    found = graph_defs.importable(original, '_suffix')
    self.assertEqual(original.SerializeToString(deterministic=True), before)
    names = [f.signature.name for f in original.library.function]
    self.assertLen(names, 2)
    self.assertEqual(
      [f.signature.name for f in found.library.function],
      [f'{name}_suffix' for name in names],
    )

  def test_data_sets_are_on_the_cpu(self):
    found = graph_defs.importable(_sum_of_squares(), '_1')
    for node in found.node:
      device = '/device:CPU:0' if 'Dataset' in node.op else ''
      self.assertEqual(node.device, device, node.name)


class SubGraphTest(absltest.TestCase):
  def test_is_all_that_nodes_need(self):
    with tf.Graph().as_default() as graph:
      x = tf.compat.v1.placeholder(tf.float32, [], name='x')
      other = tf.identity(x, name='other')
      one, two = tf.constant(1.0, name='one'), tf.constant(2.0, name='two')
      with tf.control_dependencies([x, other]):
        tf.add(one, two, name='sum')
      tf.constant(3.0, name='unused')
    found = graph_defs.sub_graph(graph.as_graph_def(), ['sum'], ['x'])
    nodes = {node.name: list(node.input) for node in found.node}
    self.assertEqual(set(nodes), {'sum', 'one', 'two', 'other', 'x'})
    # What is fed never runs, so nothing can wait for it.
    self.assertEqual(nodes['sum'], ['one', 'two', '^other'])

  def test_node_names(self):
    for name in ('a', '^a', 'a:1'):
      self.assertEqual(graph_defs.node_name(name), 'a')


if __name__ == '__main__':
  absltest.main()
