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
import collections
import math

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods.runtime import shared_context
from tests.tff_methods.runtime import two_workers
from tff_methods import aggregators
from tff_methods import communication
from tff_methods import runtime
from tff_methods.common import seeds
from tff_methods.encoders import count_sketch

_SHAPES = ((9, 11), (5,), ())
_LENGTH = 105
_VALUE_TYPE = tff.to_type([tff.TensorType(np.float32, s) for s in _SHAPES])
_WEIGHT_TYPE = tff.TensorType(np.float32)
_WEIGHTS = [1.0, 3.0]
# 3 rows of ceil(105 * 0.4 / 3) buckets.
_OPTIONS = dict(fraction=0.4, sketch_rows=3, applied_fraction=0.05)
_TABLE = (3, 14)


def _values(seed, scale=1.0):
  rng = np.random.default_rng(seed)
  return [
    [np.float32(scale * rng.standard_t(3, size=s)) for s in _SHAPES]
    for _ in _WEIGHTS
  ]


def _flat(value):
  return np.concatenate([np.ravel(x) for x in value]).astype(np.float64)


@caching.cache
def _create(weighted=True, **kwargs):
  factory = aggregators.count_sketch_aggregator(
    weighted=weighted, **(_OPTIONS | kwargs)
  )
  if weighted:
    return factory.create(_VALUE_TYPE, _WEIGHT_TYPE)
  return factory.create(_VALUE_TYPE)


@caching.cache
def _matrix(base_seed=0):
  """Returns the map from a vector to its table, `[3, 14, 105]`."""
  sketch = count_sketch.CountSketch(_LENGTH, *_TABLE)
  key = tf.constant(seeds.key(base_seed))
  tables = [sketch.encode(x, key).numpy() for x in np.eye(_LENGTH, dtype='f')]
  return np.stack(tables, axis=-1).astype(np.float64)


class _FetchSgd:
  """Algorithm 1 of the paper, with matrices."""

  def __init__(self, momentum, error_reset):
    self._momentum, self._error_reset = momentum, error_reset
    self._u, self._e = np.zeros(_TABLE), np.zeros(_TABLE)

  def step(self, mean):
    matrix = _matrix()
    self._u = self._momentum * self._u + matrix @ mean
    self._e = self._e + self._u
    estimates = np.median(np.einsum('rbi,rb->ri', matrix, self._e), axis=0)
    applied = np.argsort(-np.abs(estimates), kind='stable')[
      : max(1, round(_LENGTH * 0.05))
    ]
    delta = np.zeros(_LENGTH)
    delta[applied] = estimates[applied]
    if self._error_reset == 'values':
      self._e = self._e - matrix @ delta
    else:
      hit = np.abs(matrix[:, :, applied]).sum(axis=-1) > 0
      self._e[hit] = self._u[hit] = 0.0
    return delta


