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

from unittest import mock

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders
from tff_methods.encoders import tensor_encoding


class _Scale(encoders.Stage):
  """Divides by a factor, and sends the quotient and a constant."""

  name = 'scale'
  compressible_tensors_keys = ['quotient']

  def __init__(self, factor):
    self._factor = factor

  def encode(self, x, encode_params):
    return {'quotient': x / self._factor, 'mark': tf.constant(7, tf.uint8)}, {}

  def decode(
    self, encoded_tensors, decode_params, num_summands=None, shape=None
  ):
    return encoded_tensors['quotient'] * self._factor


class _Noise(encoders.SeededStage):
  """Sends the key of the round along."""

  name = 'noise'

  def encode(self, x, encode_params):
    return {'x': x, 'key': encode_params['key']}, {}

  def decode(
    self, encoded_tensors, decode_params, num_summands=None, shape=None
  ):
    return encoded_tensors['x']


class _ClientNoise(encoders.ClientSeededStage):
  """Sends the key of the client along."""

  name = 'client_noise'

  def encode(self, x, encode_params):
    return {'x': x, 'key': self.client_key(x, encode_params)}, {}

  def decode(
    self, encoded_tensors, decode_params, num_summands=None, shape=None
  ):
    return encoded_tensors['x']


class _OtherNoise(_Noise):
  name = 'other_noise'


class ChainTest(tf.test.TestCase):
  def test_each_stage_encodes_a_tensor_of_its_predecessor(self):
    stages = [
      (_Scale(2.0), 'quotient'),
      (_Scale(4.0), 'quotient'),
      (_Scale(8.0), ''),
    ]
    payload, decoded = round_trip.of_stages(stages, [3])([64.0, 128.0, 0.0])
    path = 'tensors/quotient/quotient'
    self.assertAllEqual(payload[f'{path}/quotient'], [1.0, 2.0, 0.0])
    self.assertCountEqual(
      payload,
      [
        f'{path}/quotient',
        f'{path}/mark',
        'tensors/quotient/mark',
        'tensors/mark',
      ],
    )
    self.assertAllEqual(decoded, [64.0, 128.0, 0.0])

  def test_encodes_zeros_once(self):
    with mock.patch.object(
      _Scale, 'encode', autospec=True, side_effect=_Scale.encode
    ) as encode:
      stages = [(_Scale(2.0), 'quotient'), (_Scale(4.0), '')]
      encoder = encoders.chain(stages, tf.TensorSpec([2]))
      self.assertEqual(encode.call_count, len(stages))
      params, _, _ = encoder.get_params(encoder.initial_state())
      self.assertEqual(encode.call_count, len(stages))
      for _ in range(2):
        payload, _ = encoder.encode(tf.constant([8.0, 16.0]), params)
        self.assertAllEqual(payload['tensors/quotient/quotient'], [1.0, 2.0])
    self.assertEqual(encode.call_count, 3 * len(stages))

  def test_no_stages_send_the_value(self):
    for dtype in (tf.float32, tf.int64, tf.float64):
      spec = tf.TensorSpec([2, 3], dtype)
      encoder = encoders.chain([], spec)
      self.assertEqual(encoder.input_tensorspec, spec)
      x = tf.cast([[1, 2, 3], [4, 5, 6]], dtype)
      payload, _ = encoder.encode(x, encoder.get_params()[0])
      (sent,) = payload.values()
      self.assertEqual(sent.dtype, dtype)
      self.assertAllEqual(sent, x)


class StageTest(tf.test.TestCase):
  def test_stages_without_encode_and_decode_are_abstract(self):
    class Incomplete(encoders.Stage):
      name = 'incomplete'

    with self.assertRaisesRegex(TypeError, 'abstract methods? decode, encode'):
      Incomplete()


class SeededStageTest(tf.test.TestCase):
  def test_round_advances_and_draws_a_new_key(self):
    stage = _Noise((3,))
    state = stage.initial_state()
    keys = []
    for round_num in range(3):
      self.assertEqual(state['round'], round_num)
      keys.append(tuple(stage.get_params(state)[0]['key'].numpy()))
      state = stage.update_state(state, {})
    self.assertLen(set(keys), 3)

  def test_stages_of_another_name_or_seed_have_other_keys(self):
    keys = [
      tuple(stage.get_params(stage.initial_state())[0]['key'].numpy())
      for stage in (_Noise((3,)), _Noise((3,)), _OtherNoise((3,)), _Noise((4,)))
    ]
    self.assertEqual(keys[0], keys[1])
    self.assertLen(set(keys), 3)


