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
"""Tests for client_rotation."""

from absl.testing import parameterized
import numpy as np
import scipy.linalg
import tensorflow as tf

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders

_LENGTH = 256
_X = np.random.default_rng(0).standard_t(3, [4, _LENGTH // 4]).astype('f')


def _stage(**kwargs):
  return encoders.ClientRotationStage((0,), **kwargs)


def _round_trip(**kwargs):
  return round_trip.of_stages([(_stage(**kwargs), '')], _X.shape)


def _encode(salt, stage=None):
  """Returns the payload of a client in the first round."""
  encoder = encoders.chain([(stage or _stage(), '')], tf.TensorSpec(_X.shape))
  encode_params, _, _ = encoder.get_params(encoder.initial_state())
  payload = encoders.encode_with_salt(
    encoder, tf.constant(_X), encode_params, tf.constant(salt)
  )
  return {name: x.numpy() for name, x in payload.items()}


class ClientRotationStageTest(parameterized.TestCase, tf.test.TestCase):
  def test_values_are_a_hadamard_matrix_times_signed_values(self):
    payload, decoded = _round_trip()(_X)
    matrix = scipy.linalg.hadamard(_LENGTH) / np.sqrt(_LENGTH)
    signed = matrix @ payload['tensors/values']
    self.assertAllClose(np.abs(signed), np.abs(_X.flat), atol=1e-4)
    # Fair signs: five standard errors.
    self.assertLess(abs(np.sign(signed * _X.ravel()).sum()), 5 * _LENGTH**0.5)
    self.assertAllClose(decoded, _X, atol=1e-4)

  def test_payload_is_the_values_and_one_key(self):
    for fraction, num_values in ((1.0, _LENGTH), (0.1, 26)):
      payload, _ = _round_trip(fraction=fraction)(_X)
      self.assertEqual(
        {name: (x.dtype, x.shape) for name, x in payload.items()},
        {
          'tensors/values': (np.float32, (num_values,)),
          'tensors/key': (np.int32, (2,)),
        },
      )

  def test_subsampled_values_are_those_of_the_rotation(self):
    whole, some = (
      _encode([1, 2], _stage(fraction=fraction)) for fraction in (1.0, 0.25)
    )
    self.assertAllEqual(whole['tensors/key'], some['tensors/key'])
    # One of each run of four.
    runs = whole['tensors/values'].reshape([-1, 4])
    found = runs == some['tensors/values'][:, np.newaxis]
    self.assertAllEqual(found.sum(axis=1), np.ones(_LENGTH // 4))
    # At random: each of four places within five standard errors.
    self.assertAllInRange(found.sum(axis=0), 0, 16 + 5 * (64 * 3 / 16) ** 0.5)

  def test_subsampling_is_unbiased(self):
    decoded = _round_trip(fraction=0.25).many(_X, num_rounds=2000)
    mean_error = round_trip.squared_error(decoded.mean(axis=0), _X)
    # Each value is kept with probability 1/4: an error of 3 times the norm.
    self.assertBetween(mean_error * 2000, 2.5, 3.5)

  def test_clients_and_rounds_rotate_differently(self):
    runs = [_encode(salt) for salt in ([1, 2], [1, 2], [1, 3])]
    first, again, other = (x['tensors/values'].tobytes() for x in runs)
    self.assertEqual(first, again)
    self.assertNotEqual(first, other)
    trip = _round_trip()
    keys = {trip(_X, i)[0]['tensors/key'].tobytes() for i in (0, 1)}
    self.assertLen(keys, 2)

  def test_entropy_rotates_anew(self):
    stage = _stage(seed_source='entropy')
    keys = {_encode([1, 2], stage)['tensors/key'].tobytes() for _ in range(2)}
    self.assertLen(keys, 2)

  def test_empty_tensor_round_trips(self):
    trip = round_trip.of_stages([(_stage(fraction=0.5), '')], [0, 3])
    _, decoded = trip(np.zeros([0, 3]))
    self.assertEqual(decoded.shape, (0, 3))

  @parameterized.parameters(np.nan, np.inf)
  def test_non_finite_raises_when_run(self, value):
    x = _X.copy()
    x[1, 2] = value
    with self.assertRaisesRegex(
      tf.errors.InvalidArgumentError, 'finite values, found NaN or Inf'
    ):
      _round_trip(fraction=0.5)(x)

  @parameterized.parameters(
    ({'fraction': 0.0}, r'fraction in \(0, 1\], found 0.0'),
    ({'seed_source': 'time'}, "found 'time'"),
    ({'scale': 'short'}, "scale to be one of .*'short'"),
  )
  def test_bad_values_raise(self, kwargs, message):
    with self.assertRaisesRegex(ValueError, message):
      _stage(**kwargs)


if __name__ == '__main__':
  tf.test.main()
