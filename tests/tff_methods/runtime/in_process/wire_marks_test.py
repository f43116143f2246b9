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
"""Tests for wire_marks."""

from absl.testing import absltest
from absl.testing import parameterized
from google.protobuf import any_pb2
import numpy as np
import tensorflow_federated as tff

from tff_methods.runtime.in_process import wire_marks

_CLIENT_INTS = tff.FederatedType(np.int32, tff.CLIENTS)
_CLIENT_FLOATS = tff.FederatedType(np.float32, tff.CLIENTS)


def _aggregate(x):
  identity = tff.tensorflow.computation(lambda a: a, np.int32)
  add = tff.tensorflow.computation(lambda a, b: a + b, (np.int32, np.int32))
  return tff.federated_aggregate(x, 0, add, add, identity)


def _marked_block(fn, parameter_type):
  comp = tff.federated_computation(fn, parameter_type)
  block = tff.framework.to_call_dominant(comp.to_building_block())
  return block, wire_marks.mark_uplink(block)


def _marks(block):
  """Returns intrinsic and type of each mark."""
  marks = []

  def visit(block):
    if isinstance(block, tff.framework.Data):
      marks.append(
        (wire_marks.marked_intrinsic(block), str(block.type_signature))
      )
    return block, False

  tff.framework.transform_preorder(block, visit)
  return sorted(marks)


class WireMarksComputationTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('sum', tff.federated_sum, _CLIENT_INTS, ['federated_sum'], 'int32'),
    ('max', tff.federated_max, _CLIENT_INTS, ['federated_max'], 'int32'),
    (
      'mean',
      lambda x: tff.federated_mean(x),
      _CLIENT_FLOATS,
      ['federated_mean'],
      'float32',
    ),
    (
      'weighted_mean',
      lambda x: tff.federated_mean(x, x),
      _CLIENT_FLOATS,
      2 * ['federated_weighted_mean'],
      'float32',
    ),
    (
      'secure_sum',
      lambda x: tff.federated_secure_sum(x, 10),
      _CLIENT_INTS,
      ['federated_secure_sum'],
      'int32',
    ),
    ('aggregate', _aggregate, _CLIENT_INTS, ['federated_aggregate'], 'int32'),
  )
  def test_marks_the_values_that_clients_send(
    self, fn, parameter_type, intrinsics, member
  ):
    block, marked = _marked_block(fn, parameter_type)
    self.assertEqual(_marks(block), [])
    expected = [(uri, f'({member} -> {member})') for uri in intrinsics]
    self.assertEqual(_marks(marked), expected)
    self.assertEqual(marked.type_signature, block.type_signature)

  def test_marks_no_broadcast(self):
    block, marked = _marked_block(
      tff.federated_broadcast, tff.FederatedType(np.int32, tff.SERVER)
    )
    self.assertEqual(_marks(marked), [])
    self.assertEqual(marked.type_signature, block.type_signature)

  def test_other_data_raises(self):
    data = tff.framework.Data(
      any_pb2.Any(type_url='another'), tff.TensorType(np.int32)
    )
    with self.assertRaisesRegex(
      ValueError, 'without embedded data, found some of type int32: make it'
    ):
      wire_marks.marked_intrinsic(data)


if __name__ == '__main__':
  absltest.main()
