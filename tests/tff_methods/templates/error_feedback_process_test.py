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
import functools

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff
from tensorflow_federated.python.learning.algorithms import mime

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


def _identity_factory():
  """Returns a factory whose clients send all, so that nothing is kept."""
  return aggregators.ErrorFeedbackMeanFactory(
    lambda spec, _: encoders.identity_encoder(spec),
    aggregators.ResidualFeedback(),
  )


@functools.cache
def _mime_lite():
  """Returns a process with the client work of TFF's Mime Lite."""
  client_work = mime._build_mime_lite_client_work(
    linear_model.model_fn,
    tff.learning.optimizers.build_sgdm(0.1, 0.9),
    tff.learning.ClientWeighting.NUM_EXAMPLES,
  )
  return templates.build_error_feedback_process(
    linear_model.model_fn, client_work, model_aggregator=_identity_factory()
  )


def _train(process, clients, num_rounds=3):
  """Returns the state after some rounds."""
  state = process.initialize()
  client_states = [process.initial_client_state()] * len(clients)
  for _ in range(num_rounds):
    output = process.next(state, clients, client_states)
    state, client_states = output.state, output.client_states
  return state


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

  def test_accessors_have_the_types_of_a_learning_process(self):
    ours = _mime_lite()
    theirs = tff.learning.algorithms.build_weighted_fed_avg(
      linear_model.model_fn, _SGD
    )
    state_type = ours.initialize.type_signature.result.member
    weights_type = theirs.get_model_weights.type_signature.result
    signatures = (
      (ours.get_model_weights, state_type, weights_type),
      (ours.get_hparams, state_type, None),
      (ours.set_model_weights, (state_type, weights_type), state_type),
      (
        ours.set_hparams,
        (state_type, ours.get_hparams.type_signature.result),
        state_type,
      ),
    )
    for computation, parameter, result in signatures:
      found = computation.type_signature
      if isinstance(parameter, tuple):
        self.assertEqual(tuple(found.parameter), parameter)
      else:
        self.assertEqual(found.parameter, parameter)
      if result is not None:
        self.assertEqual(found.result, result)

  def test_client_work_of_another_model_raises(self):
    with self.assertRaisesRegex(
      TypeError, '^Expected client_work to be [^\n]*, found [^\n]*$'
    ):
      templates.build_error_feedback_process(
        linear_model.model_fn, _SGD, model_aggregator=_identity_factory()
      )
    functional = linear_model.functional_model()
    client_work = (
      tff.learning.templates.build_functional_model_delta_client_work(
        model=functional,
        optimizer=_SGD,
        client_weighting=tff.learning.ClientWeighting.UNIFORM,
      )
    )

    def other_model_fn():
      layer = tf.keras.layers.Dense(3, input_shape=[linear_model.NUM_FEATURES])
      return tff.learning.models.from_keras_model(
        tf.keras.Sequential([layer]),
        input_spec=linear_model.datasets(1)[0].element_spec,
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
      )

    with self.assertRaisesRegex(
      TypeError, '^Expected client_work to receive the model [^\n]*: build it'
    ):
      templates.build_error_feedback_process(
        other_model_fn, client_work, model_aggregator=_identity_factory()
      )

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
    ours = _build(_identity_factory(), **options)
    theirs = tff.learning.algorithms.build_weighted_fed_avg(
      linear_model.model_fn, _SGD, **options
    )
    first, *others = linear_model.datasets()
    clients = [first.take(1), *others]
    expected, _ = linear_model.train(theirs, 3, clients)
    state = _train(ours, clients)
    self.assertAllClose(
      state.global_model_weights, expected.global_model_weights, atol=1e-6
    )
    self.assertAllClose(state.finalizer, expected.finalizer, atol=1e-6)

  def test_takes_the_client_work_of_mime_lite(self):
    """The state of the client work, at the server, is that of TFF's rounds."""
    clients = linear_model.datasets()
    theirs = tff.learning.algorithms.build_weighted_mime_lite(
      linear_model.model_fn, tff.learning.optimizers.build_sgdm(0.1, 0.9)
    )
    expected, _ = linear_model.train(theirs, 3, clients)
    state = _train(_mime_lite(), clients)
    self.assertAllClose(
      state.global_model_weights, expected.global_model_weights, atol=1e-6
    )
    self.assertAllClose(state.client_work, expected.client_work, atol=1e-6)

  def test_takes_fed_prox(self):
    """A strong proximal term keeps updates, and what clients keep, short."""
    (clients,) = [linear_model.datasets(1)]
    norms = []
    for optimizer in (_SGD, templates.add_proximal_term(_SGD, 9.0)):
      process = templates.build_error_feedback_fed_avg(
        linear_model.model_fn,
        optimizer,
        model_aggregator=_factory(aggregators.ResidualFeedback()),
      )
      output = process.next(
        process.initialize(), clients, [process.initial_client_state()]
      )
      ((tensor,),) = output.client_states
      norms.append(np.linalg.norm(tensor['residual']))
    self.assertBetween(norms[1], 0.2 * norms[0], 0.8 * norms[0])

  def test_accessors_change_weights_and_hyperparameters(self):
    process = _build(
      _identity_factory(),
      server_optimizer_fn=tff.learning.optimizers.build_sgdm(0.5),
    )
    state = process.initialize()
    ones = tf.nest.map_structure(np.ones_like, process.get_model_weights(state))
    state = process.set_model_weights(state, ones)
    self.assertAllEqual(
      process.get_model_weights(state).trainable[0], np.ones([20, 4])
    )
    hparams = process.get_hparams(state)
    self.assertEqual(list(hparams), ['client_work', 'finalizer'])
    self.assertAlmostEqual(hparams['finalizer']['learning_rate'], 0.5)
    hparams['finalizer']['learning_rate'] = np.float32(0.0)
    state = process.set_hparams(state, hparams)
    clients = linear_model.datasets(1)
    output = process.next(state, clients, [process.initial_client_state()])
    self.assertAllEqual(
      output.state.global_model_weights.trainable[0], np.ones([20, 4])
    )


if __name__ == '__main__':
  tf.test.main()
