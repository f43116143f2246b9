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
"""Tests for mergeable_computations, without a runtime."""

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow_federated as tff

from tff_methods.runtime import mergeable_computations


@tff.tensorflow.computation(np.float32, np.float32)
def _add(x, y):
  return x + y


@tff.federated_computation(
  tff.FederatedType(np.float32, tff.SERVER),
  tff.FederatedType(np.float32, tff.CLIENTS),
)
def _move(x, values):
  moved = tff.federated_map(_add, (values, tff.federated_broadcast(x)))
  return moved, tff.federated_sum(moved)


@tff.federated_computation(tff.FederatedType(np.float32, tff.CLIENTS))
def _total(values):
  return tff.federated_sum(values)


class MergeableComputationsComputationTest(parameterized.TestCase):
  def test_client_arguments(self):
    self.assertTrue(mergeable_computations.has_client_arguments(_move))
    self.assertTrue(mergeable_computations.has_client_arguments(_total))
    self.assertFalse(mergeable_computations.has_client_arguments(_add))
    self.assertFalse(
      mergeable_computations.has_client_arguments(
        tff.federated_computation(lambda: 1)
      )
    )

  def test_client_results(self):
    move, total = map(mergeable_computations.split_computation, (_move, _total))
    self.assertTrue(mergeable_computations.has_client_results(move))
    self.assertFalse(mergeable_computations.has_client_results(total))

  def test_caches_forms(self):
    self.assertIs(
      mergeable_computations.split_computation(_total),
      mergeable_computations.split_computation(_total),
    )

  @parameterized.parameters(
    (0, 3, [0]),
    (2, 3, [1, 1]),
    (3, 3, [1, 1, 1]),
    (7, 3, [3, 2, 2]),
    (7, 1, [7]),
  )
  def test_partition_sizes_and_order(self, num_clients, max_partitions, sizes):
    values = [float(i) for i in range(num_clients)]
    form = mergeable_computations.split_computation(_move)
    args = mergeable_computations.split_argument(
      form, tff.structure.Struct.unnamed(5.0, values), max_partitions
    )
    self.assertEqual([arg[0] for arg in args], [5.0] * len(sizes))
    self.assertEqual([len(arg[1]) for arg in args], sizes)
    self.assertEqual([x for arg in args for x in arg[1]], values)

  def test_joins_results_in_order(self):
    form = mergeable_computations.split_computation(_move)
    moved, total = mergeable_computations.join_results(
      form, [([1.0, 2.0], 6.0), ([3.0], 6.0), ([], 6.0)]
    )
    self.assertEqual(moved, [1.0, 2.0, 3.0])
    self.assertEqual(total, 6.0)


if __name__ == '__main__':
  absltest.main()
