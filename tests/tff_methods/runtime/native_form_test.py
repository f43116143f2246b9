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
"""Tests for native_form."""

import re

from absl.testing import absltest
from absl.testing import parameterized
import jax
import numpy as np
import tensorflow_federated as tff
from tensorflow_federated.python.core.backends.native import compiler

from tests.tff_methods import linear_model
from tests.tff_methods import row_models
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods.runtime import native_form

_SGD = tff.learning.optimizers.build_sgdm(0.1)
_AT_CLIENTS = tff.FederatedType(np.float32, tff.CLIENTS)


def _sketched_round() -> tff.Computation:
  return algorithms.build_sketched_update_fed_avg(
    linear_model.model_fn, _SGD
  ).next


def _select_round() -> tff.Computation:
  return algorithms.build_fed_ss(
    row_models.row_model(),
    _SGD,
    options=options_lib.FedSsOptions(num_sampled_classes=4),
  ).next


@tff.tensorflow.computation(np.float32)
def _increment(x):
  return x + 1


@tff.federated_computation(_AT_CLIENTS)
def _mean(values):
  return tff.federated_mean(tff.federated_map(_increment, values))


@tff.jax.computation(np.float32)
def _increment_by_jax(x):
  return jax.numpy.add(x, 1)


@tff.federated_computation(_AT_CLIENTS)
def _sum_by_jax(values):
  return tff.federated_sum(tff.federated_map(_increment_by_jax, values))


@tff.federated_computation(tff.FederatedType(np.int32, tff.CLIENTS))
def _secure_sum(values):
  return tff.federated_secure_sum(values, 10)


def _bytes(comp: tff.framework.ConcreteComputation) -> bytes:
  """Returns the serialized proto, without the random prefix of local names."""
  serialized = tff.framework.serialize_computation(comp).SerializeToString(
    deterministic=True
  )
  return re.sub(rb'_[a-z]{3}(?=\d)', b'_', serialized)


class NativeFormTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('sketched_update', _sketched_round),
    ('select', _select_round),
    ('mean', lambda: _mean),
    ('tensorflow', lambda: _increment),
    ('jax', lambda: _sum_by_jax),
  )
  def test_is_that_of_tff(self, build):
    comp = build()
    expected, found = (
      _bytes(compile_fn(comp))
      for compile_fn in (
        compiler.desugar_and_transform_to_native,
        native_form.compile_computation,
      )
    )
    self.assertTrue(found == expected)  # `assertEqual` would print megabytes.

  def test_secure_sums_are_simulated(self):
    found = native_form.compile_computation(_secure_sum)
    tff.test.assert_not_contains_secure_aggregation(found)
    self.assertEqual(found([1, 2]), 3)


if __name__ == '__main__':
  absltest.main()
