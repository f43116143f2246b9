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
"""Tests for methods."""

import collections
from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs import methods
from programs import usage
from tff_methods import processes


def _model_fn() -> tff.learning.models.VariableModel:
  return tff.learning.models.from_keras_model(
    tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))]),
    loss=tf.keras.losses.MeanSquaredError(),
    input_spec=collections.OrderedDict(
      x=tf.TensorSpec((None, 2), np.float32),
      y=tf.TensorSpec((None, 1), np.float32),
    ),
  )


class MethodsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    flags.FLAGS.mark_as_parsed()

  @parameterized.parameters(*methods.METHODS)
  def test_builds_a_learning_process(self, name):
    sgd = tff.learning.optimizers.build_sgdm(0.1)
    with flagsaver.flagsaver(fraction=0.5):
      process = methods.METHODS[name].build(_model_fn, sgd, sgd, 0)
    self.assertIsInstance(process, tff.learning.templates.LearningProcess)

  @parameterized.named_parameters(
    (
      'random_mask',
      'random_mask',
      {'fraction': 0.25, 'min_elements': 2},
      {'bits': None, 'min_elements': 2, 'seed_source': 'reproducible'},
      100,
    ),
    (
      'low_rank',
      'low_rank',
      {'rank': 3, 'bits': '4', 'seed_source': 'entropy'},
      {'bits': 4, 'min_elements': 256, 'seed_source': 'entropy'},
      60,
    ),
  )
  def test_structured_update_is_built_from_its_flags(
    self, method, given, expected, num_parameters
  ):
    with (
      flagsaver.flagsaver(**given),
      mock.patch.object(processes, 'build_structured_update_fed_avg') as build,
    ):
      methods.METHODS[method].build(None, None, None, 5)
    _, arguments = build.call_args
    self.assertEqual({**arguments, **expected, 'base_seed': 5}, arguments)
    space = arguments['update_space'].for_tensor(tf.TensorSpec([20, 20]))
    self.assertEqual(space.num_parameters, num_parameters)

  @parameterized.named_parameters(
    ('no_fraction', 'random_mask', {}, 'Expected --fraction with'),
    ('fraction', 'random_mask', {'fraction': 1.5}, r'fraction in \(0, 1\]'),
    ('no_rank', 'low_rank', {}, 'either rank or fraction'),
    ('both', 'low_rank', {'rank': 1, 'fraction': 0.5}, 'either rank or'),
  )
  def test_flags_that_make_no_sense_are_refused(self, method, given, message):
    with (
      flagsaver.flagsaver(**given),
      self.assertRaisesRegex(usage.UsageError, message),
    ):
      methods.check_flags(method)

  @parameterized.named_parameters(
    ('defaults', {}, {'bits': 2, 'fraction': 1.0, 'quantizer': 'eden'}),
    ('bits', {'bits': '16'}, {'bits': 16}),
    ('no_bits', {'bits': 'none'}, {'bits': None}),
    (
      'others',
      {
        'fraction': 0.5,
        'rotation': False,
        'quantizer': 'uniform',
        'min_elements': 7,
        'seed_source': 'entropy',
      },
      {
        'fraction': 0.5,
        'rotation': False,
        'quantizer': 'uniform',
        'min_elements': 7,
        'seed_source': 'entropy',
      },
    ),
  )
  def test_sketched_update_is_built_from_its_flags(self, given, expected):
    with (
      flagsaver.flagsaver(**given),
      mock.patch.object(processes, 'build_sketched_update_fed_avg') as build,
    ):
      methods.METHODS['sketched_update'].build(None, None, None, 5)
    _, arguments = build.call_args
    self.assertEqual({**arguments, **expected, 'base_seed': 5}, arguments)


if __name__ == '__main__':
  absltest.main()
