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
"""Mean of updates as count sketches, with error feedback on the server.

Rothchild et al. (2020), "FetchSGD: Communication-Efficient Federated Learning
with Sketching", algorithm 1.
"""

import collections
import math

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods.aggregators import scope as scopes
from tff_methods.aggregators import value_types
from tff_methods.common import seeds
from tff_methods.encoders import count_sketch
from tff_methods.encoders import scaling
from tff_methods.encoders import subsampling
from tff_methods.encoders import top_k


def count_sketch_aggregator(
  *,
  fraction: float = 0.1,
  applied_fraction: float = 0.002,
  sketch_rows: int = 5,
  momentum: float = 0.9,
  error_reset: str = 'buckets',
  base_seed: int = 0,
  weighted: bool = True,
) -> tff.aggregators.AggregationFactory:
  """Returns a factory for the largest values of a mean, with error feedback.

  `next` of the created process:

  1.  Each client sends the count sketch of its update, as one vector of `d`
      values: a table of `sketch_rows` rows of `c = ceil(fraction * d /
      sketch_rows)` buckets. All clients and rounds hash alike.
  2.  `tff.aggregators.MeanFactory` gives the mean `S` of the tables, which is
      the table of the mean.
  3.  The server adds it to its momentum, `u = momentum * u + S`, and this to
      the error of earlier rounds, `e = e + u`.
  4.  The result has the `k = max(1, round(applied_fraction * d))` largest of
      the values that `e` estimates, and zeros elsewhere.
  5.  These leave the error: see `error_reset`.

  Clients keep no state, so the error feedback serves clients that take part
  once. The result is biased. It is no mean of the updates: it has the momentum
  of the server, so give the server an optimizer without, and values that wait
  in the error arrive in later rounds.

  The created process has `next: <S@SERVER, {V}@CLIENTS, {float32}@CLIENTS> ->
  <state=S@SERVER, result=V@SERVER, measurements=M@SERVER>` (without weights if
  `weighted` is false), with `M` that of `tff.aggregators.MeanFactory` or
  `UnweightedMeanFactory`. A client sends `4 * sketch_rows * c` bytes, and its
  weight.

  NaN or Inf in an update stops the round with an `InvalidArgumentError`.
  The result of a round depends on updates of earlier ones, so it does not fit
  into `tff.aggregators.DifferentiallyPrivateFactory`.

  Args:
    fraction: Number of values that a client sends, as a fraction of `d`, in (0,
      1].
    applied_fraction: Fraction of the values that a round changes, in (0, 1].
    sketch_rows: Number of rows of a sketch.
    momentum: Momentum of the server, in [0, 1).
    error_reset: `'values'` subtracts the table of the result from `e`, as in
      the paper's algorithm 1. `'buckets'` sets the buckets of its values to
      zero, in `e` and `u`, so that errors of their estimates do not accumulate.
    base_seed: Seed of the hash functions.
    weighted: If true, the mean is weighted.

  Returns:
    A `WeightedAggregationFactory`, or, if `weighted` is false, an
    `UnweightedAggregationFactory`.

  Raises:
    TypeError: If an argument is of a wrong type. When the process is created:
      if the value has other parts than `float32` tensors of fully defined
      shapes, or no tensors.
    ValueError: If an argument is out of range.
  """
  options = options_lib.CountSketchOptions(
    fraction=fraction,
    applied_fraction=applied_fraction,
    sketch_rows=sketch_rows,
    momentum=momentum,
    error_reset=error_reset,
    base_seed=base_seed,
  )
  if weighted:
    return _WeightedFactory(options)
  return _UnweightedFactory(options)


class _WeightedFactory(tff.aggregators.WeightedAggregationFactory):
  """See `count_sketch_aggregator`."""

  def __init__(self, options: options_lib.CountSketchOptions):
    self._options = options

  def create(
    self, value_type: tff.Type, weight_type: tff.Type
  ) -> tff.templates.AggregationProcess:
    """Creates the process."""
    steps = _Steps(value_type, self._options)
    # The mean of no weight is zero: NaN would stay in the error.
    mean = tff.aggregators.MeanFactory(no_nan_division=True).create(
      steps.table_type, weight_type
    )

    @tff.federated_computation(
      _state_type(mean, steps),
      tff.FederatedType(steps.value_type, tff.CLIENTS),
      tff.FederatedType(weight_type, tff.CLIENTS),
    )
    def next_fn(state, values, weights):
      tables = tff.federated_map(steps.encode, values)
      return _finish(state, mean.next(state[0], tables, weights), steps)

    return tff.templates.AggregationProcess(_build_init(mean, steps), next_fn)


