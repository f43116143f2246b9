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
from tensorflow_model_optimization.python.core.internal import tensor_encoding

from tff_methods import communication
from tff_methods import encoders
from tff_methods import options as options_lib

_SPEC = tf.TensorSpec([13, 10], tf.float32)


def _encode(encoder):
  encode_params, before_sum, _ = encoder.get_params()
  x = tf.constant(np.random.default_rng(0).normal(size=[13, 10]), tf.float32)
  payload, _ = encoder.encode(x, encode_params)
  return tf.nest.flatten((payload, before_sum))


def _sketch(**kwargs):
  return encoders.sketch_encoder(
    _SPEC, options_lib.SketchOptions(**kwargs), seed=(0,)
  )


class PayloadTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('eden', lambda: _sketch()),
    ('uniform', lambda: _sketch(bits=5, quantizer='uniform')),
    ('subsampled', lambda: _sketch(fraction=0.1)),
    ('floats', lambda: _sketch(bits=None, fraction=0.3, rotation=False)),
    ('identity', lambda: encoders.identity_encoder(_SPEC)),
    (
      'tensorflow_model_optimization',
      lambda: tensor_encoding.encoders.as_gather_encoder(
        tensor_encoding.encoders.hadamard_quantization(8), _SPEC
      ),
    ),
  )
  def test_bytes_are_those_of_encoded_values(self, build):
    encoder = build()
    produced = sum(len(x.numpy().tobytes()) for x in _encode(encoder))
    self.assertEqual(communication.payload_bytes(encoder), produced)

  def test_names_are_paths(self):
    self.assertEqual(
      dict(communication.payload_spec(_sketch(fraction=0.1))),
      {
        'tensors/rotated/key': tf.TensorSpec([2], tf.int32),
        'tensors/rotated/values/packed': tf.TensorSpec([4], tf.uint8),
        'tensors/rotated/values/scale': tf.TensorSpec([], tf.float32),
      },
    )

  def test_unknown_sizes_raise(self):
    class NonZeros(encoders.Stage):
      name = 'non_zeros'

      def encode(self, x, encode_params):
        return {'indices': tf.where(x > 0)}, {}

      def decode(self, encoded_tensors, *args, shape=None, **kwargs):
        return tf.zeros([13, 10])

    encoder = encoders.chain([(NonZeros(), '')], _SPEC)
    with self.assertRaisesRegex(ValueError, 'static size, found .*indices'):
      communication.payload_bytes(encoder)


if __name__ == '__main__':
  tf.test.main()