class CountSketchAggregatorComputationTest(parameterized.TestCase):
  def test_types(self):
    process = _create()
    table = tff.TensorType(np.float32, _TABLE)
    self.assertEqual(
      process.initialize.type_signature.result.member[1],
      tff.to_type(collections.OrderedDict(momentum=table, error=table)),
    )
    self.assertEqual(
      process.next.type_signature.result.result,
      tff.FederatedType(_VALUE_TYPE, tff.SERVER),
    )
    self.assertTrue(process.is_weighted)
    self.assertFalse(_create(weighted=False).is_weighted)

  @parameterized.parameters(
    ({'fraction': 2.0}, ValueError, 'fraction'),
    ({'momentum': 'a'}, TypeError, 'momentum'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      aggregators.count_sketch_aggregator(**kwargs)

  @parameterized.parameters(
    (tff.TensorType(np.float64, [9]), 'float32'),
    (tff.to_type([]), 'one tensor or more, found none'),
  )
  def test_bad_types_raise_when_created(self, value_type, message):
    factory = aggregators.count_sketch_aggregator()
    with self.assertRaisesRegex(TypeError, message):
      factory.create(value_type, _WEIGHT_TYPE)

  @parameterized.parameters(
    ({}, 14), ({'fraction': 0.01}, 1), ({'fraction': 1.0}, 35)
  )
  def test_bytes(self, kwargs, num_buckets):
    self.assertEqual(
      communication.traced_bytes(_create(**kwargs).next).uplink,
      4 * 3 * num_buckets + 4,
    )


class CountSketchAggregatorExecutionTest(parameterized.TestCase):
  @parameterized.product(error_reset=['values', 'buckets'], momentum=[0.0, 0.7])
  def test_equals_the_algorithm_with_matrices(self, error_reset, momentum):
    process = _create(error_reset=error_reset, momentum=momentum)
    oracle = _FetchSgd(momentum, error_reset)
    state = process.initialize()
    for i in range(4):
      values = _values(i)
      output = process.next(state, values, _WEIGHTS)
      state = output.state
      mean = (_flat(values[0]) + 3 * _flat(values[1])) / 4
      found = _flat(output.result)
      np.testing.assert_allclose(found, oracle.step(mean), atol=1e-4)
      self.assertEqual(np.count_nonzero(found), 5)

  def test_unweighted_mean(self):
    process = _create(weighted=False, momentum=0.0)
    values = _values(0)
    output = process.next(process.initialize(), values)
    mean = (_flat(values[0]) + _flat(values[1])) / 2
    expected = _FetchSgd(0.0, 'buckets').step(mean)
    np.testing.assert_allclose(_flat(output.result), expected, atol=1e-4)

  @parameterized.parameters('values', 'buckets')
  def test_large_values_arrive_in_later_rounds(self, error_reset):
    """Of six large values of one update, a round applies two."""
    process = _create(
      fraction=1.0,
      sketch_rows=5,
      momentum=0.0,
      applied_fraction=0.02,
      error_reset=error_reset,
    )
    rng = np.random.default_rng(1)
    kernel = rng.normal(scale=0.01, size=_SHAPES[0]).astype(np.float32)
    kernel[rng.integers(9, size=6), np.arange(6)] += [3, -4, 5, -6, 7, 8]
    update = [kernel, np.zeros(5, np.float32), np.float32(0.0)]
    state, total, errors = process.initialize(), 0.0, []
    for i in range(8):
      sent = [x * np.float32(i == 0) for x in update]
      output = process.next(state, [sent, sent], _WEIGHTS)
      state, total = output.state, total + _flat(output.result)
      errors.append(np.linalg.norm(total - _flat(update)))
    norm = np.linalg.norm(_flat(update))
    self.assertGreater(errors[0], 0.5 * norm)
    self.assertLess(errors[-1], 0.1 * norm)

  def test_subtracted_estimates_can_diverge(self):
    """Five values of 14 buckets a row: too many for the paper's algorithm."""
    value = _values(5)
    zeros = _values(0, scale=0.0)
    grown = {}
    for error_reset in ('values', 'buckets'):
      process = _create(momentum=0.0, error_reset=error_reset)
      state, total = process.initialize(), 0.0
      for values in [value] + 29 * [zeros]:
        output = process.next(state, values, _WEIGHTS)
        state, total = output.state, total + _flat(output.result)
      mean = (_flat(value[0]) + 3 * _flat(value[1])) / 4
      grown[error_reset] = np.linalg.norm(total) / np.linalg.norm(mean)
    self.assertGreater(grown['values'], 1e6)
    self.assertLess(grown['buckets'], 3.0)

  def test_mean_of_no_weight_is_zero(self):
    process = _create()
    output = process.next(process.initialize(), _values(0), [0.0, 0.0])
    np.testing.assert_array_equal(_flat(output.result), 0.0)
    self.assertTrue(math.isfinite(np.sum(output.state[1]['error'])))

  @parameterized.parameters(np.nan, np.inf)
  def test_values_that_are_not_finite_raise(self, bad):
    values = _values(0)
    values[0][1][2] = bad
    process = _create()
    with self.assertRaisesRegex(Exception, 'NaN|Inf|finite'):
      process.next(process.initialize(), values, _WEIGHTS)

  def test_runs_alike_in_all_runtimes(self):
    process = _create()
    results = []
    for context in (
      runtime.create_local_context(),
      shared_context.in_process(),
      two_workers.create_context(),
    ):
      with tff.framework.get_context_stack().install(context):
        output = process.next(process.initialize(), _values(0), _WEIGHTS)
      results.append(_flat(output.result))
    for result in results[1:]:
      np.testing.assert_array_equal(result, results[0])


if __name__ == '__main__':
  absltest.main()
