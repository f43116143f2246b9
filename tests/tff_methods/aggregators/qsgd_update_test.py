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
import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import communication

_VALUE_TYPE = tff.to_type(
  [tff.TensorType(np.float32, (33, 11)), tff.TensorType(np.float32, (5,))]
)
_PAYLOAD = int(np.ceil(363 * 4 / 8)) + 4 + 4 * 5


class QsgdAggregatorTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters(
    ({'bits': 1}, ValueError, 'bits of at least 2, .*found 1'),
    ({'bucket_size': 0.5}, TypeError, 'to be an int, found float'),
    ({'norm': 'l1'}, ValueError, "found 'l1'"),
    ({'weighted': 'yes'}, TypeError, 'weighted to be True or False'),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      aggregators.qsgd_aggregator(**kwargs)

  def test_mean_and_bytes_on_arrival_and_in_the_trace(self):
    rng = np.random.default_rng(0)
    values = [
      [rng.normal(size=s).astype(np.float32) for s in ((33, 11), (5,))]
      for _ in range(3)
    ]
    process = aggregators.qsgd_aggregator(weighted=False).create(_VALUE_TYPE)
    output = process.next(process.initialize(), values)
    self.assertEqual(
      output.measurements['mean_value']['payload_bytes'], 3 * _PAYLOAD
    )
    # Without weights, the number of clients is counted at the server.
    self.assertBetween(
      communication.traced_bytes(process.next).uplink, _PAYLOAD, _PAYLOAD + 4
    )
    step = max(np.abs(v[0]).max() for v in values) / 7
    mean = np.mean([v[0] for v in values], axis=0)
    self.assertAllInRange(np.abs(output.result[0] - mean), 0.0, step)
    self.assertAllClose(
      output.result[1], np.mean([v[1] for v in values], axis=0), rtol=1e-5
    )


if __name__ == '__main__':
  tf.test.main()