class ClientSeededStageTest(parameterized.TestCase, tf.test.TestCase):
  def test_draws_from_the_value_without_a_salt(self):
    x = np.linspace(-1.0, 1.0, 20, dtype=np.float32)
    self.assertEqual(_client_key(x), _client_key(x))
    self.assertNotEqual(_client_key(x), _client_key(_last_bit_changed(x)))

  def test_draws_from_the_salt_alone(self):
    x = np.linspace(-1.0, 1.0, 20, dtype=np.float32)
    key = _client_key(x, [3, 4])
    self.assertEqual(key, _client_key(_last_bit_changed(x), [3, 4]))
    self.assertNotEqual(key, _client_key(x, [3, 5]))
    self.assertNotEqual(key, _client_key(x, [4, 4]))

  def test_a_salt_reaches_the_inner_stages(self):
    stages = [(_Scale(2.0), 'quotient'), (_ClientNoise([0]), '')]
    encoder = encoders.chain(stages, tf.TensorSpec([3]))
    params, _, _ = encoder.get_params()
    found = encoders.encode_with_salt(
      encoder, tf.ones([3]), params, tf.constant([3, 4])
    )
    self.assertEqual(
      tuple(found['tensors/quotient/key'].numpy()),
      _client_key(np.ones(3, np.float32), [3, 4]),
    )

  def test_a_salt_does_not_outlast_its_encoding(self):
    x = np.ones(3, np.float32)
    before = _client_key(x)
    _client_key(x, [3, 4])
    self.assertEqual(_client_key(x), before)

  def test_entropy_ignores_the_salt(self):
    x = np.ones(3, np.float32)
    keys = {_client_key(x, [3, 4], 'entropy') for _ in range(3)}
    self.assertLen(keys, 3)


def _client_key(x, salt=None, seed_source='reproducible'):
  encoder = encoders.chain(
    [(_ClientNoise([0], seed_source), '')], tf.TensorSpec(x.shape)
  )
  params, _, _ = encoder.get_params()
  if salt is not None:
    salt = tf.constant(salt)
  found = encoders.encode_with_salt(encoder, tf.constant(x), params, salt)
  return tuple(found['tensors/key'].numpy())


def _last_bit_changed(x):
  return np.append(x[:-1], np.nextafter(x[-1], np.float32(2.0)))


class EncodeWithKeyTest(tf.test.TestCase):
  def test_decodes_with_the_same_key_alone(self):
    stages = [
      (encoders.RotationStage((0,)), 'rotated'),
      (encoders.SubsamplingStage(0.5, (0,)), 'values'),
      (encoders.UniformQuantizationStage(16, (0,)), ''),
    ]
    encoder = encoders.chain(stages, tf.TensorSpec([40], tf.float32))
    x = tf.constant(np.random.default_rng(0).normal(size=40), tf.float32)
    errors = []
    decoded = []
    for key in ([1, 2], [1, 2], [1, 3]):
      encoded = encoders.encode_with_key(encoder, x, tf.constant(key))
      decoded.append(
        encoders.decode_with_key(encoder, encoded, tf.constant(key)).numpy()
      )
      errors.append(np.linalg.norm(decoded[-1] - x) / np.linalg.norm(x))
    self.assertAllEqual(decoded[0], decoded[1])
    self.assertNotAllEqual(decoded[0], decoded[2])
    # Half of the coordinates, doubled: an error as large as the value.
    self.assertAllInRange(errors, 0.7, 1.3)
    wrong = encoders.decode_with_key(encoder, encoded, tf.constant([9, 9]))
    self.assertNotAllClose(wrong, decoded[2], atol=0.1)

  def test_encoders_without_randomness_need_no_key(self):
    encoder = encoders.chain(
      [(_Scale(2.0), '')], tf.TensorSpec([2], tf.float32)
    )
    x, key = tf.constant([1.0, 3.0]), tf.constant([0, 0])
    encoded = encoders.encode_with_key(encoder, x, key)
    self.assertAllEqual(encoders.decode_with_key(encoder, encoded, key), x)


class MapInSequenceTest(tf.test.TestCase):
  def test_maps_structures(self):
    results = encoders.map_in_sequence(
      lambda pair, factor: pair['a'] * factor + pair['b'],
      [{'a': tf.constant(i), 'b': tf.constant(1)} for i in range(3)],
      (10, 20, 30),
    )
    self.assertAllEqual(results, [1, 21, 61])

  def test_each_waits_for_the_result_before_it(self):
    @tf.function
    def run(x, y):
      return encoders.map_in_sequence(tf.exp, [x, y])

    graph = run.get_concrete_function(*[tf.TensorSpec([], tf.float32)] * 2)
    first, second = (
      op for op in graph.graph.get_operations() if op.type == 'Exp'
    )
    (identity,) = (x.op for x in second.inputs)
    self.assertIn(first, identity.control_inputs)

  def test_sequences_of_other_lengths_raise(self):
    with self.assertRaisesRegex(ValueError, 'shorter than'):
      encoders.map_in_sequence(tf.add, [tf.constant(1), tf.constant(2)], [1])


class NumElementsTest(parameterized.TestCase):
  @parameterized.parameters(
    ([], 1), ([0], 0), ([2, 3], 6), ([70000, 70000], 49 * 10**8)
  )
  def test_counts(self, shape, expected):
    self.assertEqual(tensor_encoding.num_elements(shape), expected)


class TensorEncodingExecutionTest(tf.test.TestCase):
  def test_chain_sums_in_the_aggregator_of_tff(self):
    factory = tff.aggregators.EncodedSumFactory(
      lambda spec: encoders.chain(
        [(_Noise((0,)), '')] if spec.shape.rank else [], spec
      )
    )
    process = factory.create(
      tff.to_type([tff.TensorType(np.float32, [2]), np.float32])
    )
    values = [[np.array([1, 2], np.float32), 5.0]] * 3
    output = process.next(process.initialize(), values)
    self.assertAllEqual(output.result[0], [3.0, 6.0])
    self.assertEqual(output.result[1], 15.0)


if __name__ == '__main__':
  tf.test.main()
