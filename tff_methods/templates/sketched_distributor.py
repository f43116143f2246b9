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
"""Distribution of the model to the clients, rotated and quantized."""

import collections
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import received_bytes
from tff_methods.common import seeds
from tff_methods.templates import local_model


def sketched_model_distributor(
  model_weights_type: tff.Type,
  *,
  bits: int | None = 8,
  rotation: bool = True,
  quantizer: str = 'eden',
  min_elements: int = 256,
  base_seed: int = 0,
) -> tff.learning.templates.DistributionProcess:
  """Builds a distributor that quantizes the model once for all clients.

  To be given as `model_distributor` to the builders of this library and of
  `tff.learning.algorithms`. Clients train from the decoded model; the server
  keeps its exact weights and applies the clients' updates to them.

  `next: <S@SERVER, W@SERVER> -> <state=S@SERVER, result=W@CLIENTS,
  measurements=<payload_bytes_per_client=int64>@SERVER>` consists of these
  steps:

  1.  The server draws the keys of the round and encodes each tensor once:
      trainable and non-trainable weights alike.
  2.  The payload is broadcast: the encoded tensors, and the keys that decode
      them.
  3.  Each client decodes the payload.

  Rotation and stochastic rounding are drawn again in each round. With
  `'uniform'` the decoded model is an unbiased estimate of the server's, with
  `'eden'` nearly so: see `encoders.EdenQuantizationStage`. Tensors that are not
  `float32`, and small ones, are sent as they are.

  Args:
    model_weights_type: `W`, a type of `tff.learning.models.ModelWeights`: see
      `model_weights_type`.
    bits: Bits per value, 1 to 16; `None` broadcasts the weights as they are.
    rotation: If true, rotates each tensor before quantization.
    quantizer: `'eden'`: optimal levels for rotated values; requires `rotation`.
      `'uniform'`: evenly spaced levels between minimum and maximum with
      stochastic rounding.
    min_elements: Tensors with fewer elements (biases) are sent uncompressed.
    base_seed: Seed of the process. Different seeds give independent choices.

  Returns:
    A `tff.learning.templates.DistributionProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range, or `quantizer` is `'eden'`
      without rotation.
  """
  options = options_lib.SketchOptions(
    bits=bits,
    rotation=rotation,
    quantizer=quantizer,
    min_elements=min_elements,
    base_seed=base_seed,
  )
  if bits is None:
    return tff.learning.templates.build_broadcast_process(model_weights_type)
  encoding = _ModelEncoding(model_weights_type, options)
  get_payload = encoding.build_get_payload()
  decode = encoding.build_decode(get_payload.type_signature.result[1])

  @tff.federated_computation(
    encoding.initialize.type_signature.result,
    tff.FederatedType(model_weights_type, tff.SERVER),
  )
  def next_fn(state, model_weights):
    new_state, payload, num_bytes = tff.federated_map(
      get_payload, (state, model_weights)
    )
    return tff.templates.MeasuredProcessOutput(
      new_state,
      tff.federated_map(decode, tff.federated_broadcast(payload)),
      tff.federated_zip(
        collections.OrderedDict(payload_bytes_per_client=num_bytes)
      ),
    )

  return tff.learning.templates.DistributionProcess(
    encoding.initialize, next_fn
  )


def model_weights_type(model: local_model.Model) -> tff.Type:
  """Returns the type of the weights of a model.

  Args:
    model: A function that returns a `tff.learning.models.VariableModel`, or a
      `tff.learning.models.FunctionalModel`.

  Raises:
    TypeError: If `model` is neither.
  """
  return local_model.describe(model).weights_type


class _ModelEncoding:
  """Computations that encode all weights of a model, and decode them."""

  def __init__(
    self, model_weights_type: tff.Type, options: options_lib.SketchOptions
  ):
    self._weights_type = model_weights_type
    self._specs = tff.types.type_to_tf_tensor_specs(model_weights_type)
    self._tensors = encoded_sum.EncodedSum(
      lambda spec, index: _build_encoder(spec, index, options),
      tf.nest.flatten(self._specs),
    )
    self.initialize = self._tensors.initialize

  def build_get_payload(self) -> tff.Computation:
    """Builds `(<S, W> -> <S, payload, int64>)`, the server's part of a round.

    The integer is the number of bytes of the payload.
    """
    state_type = self.initialize.type_signature.result.member

    @tff.tensorflow.computation(state_type, self._weights_type)
    def get_payload(state, model_weights):
      client_params, after_sum_params = self._tensors.get_params(state)
      payload = (
        self._tensors.encode(
          _check_finite(tf.nest.flatten(model_weights)),
          client_params,
          # Not by the weights, whose last bits depend on the processor.
          tf.constant(seeds.NO_SALT),
        ),
        after_sum_params,
      )
      new_state = self._tensors.next_state(state)
      return new_state, payload, received_bytes.num_bytes(payload)

    return get_payload

  def build_decode(self, payload_type: tff.Type) -> tff.Computation:
    """Builds `(payload -> W)`, a client's part of a round."""

    @tff.tensorflow.computation(payload_type)
    def decode(payload):
      encoded, after_sum_params = payload
      return tf.nest.pack_sequence_as(
        self._specs, self._tensors.decode(encoded, after_sum_params)
      )

    return decode


def _build_encoder(
  spec: tf.TensorSpec, index: int, options: options_lib.SketchOptions
) -> encoders.GatherEncoder:
  is_small = spec.shape.num_elements() < options.min_elements
  if is_small or spec.dtype != tf.float32:
    return encoders.identity_encoder(spec)
  return encoders.sketch_encoder(spec, options, (options.base_seed, index))


def _check_finite(tensors: Sequence[tf.Tensor]) -> list[Any]:
  """Raises `InvalidArgumentError`, when run, for weights with NaN or Inf."""
  return [
    tf.debugging.check_numerics(
      x,
      f'Expected finite weights, found NaN or Inf in weight tensor {i} of '
      f'shape {x.shape}: lower the learning rates.',
    )
    if x.dtype.is_floating
    else x
    for i, x in enumerate(tensors)
  ]
