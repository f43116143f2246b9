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
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods import linear_model
from tests.tff_methods.runtime import two_workers
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import runtime

_SGD = tff.learning.optimizers.build_sgdm(0.1)


@caching.cache
def _build(**kwargs):
  return algorithms.build_low_rank_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.LowRankOptions(min_elements=10, **kwargs),
  )


class LowRankFedAvgComputationTest(tf.test.TestCase):
  def test_counts_of_bytes_by_trace(self):
    # 2 rows of 4, 4 biases and a key. A weight; loss, accuracy (two floats
    # each) and the counts of examples and batches. The model, the learning rate
    # and the round's key.
    self.assertEqual(
      communication.traced_bytes(_build(rank=2).next),
      communication.ClientBytes(
        uplink=(8 * 4 + 16 + 8) + 4 + 4 * 4 + 2 * 8, downlink=84 * 4 + 4 + 8
      ),
    )

  def test_fraction_is_of_the_smaller_dimension(self):
    # Half of 4 columns.
    self.assertEqual(
      communication.traced_bytes(_build(fraction=0.5).next),
      communication.traced_bytes(_build(rank=2).next),
    )

  def test_options_are_required(self):
    with self.assertRaisesRegex(TypeError, 'options'):
      algorithms.build_low_rank_fed_avg(linear_model.model_fn, _SGD)


class LowRankFedAvgExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('float', {'rank': 2}), ('quantized', {'fraction': 0.5, 'bits': 4})
  )
  def test_learns(self, kwargs):
    _, metrics = linear_model.train(_build(**kwargs), 15)
    self.assertGreater(metrics['client_work']['train']['accuracy'], 0.6)

  def test_update_of_one_client_has_the_rank_and_the_bytes(self):
    state, metrics = linear_model.train(
      _build(rank=2), 1, linear_model.datasets(num_clients=1)
    )
    kernel, _ = state.global_model_weights.trainable
    self.assertEqual(np.linalg.matrix_rank(kernel), 2)
    self.assertEqual(metrics['aggregator']['payload_bytes'], 8 * 4 + 16 + 8)

  @pytest.mark.slow
  def test_same_seed_gives_the_same_bits_in_every_runtime(self):
    clients = linear_model.datasets(num_clients=7)
    contexts = [
      runtime.create_local_context(),
      runtime.create_local_context(),
      two_workers.create_context(),
    ]
    kernels = []
    for context in contexts:
      with tff.framework.get_context_stack().install(context):
        process = _build.__wrapped__(rank=2, bits=4, base_seed=3)
        state, _ = linear_model.train(process, 3, clients)
      kernels.append(state.global_model_weights.trainable[0])
    for kernel in kernels[1:]:
      self.assertEqual(kernel.tobytes(), kernels[0].tobytes())
    other, _ = linear_model.train(
      _build(rank=2, bits=4, base_seed=4), 3, clients
    )
    self.assertNotAllClose(other.global_model_weights.trainable[0], kernels[0])


if __name__ == '__main__':
  tf.test.main()
