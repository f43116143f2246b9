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
"""Tests of the distribution of a quantized model."""

import asyncio
import collections
import functools
import tempfile

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods import linear_model
from tests.tff_methods.runtime import two_workers
from tff_methods import aggregators
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods import templates
from tff_methods.aggregators import sketched_update
from tff_methods.templates import sketched_distributor

_SHAPES = ((40, 30), (30,), (7,))
_NUM_LARGE = 1200  # The tensor that is quantized.


def _weights_type(non_trainable=()) -> tff.Type:
  return tff.types.to_type(
    tff.learning.models.ModelWeights(
      tuple(tff.TensorType(np.float32, shape) for shape in _SHAPES),
      tuple(non_trainable),
    )
  )


def _weights(kind: str = 'normal', seed: int = 0, non_trainable=()):
  rng = np.random.default_rng(seed)
  draw = {
    'normal': rng.standard_normal,
    'heavy_tailed': lambda shape: rng.standard_t(2, shape),
    'spike': lambda shape: np.eye(1, int(np.prod(shape))).reshape(shape),
  }[kind]
  return tff.learning.models.ModelWeights(
    tuple(draw(shape).astype(np.float32) for shape in _SHAPES),
    tuple(non_trainable),
  )


@caching.cache
def _build(weights_type=None, **kwargs):
  kwargs = {'min_elements': 100} | kwargs
  return templates.sketched_model_distributor(
    weights_type or _weights_type(), **kwargs
  )


def _run(process, weights, num_rounds=1, num_clients=2):
  """Returns the states, results and measurements of rounds."""
  state, outputs = process.initialize(), []
  next_fn = _with_clients(process)
  for _ in range(num_rounds):
    output = next_fn(state, weights, [0] * num_clients)
    state = output[0]
    outputs.append(output)
  return outputs


@functools.cache
def _with_clients(process):
  """Returns `next` with an argument that fixes the number of clients."""

  @tff.tensorflow.computation(
    process.next.type_signature.result.result.member, np.int32
  )
  def first(received, _):
    return received

  @tff.federated_computation(
    *process.next.type_signature.parameter,
    tff.FederatedType(np.int32, tff.CLIENTS),
  )
  def next_fn(state, weights, clients):
    output = process.next(state, weights)
    received = tff.federated_map(
      first, tff.federated_zip((output.result, clients))
    )
    return output.state, received, output.measurements

  return next_fn


class SketchedModelDistributorComputationTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_types(self):
    process = _build()
    weights_type = _weights_type()
    self.assertIsInstance(process, tff.learning.templates.DistributionProcess)
    signature = process.next.type_signature
    self.assertEqual(
      signature.parameter[1], tff.FederatedType(weights_type, tff.SERVER)
    )
    self.assertTrue(
      signature.result.result.is_equivalent_to(
        tff.FederatedType(weights_type, tff.CLIENTS)
      ),
      signature.result.result,
    )
    self.assertEqual(
      signature.result.measurements,
      tff.FederatedType(
        collections.OrderedDict(payload_bytes_per_client=np.int64), tff.SERVER
      ),
    )

  def test_without_bits_it_is_a_broadcast(self):
    process = _build(bits=None)
    expected = tff.learning.templates.build_broadcast_process(_weights_type())
    self.assertTrue(
      process.next.type_signature.is_equivalent_to(expected.next.type_signature)
    )

  def test_type_of_a_model(self):
    process = templates.sketched_model_distributor(
      templates.model_weights_type(linear_model.model_fn), min_elements=1
    )
    learning_process = tff.learning.algorithms.build_weighted_fed_avg(
      linear_model.model_fn,
      tff.learning.optimizers.build_sgdm(0.1),
      model_distributor=process,
    )
    self.assertIn(
      'payload_bytes_per_client',
      str(learning_process.next.type_signature.result.metrics),
    )

  @parameterized.named_parameters(
    ('bits', ValueError, {'bits': 17}),
    ('bits_type', TypeError, {'bits': '8'}),
    ('eden', ValueError, {'rotation': False}),
    ('quantizer', ValueError, {'quantizer': 'best'}),
    ('min_elements', ValueError, {'min_elements': -1}),
  )
  def test_refuses(self, error, kwargs):
    with self.assertRaisesRegex(error, '^Expected '):
      _build(**kwargs)


