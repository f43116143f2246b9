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

from tff_methods import aggregators
from tff_methods import options as options_lib

_KEYS = np.array([[1, 4, 6], [6, 0, -1]], np.int32)
_NUM_ROWS, _ROW_SIZE = 8, 200
_VALUE_TYPE = tff.StructType(
  [
    ('keys', tff.TensorType(np.int32, [3])),
    ('values', tff.TensorType(np.float32, [3, _ROW_SIZE])),
  ]
)
_WEIGHT_TYPE = tff.TensorType(np.float32)
_WEIGHTS = [1.0, 3.0]


def _run(values, **kwargs):
  factory = aggregators.sketched_rows_aggregator(
    _NUM_ROWS, options_lib.SketchOptions(**kwargs)
  )
  process = factory.create(_VALUE_TYPE, _WEIGHT_TYPE)
  return process.next(
    process.initialize(),
    [
      collections.OrderedDict(keys=k, values=v)
      for k, v in zip(_KEYS, values, strict=True)
    ],
    _WEIGHTS,
  )


class SketchedRowsComputationTest(tf.test.TestCase):
  def test_bad_arguments(self):
    with self.assertRaisesRegex(TypeError, 'SketchOptions, found int: make'):
      aggregators.sketched_rows_aggregator(8, 4)
    with self.assertRaisesRegex(ValueError, 'num_rows of at least 1, found 0'):
      aggregators.sketched_rows_aggregator(0, options_lib.SketchOptions())


class SketchedRowsExecutionTest(tf.test.TestCase):
  def test_few_bits_estimate_the_mean(self):
    values = np.random.default_rng(0).normal(size=[2, 3, _ROW_SIZE])
    values = values.astype(np.float32)
    mean = np.zeros([_NUM_ROWS, _ROW_SIZE])
    for keys, rows, weight in zip(_KEYS, values, _WEIGHTS, strict=True):
      for key, row in zip(keys, rows, strict=True):
        if key >= 0:
          mean[key] += weight * row / sum(_WEIGHTS)
    bytes_of_bits = {}
    for bits, error in ((4, 0.12), (12, 0.001)):
      found = _run(values, bits=bits)
      relative = np.linalg.norm(found.result - mean) / np.linalg.norm(mean)
      self.assertLess(relative, error)
      bytes_of_bits[bits] = int(found.measurements['payload_bytes'])
    # 8 bits of each of the rows' numbers, for two clients.
    self.assertEqual(bytes_of_bits[12] - bytes_of_bits[4], 2 * 3 * _ROW_SIZE)


if __name__ == '__main__':
  tf.test.main()
