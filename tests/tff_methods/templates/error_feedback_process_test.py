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
from absl.testing import parameterized
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tff_methods import aggregators
from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods import templates

_SGD = tff.learning.optimizers.build_sgdm(0.1)


def _factory(feedback):
  return aggregators.ErrorFeedbackMeanFactory(
    lambda spec, _: encoders.sparse_encoder(
      spec, options_lib.SparseOptions(fraction=0.1)
    ),
    feedback,
  )


def _build(model_aggregator, **kwargs):
  return templates.build_error_feedback_fed_avg(
    linear_model.model_fn, _SGD, model_aggregator=model_aggregator, **kwargs
  )


class ErrorFeedbackFedAvgComputationTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_warm_up_with_other_client_states_raises(self):
    with self.assertRaisesRegex(
      TypeError, '^Expected rounds of the warm-up of type [^\n]*$'
    ):
      _build(
        _factory(aggregators.ResidualFeedback()),
        warm_up=[(1, _factory(aggregators.MomentumCorrection(0.5)))],
      )

  def test_other_aggregators_raise(self):
    mean = tff.aggregators.MeanFactory()
    message = '^Expected [^\n]* to be an ErrorFeedbackMeanFactory, found Mean'
    with self.assertRaisesRegex(TypeError, message):
      _build(mean)
    with self.assertRaisesRegex(TypeError, message):
      _build(_factory(aggregators.ResidualFeedback()), warm_up=[(1, mean)])

  def test_warm_up_of_no_rounds_raises(self):
    factory = _factory(aggregators.ResidualFeedback())
    with self.assertRaisesRegex(ValueError, 'at least 1, found 0'):
      _build(factory, warm_up=[(0, factory)])


class ErrorFeedbackFedAvgExecutionTest(tf.test.TestCase):
  def test_takes_the_other_arguments_of_federated_averaging(self):
    """Server optimizer, client weighting and loop, compared with TFF's."""
    options = dict(
      server_optimizer_fn=tff.learning.optimizers.build_sgdm(0.5, 0.9),
      client_weighting=tff.learning.ClientWeighting.UNIFORM,
      loop_implementation=tff.learning.LoopImplementation.DATASET_REDUCE,
    )
    factory = aggregators.ErrorFeedbackMeanFactory(
      lambda spec, _: encoders.identity_encoder(spec),
      aggregators.ResidualFeedback(),
    )
    ours = _build(factory, **options)
    theirs = tff.learning.algorithms.build_weighted_fed_avg(
      linear_model.model_fn, _SGD, **options
    )
    first, *others = linear_model.datasets()
    clients = [first.take(1), *others]
    expected, _ = linear_model.train(theirs, 3, clients)
    state = ours.initialize()
    client_states = [ours.initial_client_state()] * 3
    for _ in range(3):
      output = ours.next(state, clients, client_states)
      state, client_states = output.state, output.client_states
    self.assertAllClose(
      state.global_model_weights, expected.global_model_weights, atol=1e-6
    )
    self.assertAllClose(state.finalizer, expected.finalizer, atol=1e-6)


if __name__ == '__main__':
  tf.test.main()
