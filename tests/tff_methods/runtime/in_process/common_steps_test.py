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
"""Tests for common_steps."""

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods.runtime.in_process import context as context_lib
from tff_methods.runtime.in_process import execution
from tff_methods.runtime.in_process import plans
from tff_methods.runtime.in_process import values as values_lib

_AT_CLIENTS = tff.FederatedType(np.float32, tff.CLIENTS)
_AT_SERVER = tff.FederatedType(np.float32, tff.SERVER)


def _square(x):
  return x * x


def _in_branches(x):
  return tf.cond(x > 0, lambda: x, lambda: -x)


def _checked(x):
  return tf.debugging.check_numerics(_in_branches(x), 'Expected numbers.')


def _random(x):
  return x + tf.random.uniform([])


def _random_in_a_branch(x):
  return tf.cond(x > 0, lambda: tf.random.uniform([]), lambda: x)


def _random_in_a_function(x):
  return tf.function(lambda: x + tf.random.uniform([]))()


def _entropy(x):
  words = tf.raw_ops.NonDeterministicInts(
    shape=tf.constant([1], tf.int64), dtype=tf.int32
  )
  return x + tf.cast(words[0], tf.float32)


def _variable(x):
  variable = tf.Variable(0.0)
  with tf.control_dependencies([variable.assign_add(x)]):
    return variable.read_value()


def _build(decode):
  """Builds a sum over clients of values and what they decode."""
  decode = tff.tensorflow.computation(decode, np.float32)
  subtract = tff.tensorflow.computation(
    lambda x, y: x - y, [np.float32, np.float32]
  )

  @tff.federated_computation(_AT_SERVER, _AT_CLIENTS)
  def comp(x, values):
    decoded = tff.federated_map(decode, tff.federated_broadcast(x))
    return tff.federated_sum(tff.federated_map(subtract, (values, decoded)))

  return comp


def _plan(comp):
  return plans.build_plan(context_lib._to_native(comp))


def _num_common(comp):
  return sum(len(phase.common_steps) for phase in _plan(comp).phases)


class CommonStepsComputationTest(parameterized.TestCase):
  @parameterized.parameters(_square, _in_branches, _checked)
  def test_of_broadcast_values(self, decode):
    (phase, _) = _plan(_build(decode)).phases
    self.assertNotEmpty(phase.common_steps)

  def test_of_a_quantized_model(self):
    process = algorithms.build_sketched_update_fed_avg(
      linear_model.model_fn,
      tff.learning.optimizers.build_sgdm(0.1),
      options=options_lib.SketchOptions(bits=None),
      model_distributor=options_lib.DownlinkOptions(min_elements=10),
    )
    self.assertGreater(_num_common(process.next), 0)

  @parameterized.parameters(
    _random, _random_in_a_branch, _random_in_a_function, _entropy, _variable
  )
  def test_none_with_random_or_stateful_ops(self, decode):
    self.assertEqual(_num_common(_build(decode)), 0)

  def test_none_of_clients_values(self):
    @tff.federated_computation(_AT_CLIENTS)
    def comp(values):
      square = tff.tensorflow.computation(_square, np.float32)
      return tff.federated_sum(tff.federated_map(square, values))

    self.assertEqual(_num_common(comp), 0)

  def test_none_of_sequences(self):
    @tff.tensorflow.computation(np.float32)
    def to_dataset(x):
      return tf.data.Dataset.from_tensors(x).repeat(3)

    @tff.tensorflow.computation(tff.SequenceType(np.float32))
    def add_up(dataset):
      return dataset.reduce(0.0, tf.add)

    @tff.federated_computation(_AT_SERVER)
    def comp(x):
      dataset = tff.federated_map(to_dataset, tff.federated_broadcast(x))
      return tff.federated_sum(tff.federated_map(add_up, dataset))

    names = {
      step.name for phase in _plan(comp).phases for step in phase.common_steps
    }
    self.assertEmpty(names)


class CommonStepsExecutionTest(parameterized.TestCase):
  @parameterized.parameters(_square, _in_branches, _variable)
  def test_result(self, decode):
    with tff.framework.get_context_stack().install(
      runtime.create_in_process_context('cpu', 2)
    ):
      found = _build(decode)(np.float32(3.0), [1.0, 2.0, 4.0])
    decoded = 9.0 if decode is _square else 3.0
    self.assertEqual(found, 7 - 3 * decoded)

  def test_randomness_of_clients_differs(self):
    with tff.framework.get_context_stack().install(
      runtime.create_in_process_context('cpu', 2)
    ):
      values = _draws()(np.float32(1.0), [0.0, 0.0, 0.0])
    self.assertLen(set(map(float, values)), 3)

  def test_values_of_later_phases_and_results(self):
    square = tff.tensorflow.computation(_square, np.float32)
    add = tff.tensorflow.computation(
      lambda x, y: x + y, [np.float32, np.float32]
    )

    @tff.federated_computation(_AT_SERVER, _AT_CLIENTS)
    def comp(x, values):
      squared = tff.federated_map(square, tff.federated_broadcast(x))
      total = tff.federated_broadcast(tff.federated_sum(values))
      both = tff.federated_map(add, tff.federated_zip((squared, total)))
      return squared, tff.federated_map(square, both)

    with tff.framework.get_context_stack().install(
      runtime.create_in_process_context('cpu', 2)
    ):
      squared, result = comp(np.float32(3.0), [1.0, 2.0])
    self.assertEqual(list(map(float, squared)), [9.0, 9.0])
    self.assertEqual(list(map(float, result)), [144.0, 144.0])

  def test_computed_once_on_each_device(self):
    devices = []

    def evaluate(scope, place):
      devices.append(place.device)
      return scope['x']

    device = '/device:CPU:0'
    scopes = execution._DeviceScopes(
      {'x': tf.constant(1.0)},
      [plans.Step('y', evaluate)],
      values_lib.Place(device, values_lib.Call(5)),
    )
    for _ in range(5):
      self.assertEqual(scopes.get(device)['y'], 1.0)
    self.assertEqual(devices, [device])


def _draws():
  @tff.federated_computation(_AT_SERVER, _AT_CLIENTS)
  def comp(x, values):
    del values
    random = tff.tensorflow.computation(_random, np.float32)
    return tff.federated_map(random, tff.federated_broadcast(x))

  return comp


if __name__ == '__main__':
  absltest.main()
