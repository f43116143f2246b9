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
"""Differentially private mean of sketched updates.

McMahan et al. (2018), "Learning Differentially Private Recurrent Language
Models"; Andrew et al. (2021), "Differentially Private Learning with Adaptive
Clipping".
"""

import collections

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.aggregators import clipping
from tff_methods.aggregators import encoded_sum
from tff_methods.aggregators import gaussian_mechanism
from tff_methods.aggregators import scope as scopes
from tff_methods.aggregators import value_types


def dp_sketched_aggregator(
  *,
  noise_multiplier: float,
  clients_per_round: int,
  clip: float | str = 'adaptive',
  bits: int | None = 2,
  fraction: float = 1.0,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
  noise_seed_for_tests: int | None = None,
) -> tff.aggregators.UnweightedAggregationFactory:
  """Returns a factory for a mean of sketched updates with Gaussian noise.

  `next` of the created process:

  1.  The server broadcasts the clipping norm `C` and the key of the round.
  2.  Each client scales its update, as one vector, to a Euclidean norm of at
      most `C`, and sketches it with contractive encoders (see
      `encoders.sketch_encoder`), so the server decodes a vector of a norm of at
      most `C`.
  3.  The server adds the decoded vectors, and Gaussian noise of standard
      deviation `z * C` in each coordinate.
  4.  The server divides the noisy sum by `clients_per_round`, also if fewer
      clients take part, and by the shrinkage of the encoders, a constant.

  **Guarantee.** The sums of two cohorts of which one has one client more differ
  by at most `C` in norm; if one client has other data, by at most `2 * C`. The
  noise hides this, and everything after it is post-processing. For cohorts of a
  fixed size, drawn without replacement, the neighbouring relation is the
  replacement of one client, so the Gaussian mechanism has the noise multiplier
  `z / 2`: see `privacy.epsilon`. The guarantee is for what the server releases,
  the noisy mean. The server itself sees each client's payload, and clients have
  to run this code. Metrics of the training are other sums, without noise.

  It is a mean, so it goes inside no `tff.aggregators.UnweightedMeanFactory` or
  `DifferentiallyPrivateFactory`, which would divide it again. Around it,
  `tff.aggregators.clipping_factory` and `zeroing_factory` keep the guarantee
  with a fixed norm only: an adaptive one follows the norms of updates without
  noise, and changes the updates of later rounds. Nothing can refuse either: the
  process is created from the type of the values alone.

  With `clip='adaptive'`, `C` follows the median norm of the updates: clients
  also send whether their norm is at most `C`, and the server adds noise of
  standard deviation `b = max(clients_per_round / 20, z)` to that count. As in
  `tff.aggregators.DifferentiallyPrivateFactory.gaussian_adaptive`, where `b`
  has to be chosen, the noise of the sum is raised to `(z**-2 - (2 * b)**-2)
  **-0.5`, so that sum and count together have the noise multiplier `z`.

  The created process has `next: <S@SERVER, {V}@CLIENTS> -> <state=S@SERVER,
  result=V@SERVER, measurements=M@SERVER>`, with `M` an `OrderedDict` of
  `payload_bytes`, the bytes of the sketches, summed over the clients of the
  round and counted on arrival, and `clip`, the norm `C` of the round.

  NaN or Inf in an update stops the round with an `InvalidArgumentError`. (The
  client works of `tff.learning` replace such an update by zeros.)

  Args:
    noise_multiplier: `z`, at least 0.
    clients_per_round: Number of clients that the sum is divided by.
    clip: `C`, above 0, or `'adaptive'`.
    bits: Bits per sent value, 1 to 16; `None` sends `float32` values.
    fraction: Fraction of the values that is sent, in (0, 1]. Dividing by it
      amplifies the noise.
    seed_source: Source of a client's random choices: see
      `options.RandomnessOptions`.
    base_seed: Seed of the sketches, not of the noise.
    noise_seed_for_tests: Seed of the noise, which then hides nothing from who
      knows it. `None` draws it differently in each round of each run.

  Returns:
    An `UnweightedAggregationFactory`, for
    `tff.learning.algorithms.build_unweighted_fed_avg`.

  Raises:
    TypeError: If an argument is of a wrong type. When the process is created:
      if the value has other parts than `float32` tensors of fully defined
      shapes.
    ValueError: If an argument is out of range.
  """
  return _DpSketchedFactory(
    options_lib.DpSketchOptions(
      noise_multiplier=noise_multiplier,
      clients_per_round=clients_per_round,
      clip=clip,
      bits=bits,
      fraction=fraction,
      seed_source=seed_source,
      base_seed=base_seed,
      noise_seed_for_tests=noise_seed_for_tests,
    )
  )


