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

from tests.tff_methods import caching
from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib

_SGD = tff.learning.optimizers.build_sgdm(0.1)


@caching.cache
def _build(**kwargs):
  return algorithms.build_qsgd_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.QsgdOptions(min_elements=10, **kwargs),
  )


def _kernel(process, num_rounds, clients=None):
  state, _ = linear_model.train(process, num_rounds, clients)
  return state.global_model_weights.trainable[0]


class QsgdFedAvgComputationTest(tf.test.TestCase):
  def test_is_a_learning_process_with_its_bytes(self):
    process = _build(bits=3, bucket_size=32)
    self.assertIsInstance(process, tff.learning.templates.LearningProcess)
    # Codes and norms of 80 weights, 4 biases; a weight; loss, accuracy (two
    # floats each) and the counts of examples and batches.
    payload = 30 + 3 * 4 + 4 * 4
    self.assertEqual(
      communication.traced_bytes(process.next).uplink,
      payload + 4 + 4 * 4 + 2 * 8,
    )


class QsgdFedAvgExecutionTest(parameterized.TestCase, tf.test.TestCase):
  def test_update_is_rounded_to_multiples_of_norms(self):
    clients = linear_model.datasets(num_clients=1)
    process = _build(bits=3, bucket_size=32)
    output = process.next(process.initialize(), clients)
    self.assertEqual(
      output.metrics['aggregator']['mean_value']['payload_bytes'],
      30 + 3 * 4 + 4 * 4,
    )
    kernel = output.state.global_model_weights.trainable[0]
    update, bias_update = local_updates.local_update(
      local_updates.fed_avg().initialize().global_model_weights, clients[0]
    )
    for i in range(0, 80, 32):
      bucket = np.ravel(update)[i : i + 32]
      steps = -np.ravel(kernel)[i : i + 32] / (np.abs(bucket).max() / 3)
      self.assertAllClose(steps, np.round(steps), atol=1e-4)
      self.assertAllInRange(
        np.abs(steps - bucket / (np.abs(bucket).max() / 3)), 0.0, 1.001
      )
    self.assertAllClose(
      output.state.global_model_weights.trainable[1], -bias_update, atol=1e-7
    )

  def test_learns_and_depends_on_the_seed_alone(self):
    process = _build()
    state, metrics = linear_model.train(process, 20)
    self.assertGreater(metrics['client_work']['train']['accuracy'], 0.6)
    again, _ = linear_model.train(process, 20)
    weights = [s.global_model_weights.trainable[0] for s in (state, again)]
    self.assertEqual(weights[0].tobytes(), weights[1].tobytes())
    self.assertNotAllClose(_kernel(process, 1), _kernel(_build(base_seed=1), 1))

  def test_entropy_changes_each_draw(self):
    process = _build(seed_source='entropy')
    self.assertNotAllEqual(_kernel(process, 1), _kernel(process, 1))


if __name__ == '__main__':
  tf.test.main()
