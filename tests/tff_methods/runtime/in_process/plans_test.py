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
"""Tests for plans."""

from absl.testing import absltest
import numpy as np
import tensorflow_federated as tff

from tff_methods.runtime.in_process import context
from tff_methods.runtime.in_process import plans

_CLIENT_FLOATS = tff.FederatedType(np.float32, tff.CLIENTS)
_SERVER_FLOAT = tff.FederatedType(np.float32, tff.SERVER)


@tff.tensorflow.computation(np.float32, np.float32)
def _subtract(x, y):
  return x - y


def _build(comp):
  return plans.build_plan(context._to_native(comp))


def _num_visits(plan):
  return sum(bool(p.visited) for p in plan.phases)


class BuildPlanComputationTest(absltest.TestCase):
  def test_function_without_clients_has_no_visit(self):
    plan = _build(_subtract)
    self.assertEqual(_num_visits(plan), 0)
    self.assertEqual(str(plan.parameter_type), '<x=float32,y=float32>')

  def test_function_without_parameter(self):
    plan = _build(tff.tensorflow.computation(lambda: 1.0))
    self.assertIsNone(plan.parameter_name)
    self.assertIsNone(plan.parameter_type)

  def test_independent_aggregations_share_a_visit(self):
    @tff.federated_computation(_CLIENT_FLOATS, _SERVER_FLOAT)
    def comp(values, x):
      moved = tff.federated_map(_subtract, (values, tff.federated_broadcast(x)))
      return tff.federated_mean(moved), tff.federated_sum(values)

    plan = _build(comp)
    self.assertEqual(_num_visits(plan), 1)
    # TFF may merge the aggregations into one of a structure.
    self.assertNotEmpty(plan.phases[0].folds)
    self.assertEmpty(plan.phases[0].retained)
    self.assertEmpty(plan.phases[-1].folds)

  def test_dependent_aggregation_takes_another_visit(self):
    @tff.federated_computation(_CLIENT_FLOATS)
    def comp(values):
      mean = tff.federated_broadcast(tff.federated_mean(values))
      return tff.federated_mean(tff.federated_map(_subtract, (values, mean)))

    plan = _build(comp)
    self.assertEqual(_num_visits(plan), 2)
    self.assertEqual([bool(p.folds) for p in plan.phases], [True, True, False])

  def test_retains_client_values_of_the_result(self):
    @tff.federated_computation(_CLIENT_FLOATS)
    def comp(values):
      identity = tff.tensorflow.computation(lambda x: x + 1, np.float32)
      return tff.federated_map(identity, values)

    plan = _build(comp)
    (phase,) = (p for p in plan.phases if p.client_steps)
    self.assertLen(phase.retained, 1)
    self.assertContainsSubset(
      phase.retained, {step.name for step in phase.client_steps}
    )

  def test_unsupported_blocks_raise(self):
    with self.assertRaisesRegex(ValueError, "found one of 'xla'"):
      _build(tff.jax.computation(lambda x: x, np.int32))


if __name__ == '__main__':
  absltest.main()
