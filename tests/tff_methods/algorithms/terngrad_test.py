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

from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib

_SGD = tff.learning.optimizers.build_sgdm(0.1)


def _build(**kwargs):
  return algorithms.build_terngrad_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.TernGradOptions(**kwargs),
  )


@functools.cache
def _small():
  return _build(min_elements=10)


def _kernel(process, num_rounds, clients=None):
  state, _ = linear_model.train(process, num_rounds, clients)
  return state.global_model_weights.trainable[0]


class TerngradFedAvgComputationTest(parameterized.TestCase, tf.test.TestCase):
  def test_types_are_those_of_federated_averaging(self):
    ours, theirs = _small(), local_updates.fed_avg()
    self.assertIsInstance(ours, tff.learning.templates.LearningProcess)
    self.assertEqual(
      ours.get_model_weights.type_signature.result,
      theirs.get_model_weights.type_signature.result,
    )
    self.assertEqual(
      ours.next.type_signature.parameter[1],
      theirs.next.type_signature.parameter[1],
    )

  @parameterized.named_parameters(
    ('model', {'model_fn': 3}, 'int'),
    ('weighting', {'client_weighting': 1}, 'ClientWeighting'),
    ('option', {'clip_factor': 2.5}, 'clip_factor'),
  )
  def test_bad_arguments_raise(self, kwargs, message):
    arguments = {'model_fn': linear_model.model_fn, **kwargs}
    with self.assertRaisesRegex(TypeError, message):
      algorithms.build_terngrad_fed_avg(client_optimizer_fn=_SGD, **arguments)


class TerngradFedAvgExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    # Five values per byte, and a scale; small tensors uncompressed.
    ('all', {'min_elements': 0}, (16 + 4) + (1 + 4)),
    ('weights', {'min_elements': 10}, (16 + 4) + 4 * 4),
    ('none', {}, 4 * 84),
  )
  def test_counts_of_bytes_agree(self, kwargs, payload):
    process = _small() if kwargs == {'min_elements': 10} else _build(**kwargs)
    _, metrics = linear_model.train(process, 1)
    self.assertEqual(
      metrics['aggregator']['mean_value']['payload_bytes'], 3 * payload
    )
    # A weight; loss, accuracy (two floats each) and the counts of examples and
    # batches.
    self.assertEqual(
      communication.traced_bytes(process.next).uplink,
      payload + 4 + 4 * 4 + 2 * 8,
    )

  def test_each_weight_is_one_of_three(self):
    clients = linear_model.datasets(num_clients=1)
    process = _build(min_elements=10, clip_factor=1.0)
    kernel = _kernel(process, 1, clients)
    update, bias_update = local_updates.local_update(
      local_updates.fed_avg().initialize().global_model_weights, clients[0]
    )
    # One standard deviation is below the largest magnitude.
    limit = np.sqrt(np.mean(update.astype(np.float64) ** 2))
    self.assertGreater(np.abs(update).max(), 1.2 * limit)
    self.assertAllClose(np.unique(kernel), [-limit, 0.0, limit], rtol=1e-5)
    is_sent = kernel != 0.0
    self.assertAllEqual(np.sign(kernel[is_sent]), -np.sign(update[is_sent]))
    # Clipped values are sent with certainty.
    self.assertTrue(is_sent[np.abs(update) > 1.001 * limit].all())
    state, _ = linear_model.train(process, 1, clients)
    self.assertAllClose(
      state.global_model_weights.trainable[1], -bias_update, atol=1e-7
    )

  def test_learns(self):
    _, metrics = linear_model.train(_small(), 20)
    self.assertGreater(metrics['client_work']['train']['accuracy'], 0.6)

  def test_shared_scale_is_that_of_the_largest_update(self):
    process = _build(min_elements=10, clip_factor=None, share_scale=True)
    self.assertEqual(
      process.next.type_signature.parameter[1],
      _small().next.type_signature.parameter[1],
    )
    clients = linear_model.datasets(num_clients=2)
    weights = local_updates.fed_avg().initialize().global_model_weights
    scale = max(
      np.abs(local_updates.local_update(weights, client)[0]).max()
      for client in clients
    )
    # Both clients have as many examples.
    counts = _kernel(process, 1, clients) * 2 / scale
    self.assertAllClose(counts, np.round(counts), atol=1e-4)
    self.assertAllInSet(np.abs(np.round(counts)), [0.0, 1.0, 2.0])
    self.assertGreater(np.abs(counts).max(), 0.5)

  def test_bits_depend_on_the_seed_alone(self):
    first = _kernel(_small(), 3)
    again = _kernel(_build(min_elements=10, base_seed=0), 3)
    other = _kernel(_build(min_elements=10, base_seed=1), 3)
    self.assertEqual(first.tobytes(), again.tobytes())
    self.assertNotAllClose(first, other)


if __name__ == '__main__':
  tf.test.main()
