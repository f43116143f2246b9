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
import functools
from unittest import mock

from absl.testing import parameterized
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import row_models
from tff_methods import aggregators
from tff_methods import algorithms
from tff_methods import encoders
from tff_methods import label_hashing
from tff_methods import options as options_lib
from tff_methods import templates
from tff_methods import update_spaces
from tff_methods.templates import fed_avg

_SGD = tff.learning.optimizers.build_sgdm(0.1)
_MASK = update_spaces.RandomMask(0.5, min_elements=10)


def _keras_sgd():
  return tf.keras.optimizers.SGD(0.1)


def _hashed_label_model():
  return label_hashing.HashedLabelModel(
    label_hashing.DenseNetwork(3, (2,)),
    label_hashing.LabelHash.identity(4),
    max_labels=1,
  )


def _error_feedback():
  return aggregators.ErrorFeedbackMeanFactory(
    lambda spec, _: encoders.identity_encoder(spec),
    aggregators.ResidualFeedback(),
  )


@functools.cache
def _builders():
  """Returns every builder of a learning process, with sound arguments."""
  return collections.OrderedDict(
    sketched=(algorithms.build_sketched_update_fed_avg, {}),
    terngrad=(algorithms.build_terngrad_fed_avg, {}),
    qsgd=(algorithms.build_qsgd_fed_avg, {}),
    ef_sign=(algorithms.build_ef_sign_fed_avg, {}),
    fetch_sgd=(algorithms.build_fetch_sgd_fed_avg, {}),
    dhqc=(algorithms.build_dhqc_fed_avg, {}),
    dgc=(algorithms.build_dgc_fed_avg, {}),
    error_feedback=(
      templates.build_error_feedback_fed_avg,
      {'model_aggregator': _error_feedback()},
    ),
    structured=(
      algorithms.build_structured_update_fed_avg,
      {'update_space': _MASK},
    ),
    random_mask=(
      algorithms.build_random_mask_fed_avg,
      {'options': options_lib.RandomMaskOptions(fraction=0.5)},
    ),
    low_rank=(
      algorithms.build_low_rank_fed_avg,
      {'options': options_lib.LowRankOptions(rank=1)},
    ),
    fed_mlh=(algorithms.build_fed_mlh, {}),
    fed_ss=(
      algorithms.build_fed_ss,
      {'options': options_lib.FedSsOptions(num_sampled_classes=4)},
    ),
    full_softmax=(
      algorithms.build_fed_ss,
      {'options': options_lib.FedSsOptions(variant='full_softmax')},
    ),
    lsh_select=(algorithms.build_lsh_select_fed_avg, {}),
  )


_ROW_BUILDERS = ('fed_ss', 'full_softmax', 'lsh_select')
_WITHOUT_OPTIONS = ('error_feedback', 'fed_mlh')

# Bad values of the arguments that the builders have in common.
_BAD_ARGUMENTS = collections.OrderedDict(
  keras_optimizer=('client_optimizer_fn', _keras_sgd),
  optimizer_function=('client_optimizer_fn', lambda: _keras_sgd),
  optimizer_class=('client_optimizer_fn', lambda: tf.keras.optimizers.SGD),
  function_of_tff_optimizer=('client_optimizer_fn', lambda: lambda: _SGD),
  no_optimizer=('client_optimizer_fn', lambda: None),
  optimizer_name=('client_optimizer_fn', lambda: 'sgd'),
  keras_server_optimizer=('server_optimizer_fn', _keras_sgd),
  server_optimizer_function=('server_optimizer_fn', lambda: _keras_sgd),
  weighting_name=('client_weighting', lambda: 'uniform'),
  no_weighting=('client_weighting', lambda: None),
  metrics=('metrics_aggregator', lambda: 3),
  loop_name=('loop_implementation', lambda: 'reduce'),
  options_dict=('options', dict),
  other_options=('options', options_lib.RandomnessOptions),
)


@functools.cache
def _model(name):
  if name in _ROW_BUILDERS:
    return row_models.row_model()
  if name == 'fed_mlh':
    return _hashed_label_model()
  return linear_model.model_fn


def _build(name, **kwargs):
  builder, sound = _builders()[name]
  arguments = {'client_optimizer_fn': _SGD, **sound, **kwargs}
  return builder(_model(name), **arguments)


