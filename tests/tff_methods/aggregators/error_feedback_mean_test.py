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

from tff_methods import aggregators
from tff_methods import communication
from tff_methods import encoders
from tff_methods import options as options_lib

_KERNEL, _BIAS = (9, 40), (5,)
_NUM_ALL = 365
_VALUE_TYPE = tff.to_type(
  [tff.TensorType(np.float32, _KERNEL), tff.TensorType(np.float32, _BIAS)]
)
_WEIGHT_TYPE = tff.TensorType(np.float32)
_FEEDBACKS = {
  'unsent_values': aggregators.ResidualFeedback('unsent_values'),
  'with_error': aggregators.ResidualFeedback('residual'),
  'momentum': aggregators.MomentumCorrection(0.9),
}


def _factory(feedback='with_error', *, fraction=0.1, bits=None, **kwargs):
  return aggregators.ErrorFeedbackMeanFactory(
    lambda spec, _: encoders.sparse_encoder(
      spec, options_lib.SparseOptions(fraction=fraction, bits=bits)
    ),
    _FEEDBACKS[feedback],
    **kwargs,
  )


def _create(feedback='with_error', bits=None, scope='model', min_elements=0):
  return _create_once(feedback, bits, scope, min_elements)


@functools.cache
def _create_once(
  feedback, bits, scope, min_elements
) -> aggregators.ClientStateAggregation:
  factory = _factory(
    feedback, bits=bits, scope=scope, min_elements=min_elements
  )
  return factory.create(_VALUE_TYPE, _WEIGHT_TYPE)


def _values(num_clients, seed=0):
  rng = np.random.default_rng(seed)
  return [
    [rng.normal(size=shape).astype(np.float32) for shape in (_KERNEL, _BIAS)]
    for _ in range(num_clients)
  ]


def _vector(tensors):
  return np.concatenate([np.ravel(x) for x in tensors])


def _residuals(client_states):
  """Returns the residual of each client, as one vector."""
  return [_vector(s['residual'] for s in state) for state in client_states]


def _first(aggregation, num_clients):
  initial = aggregation.initial_client_state()
  return aggregation.initialize(), [initial] * num_clients


def _decoded_largest(x, k, bits):
  """Returns the decoded top-k values of `x`, in numpy, value by value."""
  received = np.zeros_like(x)
  positions = np.argsort(-np.abs(x), kind='stable')[:k]
  magnitudes = np.abs(x[positions])
  edges = np.linspace(magnitudes.min(), magnitudes.max(), 2 ** (bits - 1) + 1)
  for position, magnitude in zip(positions, magnitudes, strict=True):
    above = np.flatnonzero(magnitude < edges[1:-1])
    i = above[0] if above.size else len(edges) - 2
    received[position] = np.sign(x[position]) * (edges[i] + edges[i + 1]) / 2
  return received


