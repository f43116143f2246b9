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
"""TensorFlow graphs of TFF computations, with signatures in plain JSON.

A signature mirrors a TFF type. A structure with names is an object, another one
a list. A tensor is `{"tensor", "dtype", "shape"}`, with `null` for an unknown
dimension. A sequence is `{"variant_tensor", "element"}`: the tensor that holds
the data set (`tf.data.experimental.to_variant`), and its elements' tensors
without their names.
"""

from typing import Any

import tensorflow as tf
import tensorflow_federated as tff


def to_graph(
  computation: tff.Computation,
) -> tuple[tf.compat.v1.GraphDef, dict[str, Any]]:
  """Returns the graph of a TensorFlow computation, and its signature.

  Args:
    computation: A computation of type `(T -> U)` or `( -> U)` that is
      TensorFlow alone, without placements.

  Returns:
    A pair of the graph and a dictionary with the signatures `parameter` (`None`
    without one) and `result`, and, if the graph has one, the name
    `initialize_op` of the operation to run first.

  Raises:
    TypeError: If the computation is not TensorFlow alone.
  """
  proto = tff.framework.serialize_computation(computation)
  if proto.WhichOneof('computation') != 'tensorflow':
    raise TypeError(
      'Expected a computation of TensorFlow alone, found '
      f'{computation.type_signature}; decorate it with '
      '@tff.tensorflow.computation.'
    )
  graph = tf.compat.v1.GraphDef()
  proto.tensorflow.graph_def.Unpack(graph)
  type_spec = computation.type_signature
  signature = {
    'parameter': None
    if type_spec.parameter is None
    else _signature(type_spec.parameter, proto.tensorflow.parameter),
    'result': _signature(type_spec.result, proto.tensorflow.result),
  }
  if proto.tensorflow.initialize_op:
    signature['initialize_op'] = proto.tensorflow.initialize_op
  return graph, signature


def _signature(type_spec: tff.Type, binding: Any) -> Any:
  """Returns the signature of a type whose tensors a binding names."""
  if isinstance(type_spec, tff.StructType):
    return _structure(
      type_spec,
      [
        _signature(element, bound)
        for element, bound in zip(
          type_spec.children(), binding.struct.element, strict=True
        )
      ],
    )
  if isinstance(type_spec, tff.SequenceType):
    return {
      'variant_tensor': binding.sequence.variant_tensor_name,
      'element': _element(type_spec.element),
    }
  return {'tensor': binding.tensor.tensor_name, **_element(type_spec)}


def _element(type_spec: tff.Type) -> Any:
  """Returns the signature of a type, without names of tensors."""
  if isinstance(type_spec, tff.StructType):
    return _structure(type_spec, list(map(_element, type_spec.children())))
  return {
    'dtype': tf.dtypes.as_dtype(type_spec.dtype).name,
    'shape': None if type_spec.shape is None else list(type_spec.shape),
  }


def _structure(type_spec: tff.StructType, elements: list[Any]) -> Any:
  names = [name for name, _ in tff.structure.iter_elements(type_spec)]
  if names and all(names):
    return dict(zip(names, elements, strict=True))
  return elements
