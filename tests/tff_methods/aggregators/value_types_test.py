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
import copy
import pickle

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import encoders
from tff_methods import update_spaces
from tff_methods.aggregators import value_types

_FLOAT = tff.TensorType(np.float32)
_VECTOR = tff.TensorType(np.float32, [300])
_BFLOAT16 = tf.bfloat16.as_numpy_dtype
_RAGGED = tff.types.StructWithPythonType(
  [
    ('flat_values', tff.TensorType(np.float32, [4])),
    ('nested_row_splits', tff.TensorType(np.int64, [3])),
  ],
  tf.RaggedTensor,
)
_PLAIN = tff.StructType([('b', _VECTOR), ('a', _FLOAT)])
_CONTAINED = tff.types.to_type(
  collections.OrderedDict([('b', _VECTOR), ('a', _FLOAT)])
)

# Types of values that no aggregator takes, and a part of the message.
_BAD_TYPES = collections.OrderedDict(
  unknown_dimension=((tff.TensorType(np.float32, [None, 3]),), 'fully defined'),
  unknown_rank=(tff.TensorType(np.float32, None), 'fully defined'),
  nested_unknown=(
    collections.OrderedDict(a=(tff.TensorType(np.float32, [None]),)),
    'fully defined shapes, found float32',
  ),
  string=((tff.TensorType(np.str_, [2]),), 'numeric tensors, found str'),
  bool=((tff.TensorType(np.bool_),), 'numeric tensors, found bool'),
  sequence=((tff.SequenceType(np.float32),), r'found float32\*'),
  federated=(tff.FederatedType(np.float32, tff.CLIENTS), 'CLIENTS'),
  ragged=((_RAGGED,), 'dense tensors, found RaggedTensor'),
  partly_named=(
    tff.StructType([('a', np.float32), (None, np.float32)]),
    'elements all have names',
  ),
)

_BAD_VALUES = collections.OrderedDict(
  none=(None, 'found NoneType'),
  dtype=(np.float32, 'found .*float32'),
  spec=(tf.TensorSpec([3]), 'found TensorSpec'),
)


def _identity(spec, index):
  del index
  return encoders.identity_encoder(spec)


def _factories():
  """Returns a factory of each kind by its name."""
  mask = update_spaces.RandomMask(0.5, min_elements=1)
  rows = aggregators.selected_rows_aggregator(5)
  return collections.OrderedDict(
    sketch=aggregators.sketched_update_aggregator(fraction=0.5),
    unweighted_sketch=aggregators.sketched_update_aggregator(weighted=False),
    top_k=aggregators.top_k_aggregator(fraction=0.5),
    top_k_of_tensors=aggregators.top_k_aggregator(fraction=0.5, scope='tensor'),
    hierarchical=aggregators.hierarchical_quantization_aggregator(),
    ternary=aggregators.ternary_aggregator(),
    sum=aggregators.EncodedSumFactory(_identity),
    error_feedback=aggregators.ErrorFeedbackMeanFactory(
      _identity, aggregators.ResidualFeedback()
    ),
    momentum_correction=aggregators.ErrorFeedbackMeanFactory(
      _identity, aggregators.MomentumCorrection(0.9), scope='tensor'
    ),
    selected_rows=rows,
    row_model=aggregators.RowModelUpdateFactory(
      tff.aggregators.MeanFactory(), rows
    ),
    structured=aggregators.StructuredUpdateFactory(
      update_spaces.ModelSpace(mask, (tf.TensorSpec([4]),)), _identity
    ),
  )


# Factories of any value.
_GENERAL = (
  'sketch',
  'unweighted_sketch',
  'top_k',
  'top_k_of_tensors',
  'hierarchical',
  'ternary',
  'sum',
  'error_feedback',
)


def _create(factory, value_type, weight_type=_FLOAT):
  if isinstance(factory, tff.aggregators.UnweightedAggregationFactory):
    return factory.create(value_type)
  return factory.create(value_type, weight_type)


def _is_unweighted(factory):
  return isinstance(factory, tff.aggregators.UnweightedAggregationFactory)


class ValueTypesComputationTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(
    (_FLOAT, _FLOAT),
    (tff.types.to_type(()), tff.types.to_type(())),
    (_CONTAINED, _CONTAINED),
    (_PLAIN, _CONTAINED),
    (
      tff.types.to_type([tff.StructType([np.int32])]),
      tff.types.to_type([(np.int32,)]),
    ),
  )
  def test_structs_get_containers(self, value_type, expected):
    found = value_types.check_value_type(value_type)
    self.assertEqual(found, expected)
    self.assertEqual(
      getattr(found, 'python_container', None),
      getattr(expected, 'python_container', None),
    )

  @parameterized.parameters(
    np.float16, np.float64, _BFLOAT16, np.int8, np.uint64, np.complex64
  )
  def test_numeric_dtypes_pass_unless_others_are_expected(self, dtype):
    value_type = tff.TensorType(dtype, [0, 2])
    self.assertEqual(value_types.check_value_type(value_type), value_type)
    with self.assertRaisesRegex(TypeError, 'dtypes float32, found .*: cast'):
      value_types.check_value_type(value_type, [tf.float32])

  @parameterized.parameters(np.float32, np.float64, _BFLOAT16, np.int32)
  def test_number_is_a_weight(self, dtype):
    value_types.check_weight_type(tff.TensorType(dtype))

  @parameterized.parameters(
    (tff.TensorType(np.float32, [1]),),
    (tff.TensorType(np.float32, None),),
    (tff.TensorType(np.str_),),
    (tff.TensorType(np.bool_),),
    (tff.types.to_type((np.float32,)),),
    (np.float32,),
    (None,),
  )
  def test_anything_else_is_no_weight(self, weight_type):
    for name, factory in _factories().items():
      if _is_unweighted(factory) or name not in _GENERAL:
        continue
      with self.assertRaisesRegex(
        TypeError, r'^Expected the weight of a client[^\n]*, found [^\n]*: give'
      ):
        factory.create(_VECTOR, weight_type)

  @parameterized.parameters(*_BAD_TYPES, *_BAD_VALUES)
  def test_no_factory_takes(self, name):
    if name in _BAD_TYPES:
      value_type, message = _BAD_TYPES[name]
      value_type = tff.types.to_type(value_type)
    else:
      value_type, message = _BAD_VALUES[name]
    for factory_name, factory in _factories().items():
      with self.subTest(factory_name):
        with self.assertRaises(TypeError) as raised:
          _create(factory, value_type)
        if factory_name in _GENERAL:
          self.assertRegex(str(raised.exception), message)
        # One line: expected, found, remedy.
        self.assertRegex(
          str(raised.exception), r'^Expected [^\n]*, found [^\n]*: [^\n]*\.$'
        )

  @parameterized.parameters(np.int32, np.complex64, _BFLOAT16)
  def test_means_take_dtypes_of_tffs_mean(self, dtype):
    for name in ('sketch', 'top_k', 'unweighted_sketch'):
      with self.assertRaisesRegex(TypeError, 'float64, found .*: cast them'):
        _create(_factories()[name], tff.TensorType(dtype, [3]))

  @parameterized.parameters(
    (aggregators.EncodedSumFactory, {}),
    (
      aggregators.ErrorFeedbackMeanFactory,
      {'feedback': aggregators.ResidualFeedback()},
    ),
    (aggregators.selected_rows_aggregator, {'num_rows': 3}),
  )
  def test_other_encoder_fn_raises(self, build, kwargs):
    encoder = encoders.identity_encoder(tf.TensorSpec([3]))
    with self.assertRaisesRegex(
      TypeError, 'Expected encoder_fn to be a function, found GatherEncoder: '
    ):
      build(encoder_fn=encoder, **kwargs)

  @parameterized.parameters(
    (lambda: aggregators.ErrorFeedbackMeanFactory(_identity, 'residual'),),
    (lambda: aggregators.StructuredUpdateFactory([tf.TensorSpec([3])]),),
    (lambda: aggregators.ternary_aggregator(weighted='no'),),
    (lambda: aggregators.top_k_aggregator(fraction='0.1'),),
  )
  def test_other_argument_raises(self, build):
    with self.assertRaisesRegex(TypeError, '^Expected [^\n]*, found [^\n]*$'):
      build()

  @parameterized.parameters(*_factories())
  def test_factory_can_be_pickled_and_copied(self, name):
    factory = _factories()[name]
    for same in (
      pickle.loads(pickle.dumps(factory)),
      copy.copy(factory),
      copy.deepcopy(factory),
    ):
      self.assertIs(type(same), type(factory))
      self.assertEqual(vars(same).keys(), vars(factory).keys())

  def test_rows_without_container_are_rows(self):
    keys = tff.TensorType(np.int32, [2])
    rows = tff.TensorType(np.float32, [2, 4])
    rows_type = tff.StructType([('keys', keys), ('values', rows)])
    process = _factories()['selected_rows'].create(rows_type, _FLOAT)
    self.assertEqual(
      process.next.type_signature.result.result.member,
      tff.TensorType(np.float32, [5, 4]),
    )


class ValueTypesExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(*_GENERAL)
  def test_value_without_tensors_has_a_mean(self, name):
    process = _create(_factories()[name], tff.types.to_type(()))
    arguments = [process.initialize(), [(), ()]]
    if name != 'sum' and not _is_unweighted(_factories()[name]):
      arguments.append([1.0, 2.0])
    if name == 'error_feedback':
      arguments.append([process.initial_client_state()] * 2)
    output = process.next(*arguments)
    self.assertEmpty(output.result)
    measurements = output.measurements.get('mean_value', output.measurements)
    self.assertEqual(measurements['payload_bytes'], 0)

  def test_struct_without_container_has_the_same_mean(self):
    rng = np.random.default_rng(0)
    values = [
      collections.OrderedDict(
        b=rng.normal(size=[300]).astype(np.float32), a=np.float32(i)
      )
      for i in range(2)
    ]
    # Pickled, too: the bits are those of the factory itself.
    factory = _factories()['ternary']
    pickled = pickle.loads(pickle.dumps(factory))
    results = []
    for value_type, maker in ((_CONTAINED, factory), (_PLAIN, pickled)):
      process = maker.create(value_type, _FLOAT)
      output = process.next(process.initialize(), values, [1.0, 3.0])
      results.append(output.result)
    self.assertAllEqual(results[0]['b'], results[1]['b'])
    self.assertEqual(results[0]['a'], 0.75)
    self.assertEqual(results[1]['a'], 0.75)


if __name__ == '__main__':
  tf.test.main()
