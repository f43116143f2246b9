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

from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tests.tff_methods import train_model
from tff_methods import aggregators
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib

_OPTIMIZER = tff.learning.optimizers.build_sgdm(0.1)


@caching.cache
def _build(**kwargs):
  return algorithms.build_sketched_update_fed_avg(
    linear_model.model_fn,
    _OPTIMIZER,
    options=options_lib.SketchOptions(min_elements=10, **kwargs),
  )


class SketchedUpdateFedAvgComputationTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_types_are_those_of_federated_averaging(self):
    ours = _build()
    theirs = local_updates.fed_avg()
    self.assertIsInstance(ours, tff.learning.templates.LearningProcess)
    self.assertEqual(
      ours.get_model_weights.type_signature.result,
      theirs.get_model_weights.type_signature.result,
    )
    self.assertEqual(
      ours.next.type_signature.parameter[1],
      theirs.next.type_signature.parameter[1],
    )

  def test_default_options_skip_small_tensors(self):
    process = algorithms.build_sketched_update_fed_avg(
      linear_model.model_fn, _OPTIMIZER
    )
    # All 84 values as float32: the tensors have fewer than 256 elements. A
    # weight; loss, accuracy (two floats each) and the counts of examples and
    # batches.
    self.assertEqual(
      communication.traced_bytes(process.next).uplink,
      84 * 4 + 4 + 4 * 4 + 2 * 8,
    )

  @parameterized.named_parameters(
    ('model', {'model_fn': 3}, 'int'),
    ('weighting', {'client_weighting': 1}, 'ClientWeighting'),
    ('option', {'bits': 2}, 'bits'),
  )
  def test_bad_arguments_raise(self, kwargs, message):
    arguments = {'model_fn': linear_model.model_fn, **kwargs}
    with self.assertRaisesRegex(TypeError, message):
      algorithms.build_sketched_update_fed_avg(
        client_optimizer_fn=_OPTIMIZER, **arguments
      )


class SketchedUpdateFedAvgExecutionTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_without_compression_it_is_federated_averaging(self):
    plain = local_updates.fed_avg()
    expected, _ = linear_model.train(plain, 3)
    actual, _ = linear_model.train(_build(bits=None), 3)
    self.assertAllClose(
      actual.global_model_weights.trainable,
      expected.global_model_weights.trainable,
      atol=1e-6,
    )

  @parameterized.named_parameters(
    ('eden', {'bits': 2}),
    ('uniform', {'bits': 2, 'quantizer': 'uniform'}),
    ('subsampled', {'bits': 2, 'fraction': 0.5}),
    ('client_rotation', {'bits': 1, 'shared_rotation': False}),
  )
  @pytest.mark.slow
  def test_learns(self, kwargs):
    _, first = linear_model.train(_build(**kwargs), 1)
    _, last = linear_model.train(_build(**kwargs), 15)
    accuracy = [m['client_work']['train']['accuracy'] for m in (first, last)]
    self.assertGreater(accuracy[1], accuracy[0] + 0.2)

  def test_same_seed_gives_the_same_bits(self):
    kwargs = dict(bits=1, fraction=0.5, shared_rotation=False, base_seed=3)
    first, _ = linear_model.train(_build(**kwargs), 3)
    second, _ = linear_model.train(_build.__wrapped__(**kwargs), 3)
    for a, b in zip(
      first.global_model_weights.trainable,
      second.global_model_weights.trainable,
      strict=True,
    ):
      self.assertEqual(a.tobytes(), b.tobytes())

  def test_a_diverged_client_does_not_reach_the_others(self):
    clients = linear_model.datasets()
    inf = clients[0].map(lambda x, y: (x * np.inf, y))
    state, metrics = linear_model.train(_build(), 1, [inf, *clients[1:]])
    for weights in state.global_model_weights.trainable:
      self.assertTrue(np.isfinite(weights).all())
      self.assertNotAllEqual(weights, np.zeros_like(weights))
    self.assertGreater(metrics['aggregator']['mean_value']['payload_bytes'], 0)


class RoundBytesTest(tf.test.TestCase):
  def test_of_a_process_of_this_package(self):
    process = _build(bits=2, fraction=0.5)
    _, metrics = linear_model.train(process, 1)
    round_bytes = communication.build_round_bytes_fn(process.next)(metrics, 3)
    # 40 of 80 weights at 2 bits, a scale, a key; 4 biases.
    payload = 10 + 4 + 8 + 16
    self.assertEqual(
      metrics['aggregator']['mean_value']['payload_bytes'], 3 * payload
    )
    # A weight; loss, accuracy (two floats each) and the counts of examples and
    # batches.
    self.assertEqual(
      round_bytes['uplink_bytes'], 3 * (payload + 4 + 4 * 4 + 2 * 8)
    )
    # The model, the learning rate; keys for the rotation and the subsampling.
    self.assertEqual(round_bytes['downlink_bytes'], 3 * (84 * 4 + 4 + 16))

  def test_of_client_rotations(self):
    process = _build(bits=1, fraction=0.5, shared_rotation=False, base_seed=3)
    traced = communication.traced_bytes(process.next)
    # 40 of 80 weights at a bit, a scale, a key; 4 biases; the rest as above.
    self.assertEqual(traced.uplink, 5 + 4 + 8 + 16 + 4 + 4 * 4 + 2 * 8)
    # The model, the learning rate, a key of the round.
    self.assertEqual(traced.downlink, 84 * 4 + 4 + 8)

  def test_of_a_process_of_tff(self):
    process = local_updates.fed_avg()
    _, metrics = linear_model.train(process, 1)
    round_bytes = communication.build_round_bytes_fn(process.next)(metrics, 3)
    self.assertEqual(
      round_bytes,
      collections.OrderedDict(
        uplink_bytes=3 * (84 * 4 + 4 + 4 * 4 + 2 * 8),
        downlink_bytes=3 * (84 * 4 + 4),
      ),
    )

  def test_metrics_of_more_clients_raise(self):
    process = _build(bits=None)
    _, metrics = linear_model.train(process, 1)
    with self.assertRaisesRegex(ValueError, 'from 2 clients, found 1008'):
      communication.build_round_bytes_fn(process.next)(metrics, 2)


class PipelineTest(tf.test.TestCase):
  """Tests of the aggregator in processes and programs of TFF."""

  def test_plugs_into_federated_averaging_of_tff(self):
    process = tff.learning.algorithms.build_weighted_fed_avg(
      linear_model.model_fn,
      _OPTIMIZER,
      model_aggregator=aggregators.sketched_update_aggregator(
        bits=2, fraction=0.5, min_elements=10
      ),
    )
    _, metrics = linear_model.train(process, 10)
    self.assertGreater(metrics['client_work']['train']['accuracy'], 0.6)

  def test_works_within_zeroing_and_clipping(self):
    aggregator = tff.aggregators.zeroing_factory(
      1e6,
      tff.aggregators.clipping_factory(
        10.0, aggregators.sketched_update_aggregator(min_elements=10)
      ),
    )
    process = tff.learning.algorithms.build_weighted_fed_avg(
      linear_model.model_fn, _OPTIMIZER, model_aggregator=aggregator
    )
    _, metrics = linear_model.train(process, 10)
    self.assertGreater(metrics['client_work']['train']['accuracy'], 0.6)

  def test_runs_under_train_model(self):
    rounds = train_model.released_rounds(
      _build(bits=2),
      lambda: linear_model.datasets(num_clients=1)[0],
      self.get_temp_dir(),
    )
    self.assertEqual(rounds, [1, 2])


if __name__ == '__main__':
  tf.test.main()
