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
"""Tests for row_process."""

from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import row_models
from tff_methods import options as options_lib
from tff_methods import templates
from tff_methods.templates import row_distributor
from tff_methods.templates import row_process
from tff_methods.templates import select_process

_SGD = tff.learning.optimizers.build_sgdm(0.5)


def _build(training, num_candidates=6, **kwargs):
  model = row_models.row_model()
  return row_process.build_row_process(
    model,
    model.sub_model(num_candidates),
    row_distributor.build_class_sampling_distributor(model, num_candidates),
    training,
    **kwargs,
  )


class RowProcessComputationTest(tf.test.TestCase):
  def test_builds_a_select_process(self):
    process = _build(row_process.RowTraining(_SGD))
    self.assertIsInstance(process, select_process.SelectProcess)

  def test_finalizer_is_wrapped(self):
    wrap = mock.Mock(side_effect=lambda finalizer: finalizer)
    _build(row_process.RowTraining(_SGD), wrap_finalizer=wrap)
    (finalizer,) = wrap.call_args.args
    self.assertIsInstance(finalizer, tff.learning.templates.FinalizerProcess)

  def test_row_model(self):
    row_process.check_row_model(row_models.row_model())
    with self.assertRaisesRegex(
      TypeError, 'RowModel, found Functional.*: .*row_model_from_keras'
    ):
      row_process.check_row_model(row_models.row_model().full_model())

  def test_downlink_is_given_as_options(self):
    options = options_lib.DownlinkOptions()
    self.assertIs(row_process.check_downlink(options), options)
    self.assertIsNone(row_process.check_downlink(None))
    weights_type = templates.model_weights_type(
      row_models.row_model().full_model()
    )
    with self.assertRaisesRegex(TypeError, 'found DeltaDownlinkOptions: give'):
      row_process.check_downlink(options_lib.DeltaDownlinkOptions())
    with self.assertRaisesRegex(
      TypeError, 'options.DownlinkOptions, found DistributionProcess: give'
    ):
      row_process.check_downlink(
        templates.sketched_model_distributor(weights_type)
      )


class RowProcessExecutionTest(tf.test.TestCase):
  def _train(self, **kwargs):
    """Returns the weights after a round in which clients have all rows."""
    process = _build(row_process.RowTraining(_SGD, **kwargs), 12)
    state = process.next(process.initialize(), row_models.datasets()).state
    return process.get_model_weights(state).trainable

  def _fed_avg(self, **kwargs):
    process = tff.learning.algorithms.build_weighted_fed_avg(
      row_models.row_model().full_model(), _SGD, **kwargs
    )
    state = process.next(process.initialize(), row_models.datasets()).state
    return process.get_model_weights(state).trainable

  def test_defaults_are_those_of_federated_averaging(self):
    self.assertAllClose(self._train(), self._fed_avg(), rtol=1e-5)

  def test_server_optimizer_and_client_weighting(self):
    kwargs = dict(
      server_optimizer_fn=tff.learning.optimizers.build_sgdm(0.25),
      client_weighting=tff.learning.ClientWeighting.UNIFORM,
    )
    weights = self._train(**kwargs)
    self.assertAllClose(weights, self._fed_avg(**kwargs), rtol=1e-5)
    self.assertNotAllClose(weights[-1], np.asarray(self._fed_avg()[-1]))


if __name__ == '__main__':
  tf.test.main()