class _UnweightedFactory(tff.aggregators.UnweightedAggregationFactory):
  """See `count_sketch_aggregator`."""

  def __init__(self, options: options_lib.CountSketchOptions):
    self._options = options

  def create(self, value_type: tff.Type) -> tff.templates.AggregationProcess:
    """Creates the process."""
    steps = _Steps(value_type, self._options)
    mean = tff.aggregators.UnweightedMeanFactory().create(steps.table_type)

    @tff.federated_computation(
      _state_type(mean, steps), tff.FederatedType(steps.value_type, tff.CLIENTS)
    )
    def next_fn(state, values):
      tables = tff.federated_map(steps.encode, values)
      return _finish(state, mean.next(state[0], tables), steps)

    return tff.templates.AggregationProcess(_build_init(mean, steps), next_fn)


class _Steps:
  """Computations of `count_sketch_aggregator`.

  Attributes:
    value_type: Type of an update.
    table_type: Type of its table.
    init: `( -> <momentum, error>)`, two tables.
    encode: `(V -> table)`.
    apply: `(<<momentum, error>, table> -> <<momentum, error>, V>)`.
  """

  def __init__(
    self, value_type: tff.Type, options: options_lib.CountSketchOptions
  ):
    self.value_type = value_types.check_value_type(value_type, [tf.float32])
    self._options = options
    self._layout = scopes.vector_layout(self.value_type)
    (spec,) = self._layout.specs
    self._length = spec.shape.num_elements()
    num_buckets = math.ceil(
      self._length * options.fraction / options.sketch_rows
    )
    self._sketch = count_sketch.CountSketch(
      self._length, options.sketch_rows, num_buckets
    )
    self._key = seeds.key(options.base_seed)
    self.table_type = tff.TensorType(np.float32, self._sketch.shape)
    self.init = self._build_init()
    self.encode = tff.tensorflow.computation(self._encode, self.value_type)
    self.apply = tff.tensorflow.computation(
      self._apply, self.init.type_signature.result, self.table_type
    )

  def _build_init(self) -> tff.Computation:
    @tff.tensorflow.computation
    def init():
      zeros = tf.zeros(self._sketch.shape, tf.float32)
      return collections.OrderedDict(momentum=zeros, error=zeros)

    return init

  def _encode(self, value):
    (vector,) = self._layout.to_tensors(value)
    return self._sketch.encode(
      scaling.check_finite(vector), tf.constant(self._key)
    )

  def _apply(self, tables, mean):
    key = tf.constant(self._key)
    momentum = self._options.momentum * tables['momentum'] + mean
    error = tables['error'] + momentum
    estimates = self._sketch.estimate(error, key)
    positions = top_k.largest(
      estimates,
      subsampling.num_kept(self._length, self._options.applied_fraction),
    )
    values = tf.gather(estimates, positions)
    result = top_k.scatter(values, positions, self._length)
    if self._options.error_reset == 'values':
      error -= self._sketch.encode(result, key)
    else:
      is_hit = self._sketch.is_hit(positions, key)
      momentum = tf.where(is_hit, 0.0, momentum)
      error = tf.where(is_hit, 0.0, error)
    tables = collections.OrderedDict(momentum=momentum, error=error)
    return tables, self._layout.from_tensors([result])


def _state_type(
  mean: tff.templates.AggregationProcess, steps: _Steps
) -> tff.Type:
  types = (
    mean.initialize.type_signature.result.member,
    steps.init.type_signature.result,
  )
  return tff.FederatedType(types, tff.SERVER)


def _build_init(
  mean: tff.templates.AggregationProcess, steps: _Steps
) -> tff.Computation:
  @tff.federated_computation
  def init():
    tables = tff.federated_eval(steps.init, tff.SERVER)
    return tff.federated_zip((mean.initialize(), tables))

  return init


def _finish(
  state, output, steps: _Steps
) -> tff.templates.MeasuredProcessOutput:
  """Applies the mean table that an aggregation gave."""
  tables, result = tff.federated_map(steps.apply, (state[1], output.result))
  return tff.templates.MeasuredProcessOutput(
    tff.federated_zip((output.state, tables)), result, output.measurements
  )