class ErrorFeedbackMeanComputationTest(
  parameterized.TestCase, tf.test.TestCase
):
  @parameterized.named_parameters(
    ('model', 'with_error', 'model', [{'residual': (_NUM_ALL,)}]),
    (
      'tensor',
      'unsent_values',
      'tensor',
      [{'residual': _KERNEL}, {'residual': _BIAS}],
    ),
    (
      'momentum',
      'momentum',
      'model',
      [{'residual': (_NUM_ALL,), 'velocity': (_NUM_ALL,)}],
    ),
  )
  def test_types(self, feedback, scope, shapes):
    aggregation = _create(feedback, scope=scope)
    client_state_type = tff.to_type(
      [
        collections.OrderedDict(
          (name, tff.TensorType(np.float32, shape))
          for name, shape in tensor.items()
        )
        for tensor in shapes
      ]
    )
    self.assertEqual(
      aggregation.initial_client_state.type_signature.result, client_state_type
    )
    state_type = aggregation.initialize.type_signature.result
    parameter = aggregation.next.type_signature.parameter
    result = aggregation.next.type_signature.result
    self.assertEqual(
      list(parameter),
      [
        state_type,
        tff.FederatedType(_VALUE_TYPE, tff.CLIENTS),
        tff.FederatedType(_WEIGHT_TYPE, tff.CLIENTS),
        tff.FederatedType(client_state_type, tff.CLIENTS),
      ],
    )
    self.assertEqual(
      list(result),
      [
        state_type,
        tff.FederatedType(_VALUE_TYPE, tff.SERVER),
        tff.FederatedType(
          collections.OrderedDict(payload_bytes=np.int64), tff.SERVER
        ),
        tff.FederatedType(client_state_type, tff.CLIENTS),
      ],
    )

  @parameterized.parameters(
    ({'scope': 'layer'}, ValueError, "found 'layer'"),
    ({'min_elements': 9}, ValueError, "found 9: choose scope='tensor'"),
    ({'scope': 'tensor', 'min_elements': -1}, ValueError, 'at least 0'),
    ({'scope': 'tensor', 'min_elements': 0.5}, TypeError, 'found float'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, f'^Expected [^\n]*{message}[^\n]*$'):
      _factory(**kwargs)

  @parameterized.parameters('model', 'tensor')
  def test_other_dtypes_raise_when_created(self, scope):
    with self.assertRaisesRegex(
      TypeError,
      '^Expected float32 values to encode, found float64: cast the model.$',
    ):
      _factory(scope=scope).create(
        tff.TensorType(np.float64, [9]), _WEIGHT_TYPE
      )

  def test_mixed_dtypes_raise_with_scope_model(self):
    mixed = [np.float64, tff.TensorType(np.float32, [9])]
    with self.assertRaisesRegex(TypeError, 'one dtype.*found float32, float64'):
      _factory().create(tff.to_type(mixed), _WEIGHT_TYPE)


class ErrorFeedbackMeanExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(
    ('with_error', None, 'model'),
    ('with_error', 4, 'model'),
    ('unsent_values', None, 'tensor'),
    ('with_error', 4, 'tensor'),
  )
  def test_without_residual_it_is_top_k(self, feedback, bits, scope):
    weights = [1.0, 3.0, 0.3]
    ours = _create(feedback, bits, scope)
    state, client_states = _first(ours, 3)
    output = ours.next(state, _values(3), weights, client_states)
    theirs = aggregators.top_k_aggregator(
      fraction=0.1, bits=bits, scope=scope
    ).create(_VALUE_TYPE, _WEIGHT_TYPE)
    expected = theirs.next(theirs.initialize(), _values(3), weights)
    for x, y in zip(output.result, expected.result, strict=True):
      self.assertEqual(x.tobytes(), y.tobytes())
    self.assertEqual(output.measurements, expected.measurements['mean_value'])

  @parameterized.parameters(
    ('with_error', None, 'model'),
    ('with_error', 4, 'model'),
    ('unsent_values', 4, 'model'),
    ('unsent_values', None, 'tensor'),
    ('with_error', 4, 'tensor'),
  )
  def test_nothing_is_lost(self, feedback, bits, scope):
    # Of one client the result is what it sent.
    aggregation = _create(feedback, bits, scope)
    state, client_states = _first(aggregation, 1)
    num_sent = 36 + 1 if scope == 'tensor' else 36  # Of 360 and 5, or 365.
    for i, weight in enumerate([1.0, 7.0, 0.3, 24.0]):
      (value,) = _values(1, seed=i)
      accumulated = _residuals(client_states)[0] + _vector(value)
      output = aggregation.next(state, [value], [weight], client_states)
      state, client_states = output.state, output.client_states
      (residual,), received = _residuals(client_states), _vector(output.result)
      is_sent = received != 0.0
      self.assertEqual(is_sent.sum(), num_sent)
      self.assertEqual(
        residual[~is_sent].tobytes(), accumulated[~is_sent].tobytes()
      )
      if feedback == 'unsent_values' or bits is None:
        self.assertAllEqual(residual[is_sent], np.zeros(num_sent))
      else:
        # Multiplied by the weight and divided again, values are rounded twice.
        self.assertAllInRange(
          np.abs(residual + received - accumulated)[is_sent]
          / np.spacing(np.maximum(np.abs(accumulated), np.abs(received)))[
            is_sent
          ],
          0.0,
          2.0,
        )
        self.assertAllGreater(np.abs(residual[is_sent]).max(), 1e-3)
      if bits is None:
        self.assertAllClose(received[is_sent], accumulated[is_sent], rtol=3e-7)

  @parameterized.parameters('unsent_values', 'with_error')
  def test_rounds_agree_with_the_paper(self, feedback):
    """Compares with numpy; clients are absent in some rounds."""
    aggregation = _create(feedback, bits=4)
    cohorts = [[0, 1, 2], [1, 3], [0, 1, 2, 3], [2], [3, 0], [0, 1, 2, 3]]
    weights = np.float32([1.0, 24.0, 0.7, 5.0])
    state = aggregation.initialize()
    kept = [np.zeros(_NUM_ALL, np.float32)] * 4
    client_states = [aggregation.initial_client_state()] * 4
    for i, cohort in enumerate(cohorts):
      values = _values(4, seed=i)
      output = aggregation.next(
        state,
        [values[c] for c in cohort],
        list(weights[cohort]),
        [client_states[c] for c in cohort],
      )
      state = output.state
      total = 0.0
      for c, client_state in zip(cohort, output.client_states, strict=True):
        client_states[c] = client_state
        accumulated = kept[c] + _vector(values[c])
        received = _decoded_largest(accumulated, 36, bits=4)
        total = total + weights[c] * received
        kept[c] = np.where(received == 0.0, accumulated, 0.0)
        if feedback == 'with_error':
          kept[c] = accumulated - received
      expected = total / weights[cohort].sum()
      self.assertAllClose(_vector(output.result), expected, atol=1e-5)
      for x, y in zip(_residuals(client_states), kept, strict=True):
        self.assertAllClose(x, y, atol=1e-5)

  def test_momentum_of_unsent_values_is_kept(self):
    aggregation = _create('momentum')
    weights = [2.0, 3.0]
    state, client_states = _first(aggregation, 2)
    velocity, accumulated = np.zeros([2, 2, _NUM_ALL], np.float32)
    for i in range(5):
      values = _values(2, seed=i)
      output = aggregation.next(state, values, weights, client_states)
      state, client_states = output.state, output.client_states
      sent = np.zeros_like(accumulated)
      for c in range(2):
        velocity[c] = np.float32(0.9) * velocity[c] + _vector(values[c])
        accumulated[c] += velocity[c]
        largest = np.argsort(-np.abs(accumulated[c]), kind='stable')[:36]
        sent[c, largest] = accumulated[c, largest]
        velocity[c, largest] = accumulated[c, largest] = 0.0
        (found,) = client_states[c]
        self.assertAllClose(found['velocity'], velocity[c], atol=1e-5)
        self.assertAllClose(found['residual'], accumulated[c], atol=1e-5)
        for kept in found.values():
          self.assertAllEqual(kept[largest], np.zeros(36))
      expected = np.average(sent, axis=0, weights=weights)
      self.assertAllClose(_vector(output.result), expected, atol=1e-5)

  @parameterized.parameters(
    ('with_error', 'model'), ('with_error', 'tensor'), ('momentum', 'model')
  )
  def test_client_without_weight_changes_nothing(self, feedback, scope):
    bits = None if feedback == 'momentum' else 4
    aggregation = _create(feedback, scope=scope, bits=bits)
    state, client_states = _first(aggregation, 2)
    values = _values(2)
    output = aggregation.next(state, values, [2.0, 1.0], client_states)
    state, client_states = output.state, output.client_states
    output = aggregation.next(state, values, [2.0, 0.0], client_states)
    for x, y in zip(
      tf.nest.flatten(output.client_states[1]),
      tf.nest.flatten(client_states[1]),
      strict=True,
    ):
      self.assertEqual(x.tobytes(), y.tobytes())
    self.assertNotAllEqual(
      *map(_residuals, (output.client_states, client_states))
    )
    alone = aggregation.next(state, values[:1], [2.0], client_states[:1])
    for x, y in zip(output.result, alone.result, strict=True):
      self.assertAllEqual(x, y)
    # Nor do rounds without any weight.
    output = aggregation.next(state, values, [0.0, 0.0], client_states)
    self.assertAllEqual(_vector(output.result), np.zeros(_NUM_ALL))
    self.assertAllEqual(*map(_residuals, (output.client_states, client_states)))

  def test_small_tensors_are_sent_whole(self):
    aggregation = _create(scope='tensor', min_elements=6, bits=2)
    state, client_states = _first(aggregation, 1)
    for i in range(2):
      values = _values(1, seed=i)
      output = aggregation.next(state, values, [2.0], client_states)
      client_states = output.client_states
      self.assertAllEqual(output.result[1], values[0][1])
      _, bias_state = client_states[0]
      self.assertAllEqual(bias_state['residual'], np.zeros(_BIAS))

  def test_small_tensors_of_any_dtype_are_sent_whole(self):
    value_type = tff.to_type(
      [tff.TensorType(np.float32, [9]), tff.TensorType(np.float64, [2])]
    )
    aggregation = _factory(scope='tensor', min_elements=3).create(
      value_type, _WEIGHT_TYPE
    )
    state, client_states = _first(aggregation, 2)
    kernel, bias = np.zeros([9], np.float32), np.float64([1.0, -1e-9])
    output = aggregation.next(
      state, [[kernel, bias], [kernel, 4 * bias]], [1.0, 2.0], client_states
    )
    self.assertEqual(output.result[1].dtype, np.float64)
    self.assertAllClose(output.result[1], 3 * bias, rtol=1e-12, atol=0.0)

  # Positions by hand: 36 of 365 in 3 low bits each and 36 + 329 // 8 high ones;
  # 36 of 360 in as many; one of 5 in 3.
  @parameterized.named_parameters(
    ('model', {}, 4 * 36 + 14 + 10),
    ('quantized', {'bits': 4}, 18 + 8 + 14 + 10),
    ('momentum', {'feedback': 'momentum'}, 4 * 36 + 14 + 10),
    (
      'tensor',
      {'feedback': 'unsent_values', 'scope': 'tensor'},
      (4 * 36 + 14 + 10) + (4 + 1),
    ),
    (
      'min_elements',
      {'scope': 'tensor', 'min_elements': 6, 'bits': 2},
      (9 + 8 + 14 + 10) + 4 * 5,
    ),
  )
  def test_both_byte_counts_equal_the_bytes_of_the_payload(
    self, kwargs, expected
  ):
    aggregation = _create(**kwargs)
    state, client_states = _first(aggregation, 3)
    output = aggregation.next(state, _values(3), [1.0, 0.0, 2.0], client_states)
    self.assertEqual(output.measurements['payload_bytes'], 3 * expected)
    # The trace includes the weight, a float32, and no client states.
    self.assertEqual(
      communication.traced_bytes(aggregation.next),
      communication.ClientBytes(uplink=expected + 4, downlink=0),
    )

  @parameterized.product(tensor=(0, 1), bad=(np.nan, np.inf))
  def test_non_finite_update_stops_the_round(self, tensor, bad):
    aggregation = _create()
    values = _values(2)
    values[1][tensor].flat[-1] = bad
    state, client_states = _first(aggregation, 2)
    with self.assertRaisesRegex(Exception, 'finite values, found NaN or Inf'):
      aggregation.next(state, values, [1.0, 1.0], client_states)

  @parameterized.parameters('with_error', 'momentum')
  def test_bounds_are_those_of_updates(self, feedback):
    """Residuals of earlier rounds are added to bounded updates."""
    bounds = options_lib.UpdateBounds(clip=2.0, zero_above=1e3)
    bounded = _factory(feedback, bounds=bounds, fraction=0.2).create(
      _VALUE_TYPE, _WEIGHT_TYPE
    )
    plain = _factory(feedback, fraction=0.2).create(_VALUE_TYPE, _WEIGHT_TYPE)
    long, short, huge = _values(3)
    short = [np.float32(1e-3) * x for x in short]
    huge = [np.float32(1e6) * x for x in huge]
    norm = np.linalg.norm(_vector(long))
    self.assertBetween(norm, 4.0, 100.0)
    clipped = [np.float32(2.0 / norm) * x for x in long]
    nothing = [np.zeros_like(x) for x in huge]
    states = [_first(aggregation, 3) for aggregation in (bounded, plain)]
    for _ in range(3):
      found, expected = (
        aggregation.next(server, values, [1.0, 2.0, 3.0], clients)
        for aggregation, values, (server, clients) in zip(
          (bounded, plain),
          ([long, short, huge], [clipped, short, nothing]),
          states,
          strict=True,
        )
      )
      np.testing.assert_allclose(
        _vector(found.result), _vector(expected.result), atol=1e-4
      )
      states = [(x.state, x.client_states) for x in (found, expected)]


if __name__ == '__main__':
  tf.test.main()
