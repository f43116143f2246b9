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
"""Tests for values."""

import collections

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.runtime.in_process import data_sequences
from tff_methods.runtime.in_process import values

_PAIR = tff.types.StructWithPythonType(
  [('b', np.float32), ('a', np.int32)], collections.OrderedDict
)


class FromPythonExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('number', 2.0),
    ('numpy', np.float32(2)),
    ('tensor', tf.constant(2.0)),
    ('variable', tf.Variable(2.0)),
  )
  def test_converts_scalars(self, value):
    found = values.from_python(value, tff.TensorType(np.float32))
    self.assertIsInstance(found, tf.Tensor)
    self.assertEqual(found.dtype, tf.float32)
    self.assertEqual(found.numpy(), 2.0)

  @parameterized.parameters(
    tf.bool, tf.uint8, tf.int64, tf.bfloat16, tf.complex64, tf.string
  )
  def test_takes_tensors_of_any_dtype(self, dtype):
    tensor = tf.zeros([2, 0], dtype)
    type_spec = tff.types.tensorflow_to_type((dtype, [2, 0]))
    self.assertIs(values.from_python(tensor, type_spec), tensor)
    with self.assertRaisesRegex(TypeError, 'convert it first'):
      values.from_python(tf.zeros([2, 1], dtype), type_spec)

  def test_converts_lists_to_arrays_of_the_type(self):
    found = values.from_python([1, 2], tff.TensorType(np.float32, [2]))
    self.assertEqual(found.dtype, tf.float32)
    self.assertAllEqual(found, [1.0, 2.0])

  @parameterized.named_parameters(
    ('dtype', np.float64([1, 2]), r'found float64\(2,\): convert it first'),
    ('shape', np.float32([1]), r'found float32\(1,\): convert it first'),
    ('kind', {'a': 1}, 'found dict: convert it first'),
  )
  def test_wrong_tensors_raise(self, value, message):
    with self.assertRaisesRegex(TypeError, message):
      values.from_python(value, tff.TensorType(np.float32, [2]))

  def test_structs_become_tuples(self):
    found = values.from_python(collections.OrderedDict(b=1.0, a=2), _PAIR)
    self.assertIsInstance(found, tuple)
    self.assertEqual([x.dtype for x in found], [tf.float32, tf.int32])

  @parameterized.named_parameters(
    ('order', collections.OrderedDict(a=2, b=1.0), r"\['a', 'b'\]"),
    ('length', [1.0], r'\[None\]'),
  )
  def test_wrong_structs_raise(self, value, found):
    with self.assertRaisesRegex(
      TypeError, f'found one with the names {found}: give as many elements'
    ):
      values.from_python(value, _PAIR)

  def test_wrong_sequences_raise(self):
    ints = tff.SequenceType(np.int32)
    with self.assertRaisesRegex(TypeError, 'found int: convert it first'):
      values.from_python(5, ints)
    with self.assertRaisesRegex(TypeError, r'found int64\*: preprocess it'):
      values.from_python(tf.data.Dataset.range(3), ints)

  def test_functions_raise(self):
    with self.assertRaisesRegex(TypeError, 'make it part of the computation'):
      values.from_python(abs, tff.FunctionType(np.int32, np.int32))

  def test_client_values_are_converted_on_demand(self):
    type_spec = tff.FederatedType(np.float32, tff.CLIENTS)
    found = values.from_python([1.0, 'no number'], type_spec)
    self.assertEqual(found.get(0).numpy(), 1.0)
    with self.assertRaisesRegex(TypeError, 'found str'):
      found.get(1)


class ToPythonExecutionTest(tf.test.TestCase):
  def test_undoes_from_python(self):
    server_type = tff.FederatedType(_PAIR, tff.SERVER)
    value = collections.OrderedDict(b=np.float32(1), a=np.int32(2))
    found = values.to_python(
      values.from_python(value, server_type), server_type
    )
    self.assertIsInstance(found, collections.OrderedDict)
    self.assertEqual(list(found.items()), list(value.items()))
    self.assertIsInstance(found['b'], np.float32)

  def test_clients_have_a_list(self):
    type_spec = tff.FederatedType(np.str_, tff.CLIENTS)
    converted = values.ClientValues([tf.constant('a'), tf.constant('bc')])
    self.assertEqual(values.to_python(converted, type_spec), [b'a', b'bc'])

  def test_sequences_are_data_sets(self):
    type_spec = tff.SequenceType(_PAIR)
    elements = [collections.OrderedDict(b=0.5 * i, a=i) for i in range(3)]
    found = values.to_python(values.from_python(elements, type_spec), type_spec)
    self.assertIsInstance(found, tf.data.Dataset)
    self.assertEqual([x['b'].numpy() for x in found], [0.0, 0.5, 1.0])


class StructureExecutionTest(tf.test.TestCase):
  def test_pack_undoes_flatten(self):
    value = (tf.constant(1), (), (tf.constant(2), tf.constant(3)))
    tensors = values.flatten(value)
    self.assertEqual([x.numpy() for x in tensors], [1, 2, 3])
    self.assertEqual(
      values.pack((None, (), (None, None)), iter(tensors)), value
    )
    self.assertEqual(values.flatten(None), [])

  def test_zeros_have_the_type(self):
    first, (second,) = values.zeros(
      tff.to_type([(np.int64, [2, 3]), [np.float32]])
    )
    self.assertEqual((first.shape, first.dtype), ([2, 3], tf.int64))
    self.assertEqual((second.shape, second.dtype), ([], tf.float32))
    self.assertAllEqual(first, np.zeros([2, 3]))

  def test_copies_only_tensors_of_other_devices(self):
    here = [tf.constant(1.0), tf.constant('text')]
    for found, tensor in zip(
      values.copy_to_device(here, '/device:CPU:0'), here, strict=True
    ):
      self.assertIs(found, tensor)
    floats, text = values.copy_to_device(here, '/device:GPU:0')
    self.assertIsNot(floats, here[0])
    self.assertIs(text, here[1])

  def test_data_sets_have_default_containers(self):
    element_type = tff.to_type(
      tff.StructType([('b', np.int32), ('a', tff.StructType([np.int32]))])
    )
    sequence = data_sequences.of_dataset(
      tf.data.Dataset.from_tensors(collections.OrderedDict(b=1, a=(2,)))
    )
    (element,) = values.dataset(sequence, element_type)
    self.assertIsInstance(element, collections.OrderedDict)
    self.assertEqual(list(element), ['b', 'a'])
    self.assertIsInstance(element['a'], tuple)


if __name__ == '__main__':
  absltest.main()
