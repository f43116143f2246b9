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

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff
from tensorflow_model_optimization.python.core.internal import tensor_encoding
import tensorflow_privacy

from tff_methods import aggregators
from tff_methods import encoders
from tff_methods import options as options_lib

_VALUE_TYPE = tff.to_type(
  collections.OrderedDict(
    kernel=tff.TensorType(np.float32, [6, 5]), bias=tff.TensorType(np.float32)
  )
)


def _spec_encoder(spec):
  """Returns an encoder with params of each kind that an aggregator handles.

  They are those of the encoding, and of the decoding before and after the sum.
  """
  if not spec.shape.rank:
    return encoders.identity_encoder(spec)
  stages = [
    (encoders.RotationStage([3]), 'rotated'),
    (encoders.UniformQuantizationStage(9, [3]), ''),
  ]
  return encoders.chain(stages, spec)


def _library_encoder(spec, index):
  del index  # Unused.
  return tensor_encoding.encoders.as_gather_encoder(
    tensor_encoding.encoders.uniform_quantization(8), spec
  )


def _values(num_clients=3):
  rng = np.random.default_rng(0)
  return [
    collections.OrderedDict(
      kernel=rng.normal(size=[6, 5]).astype(np.float32),
      bias=np.float32(rng.normal()),
    )
    for _ in range(num_clients)
  ]


class EncodedSumFactoryComputationTest(tf.test.TestCase):
  def test_type_signature(self):
    factory = aggregators.EncodedSumFactory(lambda s, i: _spec_encoder(s))
    process = factory.create(_VALUE_TYPE)
    self.assertIsInstance(process, tff.templates.AggregationProcess)
    state_type = tff.FederatedType(((), (np.int32, np.int32)), tff.SERVER)
    # The order of tf.nest.flatten: bias, kernel.
    self.assertEqual(
      str(process.initialize.type_signature), f'( -> {state_type})'
    )
    expected = tff.FunctionType(
      collections.OrderedDict(
        state=state_type, value=tff.FederatedType(_VALUE_TYPE, tff.CLIENTS)
      ),
      tff.templates.MeasuredProcessOutput(
        state_type,
        tff.FederatedType(_VALUE_TYPE, tff.SERVER),
        tff.FederatedType(
          collections.OrderedDict(payload_bytes=np.int64), tff.SERVER
        ),
      ),
    )
    self.assertTrue(process.next.type_signature.is_equivalent_to(expected))

  def test_encoders_know_their_index(self):
    seen = []

    def encoder_fn(spec, index):
      seen.append((index, spec.shape.rank))
      return encoders.identity_encoder(spec)

    aggregators.EncodedSumFactory(encoder_fn).create(_VALUE_TYPE)
    self.assertEqual(seen, [(0, 0), (1, 2)])

  def test_encoders_that_adapt_to_clients_raise(self):
    class Adaptive(encoders.Stage):
      name = 'adaptive'
      state_update_aggregation_modes = {
        'x': tensor_encoding.core.StateAggregationMode.SUM
      }

      def encode(self, x, encode_params):
        return {'x': x}, {'x': tf.reduce_sum(x)}

      def decode(self, encoded_tensors, *args, **kwargs):
        return encoded_tensors['x']

    factory = aggregators.EncodedSumFactory(
      lambda spec, index: encoders.chain([(Adaptive(), '')], spec)
    )
    with self.assertRaisesRegex(TypeError, 'use tff.aggregators.EncodedSum'):
      factory.create(_VALUE_TYPE)


class EncodedSumFactoryExecutionTest(tf.test.TestCase):
  def test_result_and_state_equal_those_of_tff(self):
    ours = aggregators.EncodedSumFactory(lambda s, i: _spec_encoder(s)).create(
      _VALUE_TYPE
    )
    theirs = tff.aggregators.EncodedSumFactory(_spec_encoder).create(
      _VALUE_TYPE
    )
    our_state, their_state = ours.initialize(), theirs.initialize()
    for _ in range(2):
      our_output = ours.next(our_state, _values())
      their_output = theirs.next(their_state, _values())
      self.assertAllEqual(
        our_output.result['kernel'], their_output.result['kernel']
      )
      self.assertAllEqual(
        our_output.result['bias'], their_output.result['bias']
      )
      our_state, their_state = our_output.state, their_output.state
    self.assertEqual(our_state, ((), (2, 2)))

  def test_counts_the_bytes_of_all_clients(self):
    process = aggregators.EncodedSumFactory(
      lambda s, i: _spec_encoder(s)
    ).create(_VALUE_TYPE)
    output = process.next(process.initialize(), _values(num_clients=5))
    # 30 codes of 9 bits are 34 bytes; a range of two floats; one bias.
    self.assertEqual(output.measurements['payload_bytes'], 5 * (34 + 8 + 4))

  def test_takes_encoders_of_tensor_encoding(self):
    process = aggregators.EncodedSumFactory(_library_encoder).create(
      _VALUE_TYPE
    )
    output = process.next(process.initialize(), _values())
    self.assertAllClose(
      output.result['kernel'],
      sum(value['kernel'] for value in _values()),
      atol=0.05,
    )

  def test_contractive_stages_keep_the_clip_of_a_private_sum(self):
    kernel = 100.0 * np.random.default_rng(0).normal(size=[6, 5])
    norms = {}
    for scale in ('contractive', 'unbiased'):
      process = _private_sum(scale)
      output = process.next(process.initialize(), [kernel.astype(np.float32)])
      norms[scale] = np.linalg.norm(output.result.astype(np.float64))
    self.assertLessEqual(norms['contractive'], 1.0)
    self.assertGreater(norms['contractive'], 0.1)
    self.assertGreater(norms['unbiased'], 2.0)


def _private_sum(scale):
  """Returns TFF's sum of values clipped to 1, without noise, of an encoder."""
  options = options_lib.SketchOptions(bits=1, fraction=0.125)
  factory = tff.aggregators.DifferentiallyPrivateFactory(
    tensorflow_privacy.GaussianSumQuery(l2_norm_clip=1.0, stddev=0.0),
    aggregators.EncodedSumFactory(
      lambda spec, _: encoders.sketch_encoder(spec, options, (0,), scale)
    ),
  )
  return factory.create(tff.TensorType(np.float32, [6, 5]))


if __name__ == '__main__':
  tf.test.main()
