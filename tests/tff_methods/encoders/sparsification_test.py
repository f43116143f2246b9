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

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods.encoders import elias_fano

_X = np.random.default_rng(0).normal(size=[30, 10]).astype(np.float32)


def _encode(**kwargs):
  encoder = encoders.sparse_encoder(
    tf.TensorSpec([30, 10], tf.float32), options_lib.SparseOptions(**kwargs)
  )
  return round_trip.RoundTrip(encoder)(_X)


class SparseEncoderComputationTest(parameterized.TestCase, tf.test.TestCase):
  # 30 of 300 positions take 3 low bits each and 30 + 270 // 8 high bits: 12 and
  # 8 bytes.
  @parameterized.named_parameters(
    ('floats', None, {'values': 120, 'positions': 20}),
    ('two_bits', 2, {'values/packed': 8, 'values/range': 8, 'positions': 20}),
    ('five_bits', 5, {'values/packed': 19, 'values/range': 8, 'positions': 20}),
  )
  def test_payload(self, bits, num_bytes):
    payload, _ = _encode(fraction=0.1, bits=bits)
    self.assertEqual(
      {name: len(x.tobytes()) for name, x in payload.items()},
      {f'tensors/{name}': n for name, n in num_bytes.items()},
    )
    self.assertEqual(elias_fano.packed_size(30, 300), 20)


class SparseEncoderExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters((None, 0.0), (8, 1 / 256), (2, 1 / 4))
  def test_decodes_to_the_largest_magnitudes(self, bits, tolerance):
    _, decoded = _encode(fraction=0.1, bits=bits)
    threshold = np.sort(np.abs(_X).ravel())[-30]
    expected = np.where(np.abs(_X) >= threshold, _X, 0.0)
    self.assertAllEqual(decoded == 0.0, expected == 0.0)
    # Half of one of `2**(bits - 1)` intervals of the sent magnitudes.
    largest_error = (np.abs(_X).max() - threshold) * tolerance
    self.assertAllInRange(np.abs(decoded - expected), 0.0, largest_error + 1e-6)

  def test_fraction_of_one_is_exact(self):
    self.assertAllEqual(_encode(fraction=1.0)[1], _X)

  def test_options_of_the_model_are_not_used(self):
    payload, _ = _encode(fraction=0.1)
    other, _ = _encode(fraction=0.1, scope='tensor', min_elements=1000)
    self.assertEqual(
      {name: x.tobytes() for name, x in payload.items()},
      {name: x.tobytes() for name, x in other.items()},
    )


if __name__ == '__main__':
  tf.test.main()
