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

import math

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders
from tff_methods import options as options_lib

_SPEC = tf.TensorSpec([20, 10], tf.float32)
_X = np.random.default_rng(0).normal(size=[20, 10]).astype(np.float32)


def _encode(options, x=_X, seed=(0,), round_num=0):
  """Returns the payload, by name, and the decoded value."""
  encoder = encoders.sketch_encoder(_SPEC, options, seed)
  state = tuple(tf.constant(round_num) for _ in encoder.initial_state())
  encode_params, before_sum, after_sum = encoder.get_params(state)
  payload, _ = encoder.encode(tf.constant(x), encode_params)
  part = encoder.decode_before_sum(payload, before_sum)
  decoded = encoder.decode_after_sum(part, after_sum, 1)
  return {k: v.numpy() for k, v in payload.items()}, decoded.numpy()


class SketchEncoderComputationTest(parameterized.TestCase, tf.test.TestCase):
  # Without quantization and subsampling there is no rotation.
  @parameterized.named_parameters(
    ('nothing', {'bits': None}, []),
    ('eden', {}, ['rotated/packed', 'rotated/scale']),
    ('uniform', {'quantizer': 'uniform'}, ['rotated/packed', 'rotated/range']),
    (
      'uniform_without_rotation',
      {'quantizer': 'uniform', 'rotation': False},
      ['packed', 'range'],
    ),
    (
      'subsampling_without_rotation',
      {'bits': None, 'fraction': 0.5, 'rotation': False},
      ['key', 'values'],
    ),
    (
      'all',
      {'fraction': 0.5},
      ['rotated/key', 'rotated/values/packed', 'rotated/values/scale'],
    ),
    (
      'client_rotation',
      {'shared_rotation': False},
      ['key', 'values/packed', 'values/scale'],
    ),
    (
      'client_rotation_and_subsampling',
      {'shared_rotation': False, 'fraction': 0.5, 'quantizer': 'uniform'},
      ['key', 'values/packed', 'values/range'],
    ),
  )
  def test_stages_of_options(self, kwargs, names):
    payload, _ = _encode(options_lib.SketchOptions(**kwargs))
    expected = [f'tensors/{name}' for name in names]
    self.assertCountEqual(payload, expected or ['tensors/identity_values'])

  def test_other_dtypes_raise(self):
    with self.assertRaisesRegex(
      TypeError, 'float32 values to sketch, found float64: cast the model'
    ):
      encoders.sketch_encoder(
        tf.TensorSpec([9], tf.float64), options_lib.SketchOptions(), (0,)
      )


class SketchEncoderExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.product(
    bits=(None, 1, 3, 16), fraction=(0.07, 1.0), quantizer=('eden', 'uniform')
  )
  def test_payload_is_of_the_least_size(self, bits, fraction, quantizer):
    options = options_lib.SketchOptions(
      bits=bits, fraction=fraction, quantizer=quantizer
    )
    payload, _ = _encode(options)
    num_values = 14 if fraction < 1.0 else 200
    key = 8 if fraction < 1.0 else 0
    levels = 0 if bits is None else {'eden': 4, 'uniform': 8}[quantizer]
    self.assertEqual(
      sum(len(x.tobytes()) for x in payload.values()),
      math.ceil(num_values * (bits or 32) / 8) + levels + key,
    )

  @parameterized.product(
    quantizer=('eden', 'uniform'), shared_rotation=(True, False)
  )
  def test_sixteen_bits_decode_to_the_value(self, quantizer, shared_rotation):
    options = options_lib.SketchOptions(
      bits=16, quantizer=quantizer, shared_rotation=shared_rotation
    )
    _, decoded = _encode(options)
    self.assertAllClose(decoded, _X, atol=0.02)

  def test_no_compression_is_exact(self):
    _, decoded = _encode(options_lib.SketchOptions(bits=None))
    self.assertAllEqual(decoded, _X)

  def test_rotation_lowers_the_error_of_unbalanced_values(self):
    x = _X.copy()
    x[3, 4] = 50.0
    errors = []
    for rotation in (True, False):
      options = options_lib.SketchOptions(
        bits=2, quantizer='uniform', rotation=rotation
      )
      errors.append(round_trip.squared_error(_encode(options, x)[1], x))
    self.assertLess(errors[0], errors[1] / 4)

  def test_seeds_and_rounds_draw_differently(self):
    options = options_lib.SketchOptions(bits=1, fraction=0.5)
    runs = [((0,), 0), ((0,), 0), ((1,), 0), ((0,), 1)]
    first, again, *others = (
      _encode(options, _X, seed, round_num)[1].tobytes()
      for seed, round_num in runs
    )
    self.assertEqual(first, again)
    self.assertLen({first, *others}, 3)

  def test_options_of_the_model_are_not_used(self):
    runs = [
      _encode(options_lib.SketchOptions(**kwargs))
      for kwargs in ({}, {'base_seed': 7, 'min_elements': 1000})
    ]
    self.assertAllEqual(runs[0][1], runs[1][1])
    self.assertEqual(
      {name: x.tobytes() for name, x in runs[0][0].items()},
      {name: x.tobytes() for name, x in runs[1][0].items()},
    )


if __name__ == '__main__':
  tf.test.main()
