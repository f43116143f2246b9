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

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import communication

_NUM_ROWS = 6
_KEYS = np.int32([[0, 5], [5, 2], [-1, 2]])
_WEIGHTS = [1.0, 3.0, 0.5]
_BODY_TYPE = tff.to_type([(np.float32, [20, 20]), (np.float32, [20])])
_VALUE_TYPE = tff.to_type(
  collections.OrderedDict(
    body=_BODY_TYPE,
    rows=collections.OrderedDict(
      keys=tff.TensorType(np.int32, [2]),
      values=tff.TensorType(np.float32, [2, 3]),
    ),
  )
)
_WEIGHT_TYPE = tff.TensorType(np.float32)


def _values():
  rng = np.random.default_rng(0)

  def normal(*shape):
    return rng.normal(size=shape).astype(np.float32)

  return [
    collections.OrderedDict(
      body=(normal(20, 20), normal(20)),
      rows=collections.OrderedDict(keys=keys, values=normal(2, 3)),
    )
    for keys in _KEYS
  ]


def _mean():
  """Returns the mean of each tensor of the body, and of the table."""
  values = _values()
  table = np.zeros([_NUM_ROWS, 3])
  for value, weight in zip(values, _WEIGHTS, strict=True):
    for key, row in zip(*value['rows'].values(), strict=True):
      if key >= 0:
        table[key] += weight * row / sum(_WEIGHTS)
  return [
    np.average([v['body'][i] for v in values], axis=0, weights=_WEIGHTS)
    for i in range(2)
  ] + [table]


@functools.cache
def _create(bits=None):
  return aggregators.RowModelUpdateFactory(
    tff.aggregators.MeanFactory()
    if bits is None
    else aggregators.sketched_update_aggregator(bits=bits, min_elements=100),
    aggregators.selected_rows_aggregator(_NUM_ROWS),
  ).create(_VALUE_TYPE, _WEIGHT_TYPE)


class RowModelUpdateFactoryComputationTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_result_is_an_update_of_all_trainable_weights(self):
    process = _create()
    self.assertIsInstance(process, tff.templates.AggregationProcess)
    self.assertTrue(process.is_weighted)
    result = process.next.type_signature.result.result
    self.assertEqual(
      result,
      tff.FederatedType(
        tff.to_type((*_BODY_TYPE, tff.TensorType(np.float32, [_NUM_ROWS, 3]))),
        tff.SERVER,
      ),
    )

  @parameterized.named_parameters(
    (
      'body',
      (tff.aggregators.SumFactory(), tff.aggregators.MeanFactory()),
      'for the body, found SumFactory: see',
    ),
    (
      'rows',
      (tff.aggregators.MeanFactory(), 'mean'),
      'for the rows, found str: see tff.aggregators.as_weighted_aggregator',
    ),
  )
  def test_bad_factories_raise(self, factories, message):
    with self.assertRaisesRegex(TypeError, message):
      aggregators.RowModelUpdateFactory(*factories)

  @parameterized.named_parameters(
    ('body_alone', _BODY_TYPE),
    ('tensor', tff.TensorType(np.float32, [3])),
    ('names', tff.StructType([('body', _BODY_TYPE), ('row', _BODY_TYPE)])),
  )
  def test_other_types_raise_when_created(self, value_type):
    mean = tff.aggregators.MeanFactory()
    factory = aggregators.RowModelUpdateFactory(mean, mean)
    with self.assertRaisesRegex(
      TypeError, 'Expected <body=...,rows=...>, found'
    ):
      factory.create(value_type, _WEIGHT_TYPE)


class RowModelUpdateFactoryExecutionTest(tf.test.TestCase):
  def test_result_is_the_weighted_mean_of_both_parts(self):
    process = _create()
    output = process.next(process.initialize(), _values(), _WEIGHTS)
    self.assertLen(output.result, 3)
    for x, expected in zip(output.result, _mean(), strict=True):
      self.assertAllClose(x, expected, atol=1e-6)
    # 2 keys and 6 numbers of 4 bytes, of each of three clients.
    measurements = output.measurements
    self.assertEqual(measurements['rows']['payload_bytes'], 3 * (8 + 24))
    self.assertEqual(list(measurements), ['body', 'rows'])

  def test_body_can_be_sketched(self):
    process = _create(bits=12)
    first = process.next(process.initialize(), _values(), _WEIGHTS)
    second = process.next(first.state, _values(), _WEIGHTS)
    # The sketch draws again in each round, from its state.
    self.assertNotAllEqual(first.result[0], second.result[0])
    for output in (first, second):
      for x, expected in zip(output.result, _mean(), strict=True):
        self.assertAllClose(x, expected, rtol=0, atol=0.02)
      # Small tensors and rows are sent uncompressed.
      self.assertAllClose(output.result[1], _mean()[1], atol=1e-6)
      self.assertAllClose(output.result[2], _mean()[2], atol=1e-6)
    # 12 bits for each of 400 numbers and a scale; 20 numbers of 4 bytes.
    body_bytes = 600 + 4 + 80
    self.assertEqual(
      output.measurements['body']['mean_value']['payload_bytes'],
      3 * body_bytes,
    )
    # The trace includes the weight, which both parts send.
    traced = communication.traced_bytes(process.next)
    self.assertEqual(traced.uplink, body_bytes + 32 + 2 * 4)


if __name__ == '__main__':
  tf.test.main()
