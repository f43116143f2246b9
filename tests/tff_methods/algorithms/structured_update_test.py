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
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import update_spaces

_SGD = tff.learning.optimizers.build_sgdm(0.1)
_MASK = update_spaces.RandomMask(0.5, min_elements=10)


def _build(model_fn=linear_model.model_fn, options=None, **kwargs):
  return algorithms.build_structured_update_fed_avg(
    model_fn, _SGD, update_space=_MASK, options=options, **kwargs
  )


def _three_layers():
  """Returns an untrained functional model of three dense layers."""
  shapes = ([4, 8], [8], [8, 16], [16], [16, 3], [3])

  @tf.function
  def predict_on_batch(model_weights, x, training=True):
    del training
    w = model_weights[0]
    return ((x @ w[0] + w[1]) @ w[2] + w[3]) @ w[4] + w[5]

  return tff.learning.models.FunctionalModel(
    initial_weights=(tuple(np.zeros(s, np.float32) for s in shapes), ()),
    predict_on_batch_fn=predict_on_batch,
    loss_fn=lambda output, label, sample_weight=None: tf.reduce_mean(output),
    input_spec=(
      tf.TensorSpec([None, 4], tf.float32),
      tf.TensorSpec([None], tf.int32),
    ),
  )


class StructuredUpdateFedAvgComputationTest(
  parameterized.TestCase, tf.test.TestCase
):
  @parameterized.named_parameters(
    # 40 of 80 weights and 4 biases; a key. 2 bits each, and a scale; but the
    # kernel has fewer elements than the 256 of the default.
    ('default', None, 40 * 4 + 16 + 8),
    (
      'quantized',
      options_lib.StructuredUpdateOptions(bits=2, min_elements=10),
      10 + 4 + 16 + 8,
    ),
    # The only kernel is the first and the last.
    (
      'whole_outer_layers',
      options_lib.StructuredUpdateOptions(
        bits=2, min_elements=10, whole_outer_layers=True
      ),
      80 * 4 + 16 + 8,
    ),
    (
      'small',
      options_lib.StructuredUpdateOptions(bits=2),
      40 * 4 + 16 + 8,
    ),
  )
  def test_payload_follows_space_and_options(self, options, payload):
    # A weight; loss, accuracy (two floats each) and the counts of examples and
    # batches.
    self.assertEqual(
      communication.traced_bytes(_build(options=options).next).uplink,
      payload + 4 + 4 * 4 + 2 * 8,
    )

  def test_whole_tensors_of_inner_layers_are_quantized(self):
    process = algorithms.build_structured_update_fed_avg(
      _three_layers(),
      _SGD,
      update_space=update_spaces.LowRank(rank=1),
      options=options_lib.StructuredUpdateOptions(
        bits=2, min_elements=10, whole_outer_layers=True
      ),
    )
    # Outer layers; the 128 weights of the inner kernel, too few for the space,
    # and its 16 biases, both of 2 bits and with a scale; a key and a weight.
    self.assertEqual(
      communication.traced_bytes(process.next).uplink,
      4 * (32 + 8 + 48 + 3) + (32 + 4) + (4 + 4) + 8 + 4,
    )

  @parameterized.named_parameters(
    ('model', {'model_fn': 3}, 'found int'),
    ('weighting', {'client_weighting': 'uniform'}, 'ClientWeighting'),
    ('option', {'rate': 1}, 'rate'),
  )
  def test_bad_arguments_raise(self, kwargs, message):
    with self.assertRaisesRegex(TypeError, message):
      _build(**kwargs)


class StructuredUpdateFedAvgExecutionTest(
  parameterized.TestCase, tf.test.TestCase
):
  @parameterized.named_parameters(
    ('functional', {'model_fn': linear_model.functional_model()}),
    (
      'other_loop',
      {'loop_implementation': tff.learning.LoopImplementation.DATASET_REDUCE},
    ),
  )
  def test_learns(self, kwargs):
    _, metrics = linear_model.train(_build(**kwargs), 15)
    self.assertGreater(metrics['client_work']['train']['accuracy'], 0.6)

  def test_server_optimizer_takes_the_step(self):
    clients = linear_model.datasets(num_clients=1)
    kernels = []
    for rate in (1.0, 0.5):
      process = algorithms.build_structured_update_fed_avg(
        linear_model.model_fn,
        _SGD,
        tff.learning.optimizers.build_sgdm(rate),
        update_space=_MASK,
      )
      state, _ = linear_model.train(process, 1, clients)
      kernels.append(state.global_model_weights.trainable[0])
    self.assertEqual(np.count_nonzero(kernels[0]), 40)
    self.assertAllClose(kernels[1], kernels[0] / 2)


if __name__ == '__main__':
  tf.test.main()