def _frozen_model_fn():
  """Returns a `VariableModel` without trainable weights."""
  inputs = tf.keras.Input([linear_model.NUM_FEATURES])
  dense = tf.keras.layers.Dense(linear_model.NUM_CLASSES, trainable=False)
  return tff.learning.models.from_keras_model(
    tf.keras.Model(inputs, dense(inputs)),
    input_spec=linear_model.datasets(1)[0].element_spec,
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
  )


class _Traced(Exception):  # noqa: N818
  """A computation was traced."""


class FedAvgComputationTest(parameterized.TestCase, tf.test.TestCase):
  def test_all_builders_are_tested_here(self):
    self.assertEqual(
      {name for name in dir(algorithms) if name.startswith('build_')}
      | {'build_error_feedback_fed_avg'},
      {builder.__name__ for builder, _ in _builders().values()},
    )

  @parameterized.parameters(*_BAD_ARGUMENTS)
  def test_no_builder_takes(self, bad_argument):
    argument, make = _BAD_ARGUMENTS[bad_argument]
    for name in _builders():
      if argument == 'options' and name in _WITHOUT_OPTIONS:
        continue
      _model(name)
      with (
        self.subTest(name),
        # At once: nothing is traced before.
        mock.patch.object(tff.tensorflow, 'computation', side_effect=_Traced),
        # One line: expected, found, remedy.
        self.assertRaisesRegex(
          TypeError,
          rf'^Expected {argument} to be [^\n]*, found [^\n]*: [^\n]*\.$',
        ),
      ):
        _build(name, **{argument: make()})

  @parameterized.parameters(*_ROW_BUILDERS, 'fed_mlh')
  def test_unweighted_aggregator_raises(self, name):
    with self.assertRaisesRegex(
      TypeError, 'model_aggregator.*found UnweightedMeanFactory: leave it out'
    ):
      _build(name, model_aggregator=tff.aggregators.UnweightedMeanFactory())

  @parameterized.parameters('sketched', 'dhqc', 'structured', 'fed_mlh')
  def test_other_distributor_raises(self, name):
    with self.assertRaisesRegex(
      TypeError, 'Expected model_distributor .*found function: leave it out'
    ):
      _build(name, model_distributor=lambda: None)
    with self.assertRaisesRegex(
      TypeError, 'found DeltaDownlinkOptions.*build_delta_downlink_fed_avg'
    ):
      _build(name, model_distributor=options_lib.DeltaDownlinkOptions())

  @parameterized.parameters(3, None, 'model', linear_model)
  def test_other_model_raises(self, model):
    for name in ('sketched', 'dhqc', 'structured'):
      builder, sound = _builders()[name]
      with self.assertRaisesRegex(
        TypeError, 'Expected a tff.learning.models.FunctionalModel.*, found .*:'
      ):
        builder(model, _SGD, **sound)

  def test_keras_model_raises_though_it_can_be_called(self):
    model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    with self.assertRaisesRegex(TypeError, 'found Sequential: see'):
      fed_avg.build_weighted_fed_avg(model, _SGD)

  def test_sound_arguments_pass(self):
    fed_avg.check_arguments(
      client_optimizer_fn=_SGD,
      server_optimizer_fn=None,
      client_weighting=tff.learning.ClientWeighting.UNIFORM,
      model_distributor=None,
      model_aggregator=tff.aggregators.MeanFactory(),
      rows_aggregator=None,
      metrics_aggregator=functools.partial(print),
      loop_implementation=tff.learning.LoopImplementation.DATASET_REDUCE,
    )


class FedAvgExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters('sketched', 'dhqc', 'structured')
  def test_model_without_trainable_weights_has_rounds(self, name):
    builder, sound = _builders()[name]
    process = builder(_frozen_model_fn, _SGD, **sound)
    arguments = [process.initialize(), linear_model.datasets(2)]
    if name == 'dhqc':
      arguments.append([process.initial_client_state()] * 2)
    output = process.next(*arguments)
    metrics = output.metrics['client_work']['train']
    self.assertEqual(metrics['num_examples'], 48)
    payload = output.metrics['aggregator']
    payload = payload.get('mean_value', payload)['payload_bytes']
    # The keys of the two clients.
    self.assertEqual(payload, 16 if name == 'structured' else 0)


if __name__ == '__main__':
  tf.test.main()
