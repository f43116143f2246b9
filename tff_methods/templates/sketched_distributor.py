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
import dataclasses
from typing import Any, TypeAlias

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import received_bytes
from tff_methods.common import seeds
from tff_methods.templates import local_model

# Process that sends the model to clients, or options of its quantization.
ModelDistributor: TypeAlias = (
  tff.learning.templates.DistributionProcess | options_lib.DownlinkOptions
)

# Part of the seeds of the downlink alone.
_TAG = int.from_bytes(b'downlink')


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

  To be given as `model_distributor` to the builders of
  `tff.learning.algorithms` and of this library, which also take
  `options.DownlinkOptions` and build it. Clients train from the decoded model;
  the server keeps its exact weights and applies the clients' updates to them.

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
  options = options_lib.DownlinkOptions(
    bits=bits,
    rotation=rotation,
    quantizer=quantizer,
    min_elements=min_elements,
    base_seed=base_seed,
  )
  if bits is None:
    return tff.learning.templates.build_broadcast_process(model_weights_type)
  encoding = ModelEncoding(model_weights_type, options)

  @tff.tensorflow.computation(
    encoding.initialize.type_signature.result.member, model_weights_type
  )
  def get_payload(state, model_weights):
    new_state, payload = encoding.encode(state, check_finite(model_weights))
    return new_state, payload, received_bytes.num_bytes(payload)

  decode = tff.tensorflow.computation(
    encoding.decode, get_payload.type_signature.result[1]
  )

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


def build_model_distributor(
  model: local_model.Model, distributor: ModelDistributor | None
) -> tff.learning.templates.DistributionProcess:
  """Builds the distributor that a builder's `model_distributor` stands for.

  Args:
    model: Model whose weights are sent.
    distributor: A distributor, returned as it is; options of the quantization;
      or `None` for a broadcast.
  """
  if isinstance(distributor, tff.learning.templates.DistributionProcess):
    return distributor
  return build_distributor_of_weights(model_weights_type(model), distributor)


def build_distributor_of_weights(
  weights_type: tff.Type, distributor: ModelDistributor | None
) -> tff.learning.templates.DistributionProcess:
  """Builds what `build_model_distributor` builds, without building the model.

  Args:
    weights_type: Type of the weights of the model.
    distributor: See `build_model_distributor`.
  """
  if isinstance(distributor, tff.learning.templates.DistributionProcess):
    return distributor
  if distributor is None:
    return tff.learning.templates.build_broadcast_process(weights_type)
  return sketched_model_distributor(
    weights_type, **dataclasses.asdict(distributor)
  )


def model_weights_type(model: local_model.Model) -> tff.Type:
  """Returns the type of the weights of a model.

  Args:
    model: A function that returns a `tff.learning.models.VariableModel`, or a
      `tff.learning.models.FunctionalModel`.

  Raises:
    TypeError: If `model` is neither.
  """
  return local_model.weights_type(model)


class ModelEncoding:
  """Encoders of all weights of a model.

  Attributes:
    initialize: `( -> S@SERVER)`, the states of the encoders.
  """

  def __init__(
    self,
    model_weights_type: tff.Type,
    options: options_lib.DownlinkOptions,
    scale: str = 'unbiased',
  ):
    """Builds the encoders.

    Args:
      model_weights_type: `W`, a type of `tff.learning.models.ModelWeights`.
      options: Quantization.
      scale: Scale of decoded tensors: see `encoders.sketch_encoder`.
    """
    self._specs = tff.types.type_to_tf_tensor_specs(model_weights_type)
    self._tensors = encoded_sum.EncodedSum(
      lambda spec, index: build_encoder(spec, index, options, scale),
      tf.nest.flatten(self._specs),
    )
    self.initialize = self._tensors.initialize

  def encode(self, state: Any, weights: Any) -> tuple[Any, Any]:
    """Encodes weights, inside a TensorFlow computation.

    Args:
      state: Value of `S`.
      weights: Value of `W`, finite.

    Returns:
      The new state, and the payload.
    """
    client_params, after_sum_params = self._tensors.get_params(state)
    payload = (
      self._tensors.encode(
        tf.nest.flatten(weights),
        client_params,
        # Not by the weights, whose last bits depend on the processor.
        tf.constant(seeds.NO_SALT),
      ),
      after_sum_params,
    )
    return self._tensors.next_state(state), payload

  def decode(self, payload: Any) -> Any:
    """Decodes a payload of `encode`, inside a TensorFlow computation."""
    encoded, after_sum_params = payload
    return tf.nest.pack_sequence_as(
      self._specs, self._tensors.decode(encoded, after_sum_params)
    )


def build_encoder(
  spec: tf.TensorSpec,
  index: int,
  options: options_lib.DownlinkOptions,
  scale: str = 'unbiased',
) -> encoders.GatherEncoder:
  """Returns the encoder of one tensor of a model.

  Its keys are not those of the encoder of the tensor's updates in the same
  round, which depend on the decoded tensor: the levels of EDEN are for vectors
  that do not depend on the rotation.

  Args:
    spec: `tf.TensorSpec` of the tensor. Unless it is `float32` and large
      enough, the tensor is sent as it is.
    index: Index of the tensor in the model.
    options: Quantization.
    scale: Scale of decoded tensors: see `encoders.sketch_encoder`.
  """
  is_small = spec.shape.num_elements() < options.min_elements
  if is_small or spec.dtype != tf.float32:
    return encoders.identity_encoder(spec)
  return encoders.sketch_encoder(
    spec, options.sketch, (options.base_seed, index, _TAG), scale
  )


def check_finite(weights: Any) -> Any:
  """Raises `InvalidArgumentError`, when run, for weights with NaN or Inf.

  Args:
    weights: Structure of tensors.

  Returns:
    The structure.
  """

  def check(index: int, x: tf.Tensor) -> tf.Tensor:
    if not x.dtype.is_floating:
      return x
    return tf.debugging.check_numerics(
      x,
      f'Expected finite weights, found NaN or Inf in weight tensor {index} of '
      f'shape {x.shape}: lower the learning rates.',
    )

  return tf.nest.pack_sequence_as(
    weights,
    [check(i, x) for i, x in enumerate(tf.nest.flatten(weights))],
  )
