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

from tff_methods import communication
from tff_methods.aggregators import decoded_mean

_WEIGHT_TYPE = tff.TensorType(np.float32)
_VALUE_TYPE = tff.TensorType(np.float32, [3])


@tff.tensorflow.computation(_VALUE_TYPE)
def _encode(value):
  """Encodes a value as its largest magnitude, and `int8` parts of it."""
  scale = tf.reduce_max(tf.abs(value))
  return collections.OrderedDict(
    codes=tf.cast(tf.round(value / scale * 100.0), tf.int8), scale=scale
  )


def _decode(payload):
  return tf.cast(payload['codes'], tf.float32) / 100.0 * payload['scale']


def _build():
  return decoded_mean.build_decoded_mean(
    _WEIGHT_TYPE,
    _encode,
    zero=lambda: (tf.zeros([3]), tf.zeros([])),
    add=lambda sums, payload, weight: (
      sums[0] + weight * _decode(payload),
      sums[1] + weight,
    ),
    mean=lambda sums: {'mean': tf.math.divide_no_nan(*sums)},
  )


# Multiples of a hundredth of the largest magnitude: encoded without loss.
_VALUES = [
  np.float32([1.0, -0.5, 0.25]),
  np.float32([-20.0, 10.0, 0.2]),
  np.float32([0.0, 4.0, -3.0]),
]


class BuildDecodedMeanComputationTest(tf.test.TestCase):
  def test_type_signature(self):
    process = _build()
    self.assertIsInstance(process, tff.templates.AggregationProcess)
    self.assertTrue(process.is_weighted)
    server_state_type = tff.FederatedType((), tff.SERVER)
    expected = tff.FunctionType(
      collections.OrderedDict(
        state=server_state_type,
        value=tff.FederatedType(_VALUE_TYPE, tff.CLIENTS),
        weight=tff.FederatedType(_WEIGHT_TYPE, tff.CLIENTS),
      ),
      tff.templates.MeasuredProcessOutput(
        server_state_type,
        tff.FederatedType(
          collections.OrderedDict(mean=_VALUE_TYPE), tff.SERVER
        ),
        tff.FederatedType(
          collections.OrderedDict(payload_bytes=np.int64), tff.SERVER
        ),
      ),
    )
    self.assertTrue(process.next.type_signature.is_equivalent_to(expected))

  def test_trace_sends_payload_and_weight(self):
    self.assertEqual(
      communication.traced_bytes(_build().next),
      communication.ClientBytes(uplink=(3 + 4) + 4, downlink=0),
    )


class BuildDecodedMeanExecutionTest(tf.test.TestCase):
  def test_result_is_the_weighted_mean_of_decoded_values(self):
    process, weights = _build(), [1.0, 0.5, 2.5]
    output = process.next(process.initialize(), _VALUES, weights)
    self.assertAllClose(
      output.result['mean'], np.average(_VALUES, axis=0, weights=weights)
    )
    self.assertEqual(output.measurements['payload_bytes'], 3 * (3 + 4))

  def test_without_weight_mean_is_called_with_zero_sums(self):
    process = _build()
    output = process.next(process.initialize(), _VALUES, [0.0] * 3)
    self.assertAllEqual(output.result['mean'], np.zeros(3))
    self.assertEqual(output.measurements['payload_bytes'], 3 * (3 + 4))


if __name__ == '__main__':
  tf.test.main()
