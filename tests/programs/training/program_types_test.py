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
"""Tests for program_types."""

import asyncio
import collections

from absl.testing import absltest
import numpy as np
import tensorflow_federated as tff

from programs.training import data_source
from programs.training import program_types
from tests.tff_methods import linear_model

_IDS = data_source.SampledClientsDataSource(['a', 'b'], 0)


class _Rounds:
  """Rounds on client ids that are no computation."""

  client_data_type = tff.FederatedType(np.str_, tff.CLIENTS)

  def initialize(self):
    raise NotImplementedError

  def next(self, state, clients):
    raise NotImplementedError

  def get_model_weights(self, state):
    raise NotImplementedError

  def set_model_weights(self, state, weights):
    raise NotImplementedError


class CheckTest(absltest.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._process = tff.learning.algorithms.build_weighted_fed_avg(
      linear_model.model_fn, tff.learning.optimizers.build_sgdm(0.1)
    )
    cls._data = tff.program.DatasetDataSource(
      linear_model.datasets(num_clients=2, num_examples=4)
    )
    cls._weights = cls._process.get_model_weights.type_signature.result

  def test_parts_that_fit(self):
    program_types.check(self._process, self._data, lambda *_: {})
    program_types.check(_Rounds(), _IDS, lambda *_: {})

  def test_evaluations_that_fit(self):
    @tff.tensorflow.computation(self._weights)
    def unplaced(weights):
      return {'bias': weights.trainable[1]}

    @tff.federated_computation(tff.FederatedType(self._weights, tff.SERVER))
    def placed(weights):
      return tff.federated_map(unplaced, weights)

    program_types.check(self._process, self._data, unplaced)
    program_types.check(self._process, self._data, placed)

  def test_data_of_another_type(self):
    with self.assertRaisesRegex(
      TypeError, r'data source of type .*float32.*found \{str\}@CLIENTS'
    ):
      program_types.check(self._process, _IDS, lambda *_: {})
    with self.assertRaisesRegex(TypeError, r'of type \{str\}@CLIENTS.*float32'):
      program_types.check(_Rounds(), self._data, lambda *_: {})

  def test_no_process(self):
    with self.assertRaisesRegex(TypeError, 'LearningProcess`, found int'):
      program_types.check(3, self._data, lambda *_: {})

  def test_no_evaluation(self):
    with self.assertRaisesRegex(TypeError, 'can be called, found NoneType'):
      program_types.check(self._process, self._data, None)

  def test_evaluation_of_other_weights(self):
    @tff.tensorflow.computation(np.float32)
    def of_a_number(x):
      return {'x': x}

    @tff.tensorflow.computation
    def of_nothing():
      return {'x': 1}

    for evaluation in (of_a_number, of_nothing):
      with self.assertRaisesRegex(TypeError, 'of the model weights'):
        program_types.check(self._process, self._data, evaluation)

  def test_evaluation_with_results_at_clients(self):
    @tff.federated_computation(tff.FederatedType(self._weights, tff.SERVER))
    def broadcast(weights):
      return tff.federated_broadcast(weights)

    with self.assertRaisesRegex(TypeError, 'results at the server'):
      program_types.check(self._process, self._data, broadcast)


class EvaluateTest(absltest.TestCase):
  def _evaluate(self, evaluation):
    return asyncio.run(program_types.evaluate(evaluation, 'weights', 7))

  def test_function_and_coroutine(self):
    def function(weights, round_num):
      return {'loss': len(weights) + round_num}

    async def coroutine(weights, round_num):
      return function(weights, round_num)

    for evaluation in (function, coroutine):
      metrics = self._evaluate(evaluation)
      self.assertEqual(metrics, collections.OrderedDict(loss=14))
      self.assertIsInstance(metrics['loss'], np.float32)


if __name__ == '__main__':
  absltest.main()