class SketchedModelDistributorExecutionTest(
  parameterized.TestCase, tf.test.TestCase
):
  @parameterized.product(
    bits=(1, 4, 8), quantizer=('eden', 'uniform'), kind=('normal', 'spike')
  )
  def test_clients_receive_one_model_near_the_server_s(
    self, bits, quantizer, kind
  ):
    weights = _weights(kind)
    ((_, received, measurements),) = _run(
      _build(bits=bits, quantizer=quantizer), weights
    )
    first, second = (r.trainable for r in received)
    for x, y, exact in zip(first, second, weights.trainable, strict=True):
      self.assertAllEqual(x, y)
      self.assertEqual(np.asarray(x).dtype, exact.dtype)
    for x, exact in zip(first[1:], weights.trainable[1:], strict=True):
      self.assertAllEqual(x, exact)  # Small.
    error = np.square(first[0] - weights.trainable[0]).sum()
    relative = error / np.square(weights.trainable[0]).sum()
    # Errors of EDEN: its docstring. A uniform quantizer of b bits has steps of
    # the range over 2^b - 1; 1,200 normal values span less than 8 deviations.
    bound = {1: 0.75, 4: 0.013, 8: 8e-5}[bits]
    if quantizer == 'uniform':
      bound = (8 / (2**bits - 1)) ** 2 / 4 * 1.2
    self.assertLess(relative, bound)
    # Codes, a scale or a range, a key or two, and the small tensors.
    num_bytes = int(measurements['payload_bytes_per_client'])
    self.assertBetween(
      num_bytes - (_NUM_LARGE * bits // 8 + 4 * (30 + 7)), 4, 40
    )

  @parameterized.parameters('eden', 'uniform')
  def test_bytes_are_those_of_the_trace(self, quantizer):
    process = _build(quantizer=quantizer, bits=3)
    ((_, _, measurements),) = _run(process, _weights())
    next_fn = _with_clients(process)
    self.assertEqual(
      communication.traced_bytes(next_fn).downlink,
      measurements['payload_bytes_per_client'],
    )

  @parameterized.parameters('normal', 'heavy_tailed')
  def test_uniform_is_unbiased_over_rounds(self, kind):
    num_rounds = 60
    weights = _weights(kind)
    exact = weights.trainable[0]
    outputs = _run(
      _build(bits=2, quantizer='uniform'), weights, num_rounds, num_clients=1
    )
    received = np.array([output[1][0].trainable[0] for output in outputs])
    self.assertNotAllEqual(received[0], received[1])
    deviation = received.std(axis=0) / num_rounds**0.5
    z = (received.mean(axis=0) - exact) / deviation
    # 1,200 values of Student's t with 59 degrees of freedom: the largest is
    # above 5.5 once in 950 tests.
    self.assertLess(np.abs(z).max(), 5.5)
    self.assertBetween(np.square(z).mean(), 0.8, 1.2)

  @parameterized.parameters('normal', 'heavy_tailed', 'spike')
  def test_eden_has_the_bias_that_it_states(self, kind):
    num_rounds = 60
    weights = _weights(kind)
    exact = weights.trainable[0]
    outputs = _run(_build(bits=2), weights, num_rounds, num_clients=1)
    received = np.array([output[1][0].trainable[0] for output in outputs])
    squared_error = np.square(received - exact).sum(axis=(1, 2)).mean()
    # The squared norm of the mean error has the variance of the mean on top.
    mean_error = np.square(received.mean(axis=0) - exact).sum()
    squared_bias = mean_error - squared_error / num_rounds
    limit = 0.01 if kind != 'spike' else 0.1
    self.assertLess(squared_bias, limit * squared_error)

  def test_rounds_and_seeds_differ_and_repeat(self):
    weights = _weights()
    first, second = _run(_build(bits=2), weights, num_rounds=2)
    again, _ = _run(_build.__wrapped__(bits=2), weights, num_rounds=2)
    (other,) = _run(_build(bits=2, base_seed=1), weights)
    arrays = [
      np.asarray(output[1][0].trainable[0])
      for output in (first, second, again, other)
    ]
    self.assertEqual(arrays[0].tobytes(), arrays[2].tobytes())
    self.assertNotEqual(arrays[0].tobytes(), arrays[1].tobytes())
    self.assertNotEqual(arrays[0].tobytes(), arrays[3].tobytes())

  def test_draws_do_not_depend_on_the_weights(self):
    process = _build(bits=1, rotation=False, quantizer='uniform')
    weights = _weights()
    other = weights._replace(
      trainable=(
        np.nextafter(weights.trainable[0], np.float32(0.0)),
        *weights.trainable[1:],
      )
    )
    found, near = (
      _run(process, w)[0][1][0].trainable[0] for w in (weights, other)
    )
    # A last bit hardly ever changes the side to which a value is rounded.
    self.assertLess(np.mean(abs(found - near) > 1e-3), 0.01)

  def test_other_dtypes_and_non_trainable_weights(self):
    non_trainable_types = (
      tff.TensorType(np.int32, (300,)),
      tff.TensorType(np.float32, (300,)),
    )
    non_trainable = (
      np.arange(300, dtype=np.int32),
      np.linspace(-1, 1, 300).astype(np.float32),
    )
    ((_, received, _),) = _run(
      _build(_weights_type(non_trainable_types)),
      _weights(non_trainable=non_trainable),
    )
    integers, floats = received[0].non_trainable
    self.assertAllEqual(integers, non_trainable[0])
    self.assertNotAllEqual(floats, non_trainable[1])
    self.assertAllClose(floats, non_trainable[1], atol=0.03)

  # Below 1e-38, TensorFlow's kernels flush values to zero.
  @parameterized.parameters(1e-36, 1e-20, 1e20, 1e37)
  def test_magnitudes(self, scale):
    weights = _weights()
    scaled = tff.learning.models.ModelWeights(
      tuple((x * np.float32(scale)) for x in weights.trainable), ()
    )
    ((_, received, _),) = _run(_build(), scaled)
    self.assertAllClose(
      np.asarray(received[0].trainable[0], np.float64) / scale,
      np.asarray(scaled.trainable[0], np.float64) / scale,
      atol=0.05,
    )

  @parameterized.parameters(np.nan, np.inf)
  def test_weights_that_are_not_finite(self, value):
    weights = _weights()
    weights.trainable[1][3] = value
    with self.assertRaisesRegex(
      Exception, r'Expected finite weights, found NaN or Inf in weight tensor 1'
    ):
      _run(_build(), weights)


class UpdatesOfTheDecodedModelTest(tf.test.TestCase):
  """Uplink and downlink with the same options and the same seed."""

  def test_rotation_is_not_that_of_the_updates(self):
    x = tf.constant(_weights().trainable[0])
    spec = tf.TensorSpec(x.shape)
    signs = []
    for encoder in (
      sketched_distributor.build_encoder(
        spec, 0, options_lib.DownlinkOptions(bits=1)
      ),
      sketched_update.sketch_encoder_fn(options_lib.SketchOptions(bits=1))(
        spec, 0
      ),
    ):
      params, _, _ = encoder.get_params(encoder.initial_state())
      packed, _ = sorted(
        tf.nest.flatten(encoder.encode(x, params)[0]),
        key=lambda x: -x.shape.num_elements(),
      )
      signs.append(np.unpackbits(packed.numpy()))
    # Independent signs: 600 of 1,200 in the mean, with a deviation of 17.
    self.assertBetween((signs[0] == signs[1]).sum(), 500, 700)

  # The update of a client near its optimum is mostly the error of the downlink,
  # which is not normal in the downlink's rotation: there, 1 bit would keep 0.65
  # of the step to the optimum.
  def test_step_to_the_optimum_is_unbiased(self):
    num_rounds = 60
    weights_type = tff.types.to_type(
      tff.learning.models.ModelWeights(
        (tff.TensorType(np.float32, (1200,)),), ()
      )
    )
    rng = np.random.default_rng(0)
    model, step = rng.standard_normal([2, 1200]).astype(np.float32)
    step *= 0.1
    initialize, next_fn = _build_round_trip(weights_type)
    state, shares = initialize(), []
    for _ in range(num_rounds):
      state, update, decoded = next_fn(
        state, _model(model), [_model(model + step)]
      )
      error = decoded[0] - update[0]
      shares.append(1 + error @ step / (step @ step))
    deviation = np.std(shares) / num_rounds**0.5
    self.assertBetween(deviation, 0.01, 0.05)
    self.assertAlmostEqual(np.mean(shares), 1, delta=4 * deviation)


def _model(x):
  return tff.learning.models.ModelWeights((x,), ())


def _build_round_trip(weights_type):
  """Returns `initialize` and `next` of distributor and aggregator, 1 bit each.

  Args:
    weights_type: Type of the model.

  Returns:
    `next: <S@SERVER, W@SERVER, {W}@CLIENTS> -> <S, update, decoded update>`,
    with the optima of the clients, which send their difference to them.
  """
  distributor = templates.sketched_model_distributor(weights_type, bits=1)
  aggregator = aggregators.sketched_update_aggregator(bits=1).create(
    weights_type.trainable, tff.TensorType(np.float32)
  )

  @tff.tensorflow.computation(weights_type, weights_type)
  def train(model, optimum):
    update = tf.nest.map_structure(
      tf.subtract, optimum.trainable, model.trainable
    )
    return update, 1.0

  @tff.federated_computation
  def initialize():
    return tff.federated_zip(
      (distributor.initialize(), aggregator.initialize())
    )

  @tff.federated_computation(
    initialize.type_signature.result,
    tff.FederatedType(weights_type, tff.SERVER),
    tff.FederatedType(weights_type, tff.CLIENTS),
  )
  def next_fn(state, model, optima):
    sent = distributor.next(state[0], model)
    update, weight = tff.federated_map(train, (sent.result, optima))
    output = aggregator.next(state[1], update, weight)
    return (
      tff.federated_zip((sent.state, output.state)),
      tff.federated_mean(update),
      output.result,
    )

  return initialize, next_fn


class QuantizedTrainingExecutionTest(tf.test.TestCase):
  @staticmethod
  @caching.cache
  def _build(**downlink):
    return algorithms.build_sketched_update_fed_avg(
      linear_model.model_fn,
      tff.learning.optimizers.build_sgdm(0.1),
      options=options_lib.SketchOptions(bits=None),
      model_distributor=(
        options_lib.DownlinkOptions(min_elements=10, **downlink)
        if downlink
        else None
      ),
    )

  def _train(self, process, state=None):
    """Returns the state, and the bytes of the weights, after two rounds."""
    state = process.initialize() if state is None else state
    # Of two clients, whose sum is the same in any order.
    clients = linear_model.datasets(num_clients=2)
    for _ in range(2):
      state = process.next(state, clients).state
    weights = process.get_model_weights(state).trainable
    return state, [np.asarray(x).tobytes() for x in weights]

  def test_without_bits_the_weights_are_those_of_a_broadcast(self):
    _, expected = self._train(self._build())
    self.assertEqual(self._train(self._build(bits=None))[1], expected)
    self.assertNotEqual(self._train(self._build(bits=4))[1], expected)

  def test_one_and_several_workers_agree(self):
    process, results = self._build(bits=2), []
    for context in (
      runtime.create_local_context(),
      two_workers.create_context(),
    ):
      with tff.framework.get_context_stack().install(context):
        results.append(self._train(process)[1])
    self.assertEqual(*results)

  def test_resumes_from_a_checkpoint_with_the_same_bits(self):
    process = self._build(bits=2)
    state, _ = self._train(process)
    _, expected = self._train(process, state)
    with tempfile.TemporaryDirectory() as directory:
      manager = tff.program.FileProgramStateManager(directory)
      asyncio.run(manager.save(state, 2))
      loaded = asyncio.run(manager.load(2, process.initialize()))
    self.assertEqual(self._train(process, loaded)[1], expected)


if __name__ == '__main__':
  tff.backends.native.set_sync_local_cpp_execution_context()
  tf.test.main()
