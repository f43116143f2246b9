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
"""TFF's native form of computations, which its C++ runtime executes."""

import tensorflow as tf
import tensorflow_federated as tff

# TFF has no public names for these.
from tensorflow_federated.python.core.environments.tensorflow_backend import (
  compiled_computation_transformations as graph_transformations,
)
from tensorflow_federated.python.core.environments.tensorflow_backend import (
  tensorflow_tree_transformations as tree_transformations,
)

from tff_methods.runtime import secure_sums

_Block = tff.framework.ComputationBuildingBlock


def build_native_form(block: _Block) -> _Block:
  """Builds the native form of a computation, with simulated secure sums.

  It is that of TFF's compiler, `desugar_and_transform_to_native` in
  `tensorflow_federated/python/core/backends/native/compiler.py`, whose steps
  are:

  1.  Intrinsics such as means become sums and TensorFlow.
  2.  The computation becomes a list of calls (`to_call_dominant`).
  3.  TensorFlow optimizes each graph, now and not again when it runs.
  4.  Graphs get identifiers, for the cache of the runtime.

  TFF's compiler also converts the computation to a `Computation` proto and
  back, twice, and formats it for a log: most of its time.

  Args:
    block: Computation.

  Returns:
    The native form. Where TensorFlow cannot optimize a graph, such as one of
    JAX, the computation after the first step.
  """
  block, _ = tree_transformations.replace_intrinsics_with_bodies(
    secure_sums.simulate_in_block(block)
  )
  try:
    native = tff.framework.to_call_dominant(block)
    native, _ = graph_transformations.optimize_tensorflow_graphs(
      native, _optimizations()
    )
    native, _ = graph_transformations.transform_tf_call_ops_to_disable_grappler(
      native
    )
    native, _ = graph_transformations.transform_tf_add_ids(native)
  except ValueError:
    return block
  return native


def compile_computation(
  comp: tff.framework.ConcreteComputation,
) -> tff.framework.ConcreteComputation:
  """Returns the native form of a computation, as a computation.

  Args:
    comp: A computation.
  """
  return tff.framework.ConcreteComputation(
    computation_proto=build_native_form(comp.to_building_block()).proto,
    context_stack=tff.framework.get_context_stack(),
  )


def _optimizations() -> tf.compat.v1.ConfigProto:
  """Returns those of TFF's compiler, all of TensorFlow's."""
  config = tf.compat.v1.ConfigProto()
  options = config.graph_options.rewrite_options
  options.memory_optimization = options.AGGRESSIVE
  options.constant_folding = options.AGGRESSIVE
  options.arithmetic_optimization = options.AGGRESSIVE
  options.loop_optimization = options.AGGRESSIVE
  options.function_optimization = options.AGGRESSIVE
  return config
