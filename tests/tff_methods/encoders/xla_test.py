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
"""Tests that encoders compile with XLA, which fuses their passes on a GPU."""

from absl.testing import parameterized
import numpy as np
import tensorflow as tf

from tests.tff_methods.encoders import round_trip
from tff_methods import encoders
from tff_methods import options as options_lib

# Other primes than two, and a rest that a window mixes in.
_SHAPE = (67, 31)


def _sketch(**options) -> encoders.GatherEncoder:
  return encoders.sketch_encoder(
    tf.TensorSpec(_SHAPE), options_lib.SketchOptions(**options), seed=(3,)
  )


def _stage(stage: encoders.Stage) -> encoders.GatherEncoder:
  return encoders.chain([(stage, '')], tf.TensorSpec(_SHAPE))


_ENCODERS = (
  ('eden_1_bit', _sketch(bits=1)),
  ('eden_3_bits', _sketch(bits=3)),
  ('eden_8_bits', _sketch(bits=8)),
  ('hierarchical', _stage(encoders.HierarchicalQuantizationStage(4))),
)


class XlaTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(*_ENCODERS)
  def test_round_trip_compiles(self, encoder):
    run = round_trip.RoundTrip(encoder)._round_trip
    x = tf.constant(np.random.default_rng(0).standard_t(5, _SHAPE), tf.float32)
    payload, decoded = tf.function(run, autograph=False, jit_compile=True)(
      x, tf.constant(7)
    )
    expected_payload, expected = run(x, tf.constant(7))
    tf.nest.map_structure(
      lambda a, b: self.assertEqual((a.shape, a.dtype), (b.shape, b.dtype)),
      payload,
      expected_payload,
    )
    # Rounding differs where XLA fuses, so a few values get the next code. Other
    # random numbers would give most values another one.
    difference = np.linalg.norm(decoded - expected) / np.linalg.norm(expected)
    self.assertLess(difference, 0.02)


if __name__ == '__main__':
  tf.test.main()
