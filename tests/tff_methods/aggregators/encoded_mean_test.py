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

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods.aggregators import encoded_mean

_VALUE_TYPE = tff.to_type(
  collections.OrderedDict(
    bias=tff.TensorType(np.float64, [2]),
    kernel=tff.TensorType(np.float32, [5, 8]),
  )
)
_WEIGHT_TYPE = tff.TensorType(np.float32)


def _one_bit_encoder(spec, index):
  """Returns an encoder of a bit per value: minimum or maximum of the tensor."""
  del index  # Unused.
  return encoders.chain([(encoders.UniformQuantizationStage(1, [0]), '')], spec)


def _factory(min_elements=3, weighted=True):
  return encoded_mean.encoded_mean_factory(
    _one_bit_encoder, min_elements=min_elements, weighted=weighted
  )


def _values():
  """Returns values of two clients that one bit encodes without loss."""
  rng = np.random.default_rng(0)
  return [
    collections.OrderedDict(
      bias=rng.normal(size=[2]),
      kernel=rng.choice(np.float32([-1.0, scale]), size=[5, 8]),
    )
    for scale in (0.5, 3.0)
  ]


class SkipSmallTensorsComputationTest(parameterized.TestCase, tf.test.TestCase):
  def test_encoder_fn_is_called_for_other_tensors_only(self):
    seen = []

    def encoder_fn(spec, index):
      seen.append((spec, index))
      return encoders.identity_encoder(spec)

    skipping = encoded_mean.skip_small_tensors(encoder_fn, 10)
    specs = [
      tf.TensorSpec([9], tf.float32),
      tf.TensorSpec([2, 5], tf.float32),
      tf.TensorSpec([3], tf.int32),
      tf.TensorSpec([11], tf.float32),
    ]
    for i, spec in enumerate(specs):
      self.assertIsInstance(skipping(spec, i), encoders.GatherEncoder)
    self.assertEqual(seen, [(specs[1], 1), (specs[3], 3)])

  def test_other_dtypes_raise(self):
    skipping = encoded_mean.skip_small_tensors(_one_bit_encoder, 3)
    with self.assertRaisesRegex(
      TypeError,
      '^Expected float32 values to encode, found float64: cast the model.$',
    ):
      skipping(tf.TensorSpec([3], tf.float64), 0)

  @parameterized.parameters(
    (-1, ValueError, 'min_elements of at least 0, found -1: raise it'),
    (2.5, TypeError, 'min_elements to be an int, found float'),
  )
  def test_bad_min_elements_raise(self, min_elements, error, message):
    with self.assertRaisesRegex(error, f'^Expected {message}.$'):
      encoded_mean.skip_small_tensors(_one_bit_encoder, min_elements)


class EncodedMeanFactoryComputationTest(tf.test.TestCase):
  def test_is_weighted_or_not(self):
    self.assertIsInstance(
      _factory(), tff.aggregators.WeightedAggregationFactory
    )
    self.assertIsInstance(
      _factory(weighted=False), tff.aggregators.UnweightedAggregationFactory
    )

  def test_other_dtypes_raise_when_created(self):
    with self.assertRaisesRegex(TypeError, 'found float64'):
      _factory(min_elements=2).create(_VALUE_TYPE, _WEIGHT_TYPE)


class EncodedMeanFactoryExecutionTest(tf.test.TestCase):
  def test_weighted_mean_and_its_bytes(self):
    process = _factory().create(_VALUE_TYPE, _WEIGHT_TYPE)
    output = process.next(process.initialize(), _values(), [1.0, 3.0])
    for name, tensor in output.result.items():
      self.assertAllClose(
        tensor,
        np.average([v[name] for v in _values()], axis=0, weights=[1.0, 3.0]),
      )
    # Two float64; 40 bits and their range.
    self.assertEqual(
      output.measurements['mean_value']['payload_bytes'],
      2 * (2 * 8 + 5 + 8),
    )
    output = process.next(output.state, _values(), [0.0, 0.0])
    for tensor in output.result.values():
      self.assertAllEqual(tensor, np.zeros_like(tensor))

  def test_unweighted_mean(self):
    process = _factory(weighted=False).create(_VALUE_TYPE)
    output = process.next(process.initialize(), _values())
    for name, tensor in output.result.items():
      self.assertAllClose(tensor, np.mean([v[name] for v in _values()], axis=0))


if __name__ == '__main__':
  tf.test.main()
