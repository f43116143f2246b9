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
"""Tests for select_process."""

import functools

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import aggregators
from tff_methods import communication
from tff_methods.templates import local_model
from tff_methods.templates import row_distributor
from tff_methods.templates import select_process

_SGD = tff.learning.optimizers.build_sgdm(0.5)


def _client_work(num_candidates):
  return tff.learning.templates.build_functional_model_delta_client_work(
    model=row_models.row_model().sub_model(num_candidates),
    optimizer=_SGD,
    client_weighting=tff.learning.ClientWeighting.NUM_EXAMPLES,
  )


@functools.cache
def _build(retrieval_mode='select', num_candidates=6):
  model = row_models.row_model()
  return select_process.compose_select_process(
    model,
    row_distributor.build_class_sampling_distributor(
      model, 6, retrieval_mode=retrieval_mode
    ),
    _client_work(num_candidates),
    aggregators.RowModelUpdateFactory(
      tff.aggregators.MeanFactory(),
      aggregators.selected_rows_aggregator(model.num_classes),
    ),
    tff.learning.templates.build_apply_optimizer_finalizer(
      tff.learning.optimizers.build_sgdm(1.0),
      local_model.describe(model.full_model()).weights_type,
    ),
  )


class SelectProcessComputationTest(parameterized.TestCase):
  def test_state_and_data_are_those_of_federated_averaging(self):
    expected = tff.learning.algorithms.build_weighted_fed_avg(
      row_models.row_model().full_model(), _SGD
    )
    process = _build()
    state_type = process.initialize.type_signature.result.member
    expected_type = expected.initialize.type_signature.result.member
    for name in ('global_model_weights', 'client_work', 'finalizer'):
      self.assertEqual(getattr(state_type, name), getattr(expected_type, name))
    self.assertEqual(
      process.next.type_signature.parameter[1],
      expected.next.type_signature.parameter[1],
    )
    self.assertEqual(
      process.get_hparams.type_signature.result,
      expected.get_hparams.type_signature.result,
    )

  def test_accounted_next_is_that_of_select_in_any_round(self):
    select, broadcast = _build(), _build('broadcast')
    self.assertIs(select.accounted_next(0), select.next)
    accounted = broadcast.accounted_next(0)
    self.assertIs(accounted, broadcast.accounted_next(5))
    self.assertEqual(accounted.type_signature, broadcast.next.type_signature)
    self.assertEqual(
      communication.traced_bytes(accounted),
      communication.traced_bytes(select.next),
    )

  def test_clients_keep_no_states(self):
    self.assertFalse(_build().keeps_client_states)

  def test_client_work_of_another_sub_model(self):
    with self.assertRaisesRegex(TypeError, r'sub-model.*\[6.*found.*\[5'):
      _build(num_candidates=5)


class SelectProcessExecutionTest(tf.test.TestCase):
  def test_hyperparameters(self):
    process = _build()
    state = process.initialize()
    hparams = process.get_hparams(state)
    self.assertEqual(hparams['finalizer']['learning_rate'], 1.0)
    hparams['finalizer']['learning_rate'] = 0.0
    state = process.set_hparams(state, hparams)
    after = process.next(state, row_models.datasets()).state
    self.assertAllEqual(
      process.get_model_weights(after).trainable[-1], row_models.rows()
    )

  def test_model_weights(self):
    process = _build()
    state = process.initialize()
    weights = process.get_model_weights(state)
    self.assertAllEqual(weights.trainable[-1], row_models.rows())
    doubled = tff.learning.models.ModelWeights(
      tuple(2 * np.asarray(w) for w in weights.trainable), ()
    )
    state = process.set_model_weights(state, doubled)
    self.assertAllEqual(
      process.get_model_weights(state).trainable[-1], 2 * row_models.rows()
    )

  def test_ids_make_clients_with_the_same_data_differ(self):
    process = _build()
    (client,) = row_models.datasets()[:1]
    state = process.initialize()

    def rows(client_id):
      output = process.next_with_ids(state, [client], [client_id])
      return output.state.global_model_weights.trainable[-1].tobytes()

    of_ids = {rows(str(i)) for i in range(4)}
    self.assertGreater(len(of_ids), 1)
    self.assertEqual(rows('a'), rows('a'))

  def test_metrics_have_the_keys_of_tff(self):
    process = _build()
    metrics = process.next(process.initialize(), row_models.datasets()).metrics
    self.assertEqual(
      list(metrics), ['distributor', 'client_work', 'aggregator', 'finalizer']
    )
    self.assertEqual(metrics['client_work']['train']['num_examples'], 8 + 6 + 4)


if __name__ == '__main__':
  tf.test.main()
