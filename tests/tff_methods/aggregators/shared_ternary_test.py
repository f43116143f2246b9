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
import functools

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods.aggregators import shared_ternary

_SHAPE = (33, 11)
_VALUE_TYPE = tff.to_type(
  [tff.TensorType(np.float32, shape) for shape in (_SHAPE, (5,), (0,))]
)
_WEIGHT_TYPE = tff.TensorType(np.float32)
_WEIGHTS = np.float32([1.0, 3.0, 0.0])
# Trits of the matrix and its scale; five values that are sent whole.
_PAYLOAD = 73 + 4 + 4 * 5


@functools.cache
def _process(clip_factor=None):
  options = options_lib.TernGradOptions(
    clip_factor=clip_factor, min_elements=6, share_scale=True
  )
  salted_type = tff.to_type(
    collections.OrderedDict(
      salt=tff.TensorType(np.int32, [2]), value=_VALUE_TYPE
    )
  )
  factory = shared_ternary.SharedTernaryMeanFactory(options)
  return factory.create(salted_type, _WEIGHT_TYPE)


def _values(seed=0):
  """Returns values of three clients; the last has no weight, and is long."""
  rng = np.random.default_rng(seed)
  return [
    [
      (scale * rng.normal(size=shape)).astype(np.float32)
      for shape in (_SHAPE, (5,), (0,))
    ]
    for scale in (1.0, 1.0, 1e3)
  ]


def _salted(values):
  return [
    collections.OrderedDict(salt=np.int32([7, i]), value=value)
    for i, value in enumerate(values)
  ]


def _next(state=None, values=None, **kwargs):
  process = _process(**kwargs)
  return process.next(
    process.initialize() if state is None else state,
    _salted(_values() if values is None else values),
    list(_WEIGHTS),
  )


class SharedTernaryComputationTest(tf.test.TestCase):
  def test_bytes_of_both_exchanges_are_in_the_trace(self):
    # With the weight of the mean, a float32; down, the scale of the matrix and
    # the key of the round.
    self.assertEqual(
      communication.traced_bytes(_process().next),
      communication.ClientBytes(uplink=_PAYLOAD + 4, downlink=4 + 8),
    )

  def test_several_workers_cannot_share_a_round(self):
    with self.assertRaisesRegex(
      ValueError, '^Expected a computation in which no aggregation depends on'
    ):
      runtime.check_mergeable(_process().next)


class SharedTernaryExecutionTest(tf.test.TestCase):
  def test_each_result_is_a_whole_number_of_shared_scales(self):
    output = _next()
    weighted = [w * v[0] for w, v in zip(_WEIGHTS, _values(), strict=True)]
    scale = np.abs(weighted).max()
    counts = output.result[0] * _WEIGHTS.sum() / scale
    self.assertAllClose(counts, np.round(counts), atol=1e-5)
    self.assertAllInSet(np.round(counts), [-2.0, -1.0, 0.0, 1.0, 2.0])
    # A value that is the scale is sent with certainty.
    position = np.unravel_index(np.abs(weighted[1]).argmax(), _SHAPE)
    self.assertGreater(abs(np.round(counts)[position]), 0.0)
    expected = np.average([v[1] for v in _values()], axis=0, weights=_WEIGHTS)
    self.assertAllClose(output.result[1], expected, rtol=1e-6)
    self.assertEqual(
      output.measurements['mean_value']['payload_bytes'], 3 * _PAYLOAD
    )

  def test_clipped_scale_is_the_largest_of_the_clients(self):
    counts = _next(clip_factor=1.0).result[0] * _WEIGHTS.sum()
    deviations = [
      w * np.sqrt(np.mean(v[0].astype(np.float64) ** 2))
      for w, v in zip(_WEIGHTS, _values(), strict=True)
    ]
    counts /= max(deviations)
    self.assertAllClose(counts, np.round(counts), atol=1e-5)

  def test_outliers_are_clipped_at_the_scale_of_their_own_client(self):
    outliers = np.zeros(_SHAPE, np.float32)
    outliers[:2, :8] = 100.0
    evenly = np.where(outliers, np.float32(0.0), np.float32(34.0))
    tensors = [np.zeros(shape, np.float32) for shape in ((5,), (0,))]
    values = [[x, *tensors] for x in (outliers, evenly, outliers)]
    is_sent = _next(values=values, clip_factor=1.0).result[0] != 0.0
    # The standard deviation of the outliers is 21.0, the shared scale 99.7: a
    # fifth of the sixteen is sent, but each if clipped at the shared scale.
    self.assertLess(np.count_nonzero(is_sent[outliers > 0]), 12)
    self.assertTrue(is_sent[evenly > 0].all())

  def test_mean_over_rounds_is_unbiased(self):
    state, results = None, []
    for _ in range(40):
      output = _next(state)
      state = output.state
      results.append(output.result[0])
    weighted = np.array(
      [w * v[0] for w, v in zip(_WEIGHTS, _values(), strict=True)]
    )
    error = np.mean(results, axis=0) - weighted.sum(axis=0) / _WEIGHTS.sum()
    # |x| (u - |x|) is the variance of one value of one client.
    magnitude = np.abs(weighted)
    variance = (magnitude * (magnitude.max() - magnitude)).sum()
    expected = variance / _WEIGHTS.sum() ** 2 / 40
    self.assertBetween((error**2).sum() / expected, 0.7, 1.3)
    self.assertLess(abs(error.sum()), 5 * np.sqrt(expected))

  def test_runtimes_agree(self):
    expected = _next()
    with tff.framework.get_context_stack().install(
      runtime.create_in_process_context('cpu')
    ):
      found = _next()
    self.assertAllClose(found.result, expected.result, rtol=1e-6)
    self.assertEqual(found.measurements, expected.measurements)

  def test_nothing_to_send_is_zero(self):
    zeros = tf.nest.map_structure(np.zeros_like, _values())
    self.assertAllEqual(_next(values=zeros).result[0], np.zeros(_SHAPE))

  def test_non_finite_update_stops_the_round(self):
    values = _values()
    values[0][0][0, 0] = np.nan
    with self.assertRaisesRegex(Exception, 'finite values, found NaN or Inf'):
      _next(values=values)


if __name__ == '__main__':
  tf.test.main()
