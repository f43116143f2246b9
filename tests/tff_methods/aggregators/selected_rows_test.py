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
from tff_methods import encoders
from tff_methods import options as options_lib

_NUM_ROWS, _ROW_SIZE = 9, 5
# All clients have row 4, two have row 8, none has rows 1 and 3. Keys may be in
# any order, with padding anywhere.
_KEYS = np.int32([[-1, 0, 4, 8], [8, 2, 6, 4], [-1, 7, -1, 4]])
_WEIGHTS = [1.0, 3.0, 0.5]
_KEYS_TYPE = tff.TensorType(np.int32, [4])
_VALUES_TYPE = tff.TensorType(np.float32, [4, _ROW_SIZE])


def _type(keys=_KEYS_TYPE, values=_VALUES_TYPE):
  return tff.to_type(collections.OrderedDict(keys=keys, values=values))


_VALUE_TYPE = _type()
_WEIGHT_TYPE = tff.TensorType(np.float32)


def _values(keys=_KEYS, seed=0):
  rng = np.random.default_rng(seed)
  return [
    collections.OrderedDict(
      keys=client_keys,
      values=rng.normal(size=[4, _ROW_SIZE]).astype(np.float32),
    )
    for client_keys in keys
  ]


def _quantize(spec, bits=12, fraction=1.0, quantizer='eden'):
  return encoders.sketch_encoder(
    spec,
    options_lib.SketchOptions(
      bits=bits, fraction=fraction, quantizer=quantizer
    ),
    seed=(0,),
  )


@functools.cache
def _create(**kwargs):
  factory = aggregators.selected_rows_aggregator(_NUM_ROWS, **kwargs)
  return factory.create(_VALUE_TYPE, _WEIGHT_TYPE)


def _run(values=None, weights=_WEIGHTS, **kwargs):
  process = _create(**kwargs)
  return process.next(
    process.initialize(), _values() if values is None else values, weights
  )


def _mean(values, weights, weighting):
  """Returns the weighted mean, computed row by row."""
  table = np.zeros([_NUM_ROWS, _ROW_SIZE])
  for row in range(_NUM_ROWS):
    total, row_weight = np.zeros(_ROW_SIZE), 0.0
    for value, weight in zip(values, weights, strict=True):
      for i in np.flatnonzero(value['keys'] == row):
        total += weight * value['values'][i].astype(np.float64)
        row_weight += weight
    divisor = sum(weights) if weighting == 'client' else row_weight
    if divisor > 0:
      table[row] = total / divisor
  return table


class SelectedRowsComputationTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters('client', 'row')
  def test_type_signature(self, weighting):
    factory = aggregators.selected_rows_aggregator(
      _NUM_ROWS, weighting=weighting
    )
    self.assertIsInstance(factory, tff.aggregators.WeightedAggregationFactory)
    process = _create(weighting=weighting)
    self.assertTrue(process.is_weighted)
    result = process.next.type_signature.result
    self.assertEqual(
      result.result,
      tff.FederatedType(
        tff.TensorType(np.float32, [_NUM_ROWS, _ROW_SIZE]), tff.SERVER
      ),
    )
    self.assertEqual(str(result.measurements), '<payload_bytes=int64>@SERVER')

  @parameterized.named_parameters(
    ('num_rows', {'num_rows': 0}, 'num_rows of at least 1, found 0'),
    (
      'weighting',
      {'weighting': 'rows'},
      r"one of \('client', 'row'\), found 'rows'",
    ),
    ('seed_source', {'seed_source': 'time'}, "found 'time'"),
  )
  def test_bad_values_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      aggregators.selected_rows_aggregator(**({'num_rows': 9} | kwargs))

  @parameterized.named_parameters(
    ('num_rows', {'num_rows': 9.0}, 'num_rows to be an int, found float'),
    ('base_seed', {'base_seed': '1'}, 'base_seed to be an int, found str'),
  )
  def test_bad_types_raise(self, kwargs, message):
    with self.assertRaisesRegex(TypeError, message):
      aggregators.selected_rows_aggregator(**({'num_rows': 9} | kwargs))

  @parameterized.named_parameters(
    ('tensor', tff.TensorType(np.float32, [4, 5])),
    ('tuple', tff.to_type([(np.int32, [4]), (np.float32, [4, 5])])),
    ('names', tff.StructType([('k', _KEYS_TYPE), ('v', _VALUES_TYPE)])),
    (
      'order',
      tff.StructType([('values', _VALUES_TYPE), ('keys', _KEYS_TYPE)]),
    ),
    ('int64_keys', _type(keys=(np.int64, [4]))),
    ('float64_values', _type(values=(np.float64, [4, _ROW_SIZE]))),
    ('vectors', _type(values=(np.float32, [4]))),
    ('no_tensor', _type(values=tff.SequenceType(_VALUES_TYPE))),
    ('other_number_of_keys', _type(keys=(np.int32, [3]))),
    (
      'unknown_number',
      _type(keys=(np.int32, [None]), values=(np.float32, [None, _ROW_SIZE])),
    ),
  )
  def test_other_types_raise_when_created(self, value_type):
    factory = aggregators.selected_rows_aggregator(_NUM_ROWS)
    with self.assertRaisesRegex(
      TypeError, r'Expected <keys=int32\[k\],values=float32\[k,d\]>.*found'
    ):
      factory.create(value_type, _WEIGHT_TYPE)


class SelectedRowsExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters('client', 'row')
  def test_result_is_the_weighted_mean(self, weighting):
    output = _run(weighting=weighting)
    expected = _mean(_values(), _WEIGHTS, weighting)
    self.assertAllClose(output.result, expected, rtol=1e-6, atol=0)
    self.assertAllEqual(output.result[[1, 3]], np.zeros([2, _ROW_SIZE]))

  def test_weightings_differ_where_not_all_clients_have_a_row(self):
    by_client, by_row = _run().result, _run(weighting='row').result
    # The clients with row 8 have weights 1 and 3, of a total of 4.5.
    self.assertAllClose(by_client[8] * 4.5, by_row[8] * 4.0, rtol=1e-6)
    self.assertAllEqual(by_client[4], by_row[4])

  @parameterized.parameters(
    {'weighting': 'client'}, {'weighting': 'row'}, {'encoder_fn': _quantize}
  )
  def test_padding_has_no_effect(self, **kwargs):
    results = []
    for padding in (0.0, 1e30, np.nan):
      values = _values()
      for value in values:
        value['values'][value['keys'] == -1] = padding
      results.append(_run(values, **kwargs).result)
    self.assertAllEqual(results[0], results[1])
    self.assertAllEqual(results[0], results[2])
    nothing = _values(np.full([3, 4], -1, np.int32))
    output = _run(nothing, **kwargs)
    self.assertAllEqual(output.result, np.zeros([_NUM_ROWS, _ROW_SIZE]))

  @parameterized.parameters('client', 'row')
  def test_without_weight_no_row_changes(self, weighting):
    output = _run(weights=[0.0, 0.0, 0.0], weighting=weighting)
    self.assertAllEqual(output.result, np.zeros([_NUM_ROWS, _ROW_SIZE]))

  @parameterized.parameters('client', 'row')
  def test_order_of_clients_does_not_change_the_result(self, weighting):
    keys = np.tile(_KEYS, [7, 1])
    values = _values(keys)
    weights = list(np.linspace(0.1, 3.7, 21, dtype=np.float32))
    first = _run(values, weights, weighting=weighting)
    second = _run(values[::-1], weights[::-1], weighting=weighting)
    self.assertAllEqual(first.result, second.result)

  @parameterized.named_parameters(
    ('eden', 'client', functools.partial(_quantize, bits=16)),
    ('uniform', 'row', functools.partial(_quantize, quantizer='uniform')),
  )
  def test_encoded_rows_are_close_to_the_mean(self, weighting, encoder_fn):
    output = _run(encoder_fn=encoder_fn, weighting=weighting)
    expected = _mean(_values(), _WEIGHTS, weighting)
    self.assertAllClose(output.result, expected, rtol=0, atol=3e-3)
    # The encoding is lossy.
    self.assertNotAllClose(output.result, expected, rtol=0, atol=1e-7)
    self.assertAllEqual(output.result[[1, 3]], np.zeros([2, _ROW_SIZE]))

  def test_bits_depend_on_the_seed_alone(self):
    first, again = (_run(encoder_fn=_quantize).result for _ in range(2))
    self.assertAllEqual(first, again)
    other = _run(encoder_fn=_quantize, base_seed=8).result
    self.assertNotAllEqual(first, other)

  def test_entropy_differs_each_time(self):
    kwargs = dict(encoder_fn=_quantize, seed_source='entropy')
    first, second = _run(**kwargs).result, _run(**kwargs).result
    self.assertNotAllEqual(first, second)
    self.assertAllClose(first, second, atol=1e-2)

  @parameterized.named_parameters(
    # 4 keys and 20 numbers of 4 bytes.
    ('plain', None, 16 + 80),
    # 12 bits a number, a scale of 4 bytes, a key of 8.
    ('eden', _quantize, 16 + 30 + 4 + 8),
    # 10 numbers of 4 bytes, and two keys: of the coordinates and the rotation.
    (
      'subsampled',
      functools.partial(_quantize, bits=None, fraction=0.5),
      16 + 40 + 8 + 8,
    ),
  )
  def test_payload_bytes_are_counted_on_arrival(self, encoder_fn, expected):
    output = _run(encoder_fn=encoder_fn)
    self.assertEqual(output.measurements['payload_bytes'], 3 * expected)
    # The trace sees the weight too, a float32.
    traced = communication.traced_bytes(_create(encoder_fn=encoder_fn).next)
    self.assertEqual(traced.uplink, expected + 4)

  @parameterized.product(key=(_NUM_ROWS, -2), weighting=('client', 'row'))
  def test_key_out_of_range_stops_the_round(self, key, weighting):
    keys = _KEYS.copy()
    keys[1, 2] = key
    with self.assertRaisesRegex(
      Exception, rf'(?s)keys of at least -1 and below 9, found.*{key}'
    ):
      _run(_values(keys), weighting=weighting)

  @parameterized.parameters('client', 'row')
  def test_repeated_key_stops_the_round(self, weighting):
    keys = _KEYS.copy()
    keys[1, 2:] = keys[1, 0]
    with self.assertRaisesRegex(Exception, r'(?s)distinct keys.*found'):
      _run(_values(keys), weighting=weighting)

  @parameterized.product(encoder_fn=(None, _quantize), bad=(np.nan, np.inf))
  def test_non_finite_rows_stop_the_round(self, encoder_fn, bad):
    values = _values()
    values[1]['values'][2, 3] = bad
    with self.assertRaisesRegex(Exception, 'finite values, found NaN or Inf'):
      _run(values, encoder_fn=encoder_fn)


if __name__ == '__main__':
  tf.test.main()
