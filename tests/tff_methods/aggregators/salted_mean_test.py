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
"""Tests of the mean of values that are encoded with salts."""

import collections

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods.aggregators import salted_mean
from tff_methods.aggregators import sketched_update
from tff_methods.aggregators import ternary_update
from tff_methods.common import seeds

_WEIGHT_TYPE = tff.TensorType(np.float32)
_WEIGHTS = [1.0, 3.0, 0.5]
_SKETCHES = (
  # Without rotation, the weighted value is what the pluggable aggregator draws
  # from.
  ('subsampled', dict(bits=None, fraction=0.25, rotation=False)),
  ('uniform', dict(bits=2, quantizer='uniform', rotation=False)),
)


def _salted_type(value_type):
  return tff.to_type(
    collections.OrderedDict(
      salt=tff.TensorType(np.int32, [2]), value=value_type
    )
  )


def _create(options, value_type):
  if isinstance(options, options_lib.TernGradOptions):
    encoder_fn = ternary_update.ternary_encoder_fn(options)
  else:
    encoder_fn = sketched_update.sketch_encoder_fn(options)
  return salted_mean.SaltedMeanFactory(
    encoder_fn, min_elements=options.min_elements
  ).create(_salted_type(value_type), _WEIGHT_TYPE)


def _values(num_values=200):
  rng = np.random.default_rng(0)
  return [rng.normal(size=num_values).astype(np.float32) for _ in _WEIGHTS]


def _salts(values):
  """Returns the salts of the pluggable aggregators."""
  return [
    seeds.client_salt(tf.constant(np.float32(w) * x), 'reproducible').numpy()
    for x, w in zip(values, _WEIGHTS, strict=True)
  ]


def _run(process, values, salts, num_rounds=1):
  state, results = process.initialize(), []
  clients = [
    collections.OrderedDict(salt=salt, value=value)
    for value, salt in zip(values, salts, strict=True)
  ]
  for _ in range(num_rounds):
    output = process.next(state, clients, _WEIGHTS)
    state = output.state
    results.append(output.result)
  return results, output.measurements


class SaltedMeanFactoryComputationTest(tf.test.TestCase):
  def test_types_are_those_of_the_pluggable_aggregator(self):
    value_type = tff.to_type(
      [tff.TensorType(np.float32, [20, 30]), tff.TensorType(np.float32, [7])]
    )
    salted = _create(options_lib.SketchOptions(fraction=0.5), value_type)
    plain = aggregators.sketched_update_aggregator(fraction=0.5).create(
      value_type, _WEIGHT_TYPE
    )
    self.assertEqual(
      salted.next.type_signature.result, plain.next.type_signature.result
    )
    self.assertEqual(
      salted.initialize.type_signature, plain.initialize.type_signature
    )
    self.assertEqual(
      communication.traced_bytes(salted.next),
      communication.traced_bytes(plain.next),
    )

  def test_other_dtypes_raise(self):
    with self.assertRaisesRegex(TypeError, 'float32 values to encode.*float64'):
      _create(options_lib.SketchOptions(), tff.TensorType(np.float64, [1000]))
    with self.assertRaisesRegex(TypeError, 'int32'):
      _create(options_lib.SketchOptions(), tff.TensorType(np.int32, [1000]))


class SaltedMeanFactoryExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(*_SKETCHES)
  def test_equals_the_pluggable_aggregator_with_equal_salts(self, kwargs):
    kwargs = dict(min_elements=10, base_seed=3) | kwargs
    values = _values()
    value_type = tff.TensorType(np.float32, [200])
    (found,), measurements = _run(
      _create(options_lib.SketchOptions(**kwargs), value_type),
      values,
      _salts(values),
    )
    plain = aggregators.sketched_update_aggregator(**kwargs).create(
      value_type, _WEIGHT_TYPE
    )
    expected = plain.next(plain.initialize(), values, _WEIGHTS)
    self.assertEqual(found.tobytes(), expected.result.tobytes())
    self.assertEqual(measurements, expected.measurements)

  def test_ternary_equals_the_pluggable_aggregator_with_equal_salts(self):
    values, value_type = _values(), tff.TensorType(np.float32, [200])
    options = options_lib.TernGradOptions(min_elements=10)
    (found,), _ = _run(_create(options, value_type), values, _salts(values))
    plain = aggregators.ternary_aggregator(
      min_elements=10, clip_factor=options.clip_factor
    ).create(value_type, _WEIGHT_TYPE)
    expected = plain.next(plain.initialize(), values, _WEIGHTS)
    self.assertEqual(found.tobytes(), expected.result.tobytes())

  def test_draws_follow_from_salt_and_round_alone(self):
    process = _create(
      options_lib.SketchOptions(
        bits=None, fraction=0.05, rotation=False, min_elements=10
      ),
      tff.TensorType(np.float32, [200]),
    )
    values, salts = _values(), [[1, 2], [3, 4], [5, 6]]
    first, second = _run(process, values, salts, num_rounds=2)[0]
    near = [np.nextafter(x, np.float32(9.0)) for x in values]
    ((of_near,), _) = _run(process, near, salts)
    self.assertAllEqual(first != 0, of_near != 0)
    self.assertAllClose(first, of_near, rtol=1e-5)
    self.assertNotAllEqual(first != 0, second != 0)
    ((of_others,), _) = _run(process, values, [[1, 2], [3, 4], [5, 7]])
    self.assertNotAllEqual(first != 0, of_others != 0)
    # 10 of 200 values of each client, with equal salts the same ones.
    ((of_equal,), _) = _run(process, values, [[1, 2]] * 3)
    self.assertEqual(np.sum(of_equal != 0), 10)

  def test_without_weight_the_mean_is_zero(self):
    process = _create(
      options_lib.SketchOptions(min_elements=10),
      tff.TensorType(np.float32, [200]),
    )
    client = collections.OrderedDict(salt=[1, 2], value=_values()[0])
    output = process.next(process.initialize(), [client], [0.0])
    self.assertAllEqual(output.result, np.zeros(200))


if __name__ == '__main__':
  tf.test.main()
