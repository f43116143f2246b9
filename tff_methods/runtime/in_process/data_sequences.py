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
"""Sequences that each computation reads from their beginning.

The state of a `tf.data.Dataset` with another order in each iteration is outside
of its iterators, so a second reader continues where the first one stopped: it
finds another order and, if a limit follows, other elements. TFF's C++ runtime
copies a data set for each computation, and all readers find the same.
"""

import threading
from typing import Any

import tensorflow as tf

# Where data sets are, even if computations run on GPUs.
CPU = '/device:CPU:0'
# Ops whose state is a resource, and the position of its handle in their inputs.
_HANDLE_POSITIONS = {'ShuffleDatasetV3': 4, 'ShuffleAndRepeatDatasetV2': 5}
# Graphs of TFF have the others, whose state is their own.
SHUFFLE_OPS = frozenset(
  [*_HANDLE_POSITIONS, 'ShuffleDataset', 'ShuffleAndRepeatDataset']
)
# Without a resource behind it, a copy makes its own, in the initial state.
_NO_RESOURCE = 'DummySeedGenerator'
# Unlike the names of nodes in graphs of data sets, all of which have numbers.
_NO_RESOURCE_NAME = 'no_resource'
_IGNORE_EXTERNAL_STATE = 1


class DataSequence:
  """Sequence of a computation; threads can ask for readers concurrently.

  Attributes:
    may_reshuffle: False if two iterations are known to be alike.
  """

  def __init__(
    self, variant: tf.Tensor, *, may_reshuffle: bool, is_unread: bool
  ):
    """Wraps the variant tensor of a data set.

    Args:
      variant: The variant tensor.
      may_reshuffle: False if two iterations are known to be alike.
      is_unread: True if nobody else has read, or will read, from it.
    """
    self.may_reshuffle = may_reshuffle
    self._variant = variant
    self._is_unread = is_unread
    self._graph: bytes | None = None  # Of a copy; `None` if not made yet.
    self._lock = threading.Lock()

  def start(self) -> tf.Tensor:
    """Returns a variant for one reader, who begins at the first element."""
    # Symbolic tensors of a graph under construction have one reader.
    if not self.may_reshuffle or not hasattr(self._variant, 'numpy'):
      return self._variant
    with self._lock:
      if self._is_unread:
        self._is_unread = False
        return self._variant
      if self._graph is None:
        self._graph = _initial_graph(self._variant)
    with tf.device(CPU):
      return tf.raw_ops.DatasetFromGraph(graph_def=self._graph)


def of_dataset(dataset: tf.data.Dataset) -> DataSequence:
  """Returns the sequence of a data set that its owner may have read from."""
  return DataSequence(
    tf.data.experimental.to_variant(dataset),
    may_reshuffle=_dataset_may_reshuffle(dataset),
    is_unread=False,
  )


def start(value: Any) -> Any:
  """Returns a value itself, or, of a sequence, the variant for one reader."""
  return value.start() if isinstance(value, DataSequence) else value


def may_reshuffle(value: Any) -> bool:
  """Returns whether a value is a sequence whose iterations may differ."""
  return isinstance(value, DataSequence) and value.may_reshuffle


def _dataset_may_reshuffle(dataset: tf.data.Dataset) -> bool:
  """Returns whether two iterations of a data set may differ by their order."""
  # `tf.data` has no public names for what a data set is made of.
  return (
    getattr(dataset, '_reshuffle_each_iteration', False)
    or any(
      x.dtype == tf.variant
      for wrapper in dataset._functions()
      for x in wrapper.function.captured_inputs
    )
    or any(map(_dataset_may_reshuffle, dataset._inputs()))
  )


def _initial_graph(variant: tf.Tensor) -> bytes:
  """Returns the graph of a copy of a data set, with the state of a new one."""
  serialized = tf.raw_ops.DatasetToGraphV2(
    input_dataset=variant,
    external_state_policy=_IGNORE_EXTERNAL_STATE,
    strip_device_assignment=True,
  )
  graph = tf.compat.v1.GraphDef.FromString(serialized.numpy())
  for node in graph.node:
    if node.op in _HANDLE_POSITIONS:
      node.input[_HANDLE_POSITIONS[node.op]] = _NO_RESOURCE_NAME
  graph.node.add(name=_NO_RESOURCE_NAME, op=_NO_RESOURCE)
  return graph.SerializeToString()
