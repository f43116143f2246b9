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
"""Mean of sketched updates under secure sums.

Prasad et al. (2022), "Reconciling Security and Communication Efficiency in
Federated Learning", quantize and prune updates before a secure sum; here they
are rotated first, so that the range follows from the clip.
"""

import collections
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods.aggregators import clipping
from tff_methods.aggregators import scope as scopes
from tff_methods.aggregators import secure_sketch
from tff_methods.aggregators import value_types
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.encoders import scaling


def secure_sketched_aggregator(
  *,
  clip: float,
  clients_per_round: int,
  bits: int = 4,
  fraction: float = 1.0,
  noise_multiplier: float | None = None,
  noise_seed_for_tests: int | None = None,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> tff.aggregators.UnweightedAggregationFactory:
  """Returns a factory for a mean that reveals only sums of clients' integers.

  `next` of the created process:

  1.  The server broadcasts the key of the round.
  2.  Each client scales its update, as one vector of `d` values, to a Euclidean
      norm of at most `clip`, rotates it, and takes `k = max(1, round(fraction *
      d))` coordinates, the same for all clients of the round.
  3.  It rounds them stochastically to integers from 0 to `2**bits - 1`, which
      stand for values between `-r` and `r`, with `r = 3 * clip / sqrt(d)`. The
      coordinates of a rotated vector are nearly normal with a standard
      deviation of at most `clip / sqrt(d)`; the few outside are clipped, and
      counted.
  4.  A secure modular sum with the modulus `clients_per_round * (2**bits - 1) +
      1` adds the integers. No cohort of `clients_per_round` clients that run
      this code overflows it, whatever their updates are.
  5.  The server decodes the sum, and divides it by the number of clients, which
      is a secure sum, too. More than `clients_per_round` clients raise an
      `InvalidArgumentError`, when run.

  The result is unbiased but for clipping. It is a mean, and no aggregation for
  `tff.aggregators.DifferentiallyPrivateFactory` or `UnweightedMeanFactory`. A
  client that does not run this code can spoil the sum: the server cannot check
  single clients, as in any secure sum. The runtimes of this library simulate
  secure sums in the clear: see `runtime.set_local_context`. TFF's default
  context runs none ("Cannot embed a federated value").

  Around it, `tff.aggregators.clipping_factory` and `zeroing_factory` add plain
  sums unless `clipped_count_sum_factory`, or `zeroed_count_sum_factory`, is
  `tff.aggregators.SecureSumFactory(1, 0)`, and an adaptive norm is estimated
  with `secure_estimation=True`. With noise, the norm has to be fixed: an
  adaptive one would follow updates without noise. Nothing can refuse this: the
  process is created from the type of the values alone.

  **With `noise_multiplier`**, `z`, the sum is also differentially private. In
  step 3, integers stand for multiples of `r * 2**(1 - bits)`, and conditional
  rounding keeps their Euclidean norm within a bound `D`, in integer arithmetic,
  whatever the update is. Each client adds discrete Gaussian noise of parameter
  `z * D / sqrt(clients_per_round)` to its integers, so the sum has noise of
  standard deviation `z * D` (Kairouz et al. 2021, algorithm 1). The modulus
  also holds six standard deviations of noise. Exactly `clients_per_round`
  clients have to take part, whose shares of noise add up, and clipped values
  are not counted. Adding or removing a client's integers changes the sum by at
  most `D`, replacing them by at most `2 * D`. See `secure_sum_noise` and
  `privacy.discrete_gaussian_epsilon`. If other clients of the round reveal
  their shares, so much less noise is left. Clients of a simulation share one
  secret, which is a constant of the process: the noise hides nothing from who
  has its graphs, as all parties of `deployment.write_map_reduce_form` do.

  The created process has `next: <S@SERVER, {V}@CLIENTS> -> <state=S@SERVER,
  result=V@SERVER, measurements=M@SERVER>`, with `M` an `OrderedDict` of
  `num_clients` and, without noise, `num_clipped_values`, `int32`, secure sums.
  A client sends
  `ceil(k * ceil(log2(modulus)) / 8)` bytes of integers, and these two counts.

  NaN or Inf in an update stops the round with an `InvalidArgumentError`.

  Args:
    clip: Largest Euclidean norm of an update, above 0.
    clients_per_round: Largest number of clients in a round.
    bits: Bits per value, 1 to 16.
    fraction: Fraction of the values that is sent, in (0, 1].
    noise_multiplier: `z`, above 0; `None` for no noise.
    noise_seed_for_tests: Seed of the noise, which then hides nothing from who
      knows it. `None` draws it differently in each round of each run.
    seed_source: Source of a client's stochastic rounding: see
      `options.RandomnessOptions`.
    base_seed: Seed of the process. Different seeds give independent choices.

  Returns:
    An `UnweightedAggregationFactory`.

  Raises:
    TypeError: If an argument is of a wrong type. When the process is created:
      if the value has other parts than `float32` tensors of fully defined
      shapes.
    ValueError: If an argument is out of range, or the modulus above 2**31 - 1.
      When the process is created: if the modulus is, with noise, or a client's
      share of the noise has a standard deviation above 10,000 integers.
  """
  return _SecureSketchedFactory(
    options_lib.SecureSketchOptions(
      clip=clip,
      clients_per_round=clients_per_round,
      bits=bits,
      fraction=fraction,
      noise_multiplier=noise_multiplier,
      noise_seed_for_tests=noise_seed_for_tests,
      seed_source=seed_source,
      base_seed=base_seed,
    )
  )


class SecureSumNoise(NamedTuple):
  """Noise of a secure sum, as `privacy.discrete_gaussian_epsilon` takes it.

  Attributes:
    local_stddev: Standard deviation of a client's share, in integers.
    num_values: Number of integers of a client.
  """

  local_stddev: float
  num_values: int


def secure_sum_noise(
  num_weights: int, options: options_lib.SecureSketchOptions
) -> SecureSumNoise:
  """Returns the noise that `secure_sketched_aggregator` adds.

  Args:
    num_weights: Number of values of an update, all tensors together.
    options: Arguments of the aggregator, with `noise_multiplier`.

  Raises:
    TypeError: If `num_weights` is not an int.
    ValueError: If there is no noise, or the process cannot be created: see
      `secure_sketched_aggregator`.
  """
  argument_checks.check_int('num_weights', num_weights, minimum=1)
  if options.noise_multiplier is None:
    raise ValueError('Expected options with noise_multiplier, found None.')
  sketch = secure_sketch.NoisySketch(num_weights, options)
  return SecureSumNoise(sketch.local_stddev, sketch.num_sent)


class _SecureSketchedFactory(tff.aggregators.UnweightedAggregationFactory):
  """See `secure_sketched_aggregator`."""

  def __init__(self, options: options_lib.SecureSketchOptions):
    self._options = options
    self._sketch_class = (
      secure_sketch.SecureSketch
      if options.noise_multiplier is None
      else secure_sketch.NoisySketch
    )

  def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
    """Creates the process."""
    value_type = value_types.check_value_type(value_type, [tf.float32])
    layout = scopes.vector_layout(value_type)
    (spec,) = layout.specs
    sketch = self._sketch_class(spec.shape.num_elements(), self._options)
    return _build_process(value_type, layout, sketch, self._options)


def _build_process(
  value_type: tff.Type,
  layout: scopes.Layout,
  sketch: secure_sketch.SecureSketch,
  options: options_lib.SecureSketchOptions,
) -> tff.templates.AggregationProcess:
  """Builds the steps of `secure_sketched_aggregator`."""
  base_key = seeds.key(options.base_seed)

  @tff.tensorflow.computation
  def initial_state():
    return tf.constant(0, tf.int32)

  @tff.tensorflow.computation(np.int32)
  def get_key(round_num):
    return seeds.fold_in(tf.constant(base_key), round_num)

  key_type = get_key.type_signature.result

  @tff.tensorflow.computation(value_type, key_type)
  def encode(value, key):
    vectors = [scaling.check_finite(x) for x in layout.to_tensors(value)]
    (vector,), _ = clipping.clip_by_norm(
      vectors, tf.constant(options.clip, tf.float32)
    )
    codes, num_clipped = sketch.encode(vector, key)
    return codes, tf.stack([1, num_clipped])

  codes_type, counts_type = encode.type_signature.result

  @tff.tensorflow.computation(np.int32, codes_type, counts_type, key_type)
  def finish(round_num, codes, counts, key):
    num_clients = _check_num_clients(counts[0], options)
    total = sketch.decode(codes, key, num_clients)
    mean = total / tf.cast(tf.maximum(num_clients, 1), tf.float32)
    measurements = collections.OrderedDict(num_clients=num_clients)
    if options.noise_multiplier is None:
      measurements['num_clipped_values'] = counts[1]
    return round_num + 1, layout.from_tensors([mean]), measurements

  @tff.federated_computation
  def initialize():
    return tff.federated_eval(initial_state, tff.SERVER)

  @tff.federated_computation(
    initialize.type_signature.result,
    tff.FederatedType(value_type, tff.CLIENTS),
  )
  def next_fn(state, value):
    key = tff.federated_map(get_key, state)
    codes, counts = tff.federated_map(
      encode, (value, tff.federated_broadcast(key))
    )
    total = tff.backends.mapreduce.federated_secure_modular_sum(
      codes, sketch.modulus
    )
    total_counts = tff.federated_secure_sum(counts, max(sketch.num_sent, 1))
    return tff.templates.MeasuredProcessOutput(
      *tff.federated_map(finish, (state, total, total_counts, key))
    )

  return tff.templates.AggregationProcess(initialize, next_fn)


def _check_num_clients(
  num_clients: tf.Tensor, options: options_lib.SecureSketchOptions
) -> Any:
  """Returns the number of clients; raises, when run, for a wrong number."""
  expected = options.clients_per_round
  if options.noise_multiplier is None:
    check = tf.debugging.assert_less_equal(
      num_clients,
      expected,
      'Expected at most clients_per_round clients, whose sum the modulus '
      f'holds, found more than {expected}: raise clients_per_round.',
    )
  else:
    check = tf.debugging.assert_equal(
      num_clients,
      expected,
      'Expected clients_per_round clients, whose shares of noise add up, found '
      f'another number than {expected}: give it as clients_per_round.',
    )
  with tf.control_dependencies([check] if check is not None else []):
    return tf.identity(num_clients)