class _DpSketchedFactory(tff.aggregators.UnweightedAggregationFactory):
  """See `dp_sketched_aggregator`."""

  def __init__(self, options: options_lib.DpSketchOptions):
    self._options = options

  def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
    """Creates the process."""
    value_type = value_types.check_value_type(value_type, [tf.float32])
    layout = scopes.Layout(
      tff.types.type_to_tf_tensor_specs(value_type), 'model'
    )
    sketch = options_lib.SketchOptions(
      bits=self._options.bits,
      fraction=self._options.fraction,
      seed_source=self._options.seed_source,
      base_seed=self._options.base_seed,
    )
    vector_sum = encoded_sum.EncodedSum(
      lambda spec, index: encoders.sketch_encoder(
        spec, sketch, (sketch.base_seed, index), scale='contractive'
      ),
      layout.specs,
    )
    num_elements = sum(spec.shape.num_elements() for spec in layout.specs)
    denominator = self._options.clients_per_round * encoders.sketch_contraction(
      num_elements, sketch
    )
    return _build_process(
      value_type,
      layout,
      vector_sum,
      gaussian_mechanism.GaussianMechanism(self._options, denominator),
    )


def _build_process(
  value_type: tff.Type,
  layout: scopes.Layout,
  vector_sum: encoded_sum.EncodedSum,
  mechanism: gaussian_mechanism.GaussianMechanism,
) -> tff.templates.AggregationProcess:
  """Builds the steps of `dp_sketched_aggregator`."""

  @tff.tensorflow.computation(
    value_type, vector_sum.client_params_type, tff.TensorType(np.float32)
  )
  def encode(value, params, clip):
    vectors, norm = clipping.clip_by_norm(layout.to_tensors(value), clip)
    is_below = gaussian_mechanism.centered_indicator(norm <= clip)
    return vector_sum.encode(vectors, params), is_below

  payload_type, _ = encode.type_signature.result
  sum_payloads = vector_sum.build_sum(payload_type, layout.specs)
  initial_mechanism_state = tff.tensorflow.computation(mechanism.initial_state)
  mechanism_type = initial_mechanism_state.type_signature.result

  @tff.federated_computation
  def initialize():
    return tff.federated_zip(
      collections.OrderedDict(
        sketch=vector_sum.initialize(),
        mechanism=tff.federated_eval(initial_mechanism_state, tff.SERVER),
      )
    )

  sums_type = sum_payloads.type_signature.result.result.member

  @tff.tensorflow.computation(
    mechanism_type, sums_type, tff.TensorType(np.float32)
  )
  def finish(state, sums, num_below):
    new_state, means = mechanism.finish(state, list(sums), num_below)
    return new_state, layout.from_tensors(means)

  @tff.tensorflow.computation(mechanism_type)
  def get_clip(state):
    return state['clip']

  @tff.federated_computation(
    initialize.type_signature.result,
    tff.FederatedType(value_type, tff.CLIENTS),
  )
  def next_fn(state, value):
    client_params, after_sum_params = tff.federated_map(
      vector_sum.get_params, state.sketch
    )
    clip = tff.federated_map(get_clip, state.mechanism)
    payload, is_below = tff.federated_map(
      encode,
      (
        value,
        tff.federated_broadcast(client_params),
        tff.federated_broadcast(clip),
      ),
    )
    sketched = sum_payloads(state.sketch, payload, after_sum_params)
    num_below = (
      tff.federated_sum(is_below)
      if mechanism.is_adaptive
      else tff.federated_value(np.float32(0.0), tff.SERVER)
    )
    new_mechanism_state, result = tff.federated_map(
      finish, (state.mechanism, sketched.result, num_below)
    )
    return tff.templates.MeasuredProcessOutput(
      tff.federated_zip(
        collections.OrderedDict(
          sketch=sketched.state, mechanism=new_mechanism_state
        )
      ),
      result,
      tff.federated_zip(
        collections.OrderedDict(
          payload_bytes=sketched.measurements.payload_bytes, clip=clip
        )
      ),
    )

  return tff.templates.AggregationProcess(initialize, next_fn)
