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

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import templates
from tff_methods.algorithms import dgc
from tff_methods.encoders import elias_fano

_SGD = tff.learning.optimizers.build_sgdm(0.1)


@functools.cache
def _warmed_up():
  """Builds DGC with the default warm-up, fractions of 0.25 and 0.0625."""
  return algorithms.build_dgc_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.DgcOptions(
      fraction=0.05, rounds_per_warm_up_fraction=2
    ),
  )


# Numbers of sent values, of 80 weights and 4 biases: at least one.
_NUM_SENT = [(20, 1), (20, 1), (5, 1), (5, 1), (4, 1), (4, 1)]


def _sent_in_warm_up(**kwargs):
  """Returns (number of rounds, number of sent values) pairs.

  The number of values is found from the bytes that clients send.
  """
  after, warm_up = dgc._aggregator_and_warm_up(
    options_lib.DgcOptions(scope='model', **kwargs)
  )
  value_type = tff.TensorType(np.float32, [100000])

  def num_values(factory):
    aggregation = factory.create(value_type, tff.TensorType(np.float32))
    payload = communication.traced_bytes(aggregation.next).uplink - 4
    return next(
      k
      for k in (100, 200, 400, 1562, 6250, 25000, 50000)
      if payload == 4 * k + elias_fano.packed_size(k, 100000)
    )

  return [(n, num_values(f)) for n, f in [*warm_up, (None, after)]]


class DgcFedAvgComputationTest(parameterized.TestCase, tf.test.TestCase):
  def test_types(self):
    process = _warmed_up()
    self.assertIsInstance(process, templates.ClientStateProcess)
    expected = [
      collections.OrderedDict(residual=spec, velocity=spec)
      for spec in (
        tff.TensorType(np.float32, [20, 4]),
        tff.TensorType(np.float32, [4]),
      )
    ]
    found = process.initial_client_state.type_signature.result
    self.assertEqual(found, tff.to_type(expected))
    for num_rounds in (0, 2):
      self.assertEqual(
        process.next_after(num_rounds).type_signature,
        process.next.type_signature,
      )

  def test_default_warm_up_is_that_of_the_paper(self):
    # Sparsities of 75, 93.75, 98.4375, 99.6 and then 99.9 percent.
    self.assertEqual(
      _sent_in_warm_up(),
      [(1, 25000), (1, 6250), (1, 1562), (1, 400), (None, 100)],
    )

  def test_warm_up_ends_at_the_fraction(self):
    self.assertEqual(
      _sent_in_warm_up(fraction=0.004, rounds_per_warm_up_fraction=3),
      [(3, 25000), (3, 6250), (3, 1562), (None, 400)],
    )
    self.assertEqual(
      _sent_in_warm_up(fraction=0.5, warm_up_fractions=None),
      [(None, 50000)],
    )

  def test_warm_up_takes_given_fractions(self):
    self.assertEqual(
      _sent_in_warm_up(fraction=0.002, warm_up_fractions=(0.5, 0.004)),
      [(1, 50000), (1, 400), (None, 200)],
    )
    self.assertEqual(
      _sent_in_warm_up(fraction=0.002, warm_up_fractions=[]), [(None, 200)]
    )

  @parameterized.named_parameters(
    ('model', {'model_fn': 3}, 'found int'),
    ('weighting', {'client_weighting': 1}, 'ClientWeighting'),
    ('option', {'fraction': 0.5}, 'fraction'),
  )
  def test_bad_arguments_raise(self, kwargs, message):
    arguments = {'model_fn': linear_model.model_fn, **kwargs}
    with self.assertRaisesRegex(TypeError, message):
      algorithms.build_dgc_fed_avg(client_optimizer_fn=_SGD, **arguments)


class DgcFedAvgExecutionTest(parameterized.TestCase, tf.test.TestCase):
  def test_rounds_agree_with_the_paper(self):
    """Compares with numpy, through the warm-up; some clients are absent."""
    process, clients = _warmed_up(), local_updates.clients()
    state = process.initialize()
    client_states = [process.initial_client_state()] * 3
    weights = [np.zeros([80]), np.zeros([4])]
    velocity = [[np.zeros([80]), np.zeros([4])] for _ in clients]
    residual = [[np.zeros([80]), np.zeros([4])] for _ in clients]
    cohorts = [[0, 1, 2], [1], [0, 2], [2, 0, 1], [1, 2], [0, 1, 2]]
    for cohort, num_sent in zip(cohorts, _NUM_SENT, strict=True):
      share = local_updates.WEIGHTS / local_updates.WEIGHTS[cohort].sum()
      moves = [0.0, 0.0]
      for c in cohort:
        update = local_updates.local_update(
          state.global_model_weights, clients[c]
        )
        for i in range(2):
          velocity[c][i] = 0.9 * velocity[c][i] + update[i].ravel()
          residual[c][i] = residual[c][i] + velocity[c][i]
          mask = local_updates.largest(residual[c][i], num_sent[i])
          moves[i] = moves[i] + share[c] * residual[c][i] * mask
          residual[c][i] = residual[c][i] * ~mask
          velocity[c][i] = velocity[c][i] * ~mask
      weights = [w - move for w, move in zip(weights, moves, strict=True)]
      output = process.next_after(process.num_rounds(state))(
        state, [clients[c] for c in cohort], [client_states[c] for c in cohort]
      )
      state = output.state
      for c, client_state in zip(cohort, output.client_states, strict=True):
        client_states[c] = client_state
      payload = sum(
        4 * k + elias_fano.packed_size(k, n)
        for k, n in zip(num_sent, (80, 4), strict=True)
      )
      self.assertEqual(
        output.metrics['aggregator']['payload_bytes'], len(cohort) * payload
      )
      for i, tensor in enumerate(state.global_model_weights.trainable):
        self.assertAllClose(tensor.ravel(), weights[i], atol=1e-5)
        for c, client_state in enumerate(client_states):
          found = client_state[i]
          self.assertAllClose(
            found['residual'].ravel(), residual[c][i], atol=1e-5
          )
          self.assertAllClose(
            found['velocity'].ravel(), velocity[c][i], atol=1e-5
          )

  def test_counts_of_bytes_agree_in_every_round(self):
    for num_rounds, num_sent in enumerate(_NUM_SENT):
      payload = sum(
        4 * k + elias_fano.packed_size(k, n)
        for k, n in zip(num_sent, (80, 4), strict=True)
      )
      # A weight; loss, accuracy (two floats each) and the counts of examples
      # and batches. The model and the learning rate. No client states.
      self.assertEqual(
        communication.traced_bytes(_warmed_up().next_after(num_rounds)),
        communication.ClientBytes(
          uplink=payload + 4 + 4 * 4 + 2 * 8, downlink=84 * 4 + 4
        ),
      )

  def test_learns(self):
    process, clients = _warmed_up(), linear_model.datasets()
    state = process.initialize()
    client_states = [process.initial_client_state()] * 3
    for num_rounds in range(20):
      output = process.next_after(num_rounds)(state, clients, client_states)
      state, client_states = output.state, output.client_states
    self.assertGreater(output.metrics['client_work']['train']['accuracy'], 0.6)


if __name__ == '__main__':
  tf.test.main()
