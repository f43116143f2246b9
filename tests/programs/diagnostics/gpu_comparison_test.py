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
"""Tests for gpu_comparison, without a GPU."""

from unittest import mock

from absl.testing import absltest
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from programs.diagnostics import gpu_comparison
from tests.tff_methods import linear_model
from tff_methods import runtime


class GpuNamesTest(absltest.TestCase):
  def test_names_each_gpu(self):
    with (
      mock.patch.object(
        tf.config, 'list_physical_devices', return_value=['a', 'b']
      ),
      mock.patch.object(
        tf.config.experimental,
        'get_device_details',
        side_effect=[{'device_name': 'Fast'}, {}],
      ),
    ):
      self.assertEqual(gpu_comparison.gpu_names(), ['Fast', 'unknown'])


class CompareTest(absltest.TestCase):
  @pytest.mark.slow
  def test_compares_two_contexts(self):
    workload = linear_model.model_fn, linear_model.datasets()
    reference = runtime.create_in_process_context('cpu', 1)
    rows, is_equal = gpu_comparison.compare(
      reference, runtime.create_in_process_context('cpu', 2), workload, 1
    )
    self.assertTrue(is_equal)
    self.assertSetEqual({row[-1] for row in rows}, {'equal'})
    # One context adds up like the other.
    self.assertSetEqual({row[1] for row in rows}, {'0.0e+00'})

  @pytest.mark.slow
  def test_finds_different_weights(self):
    class Wrong(tff.framework.SyncContext):
      def __init__(self):
        self._context = runtime.create_in_process_context('cpu', 1)

      def invoke(self, comp, arg):
        result = self._context.invoke(comp, arg)
        return tf.nest.map_structure(
          lambda x: x * np.float32(1.01) if x.dtype == 'float32' else x, result
        )

    workload = linear_model.model_fn, linear_model.datasets()
    with mock.patch.object(gpu_comparison, 'build_processes') as build:
      build.side_effect = lambda model_fn: {
        'process': (
          tff.learning.algorithms.build_weighted_fed_avg(
            model_fn, tff.learning.optimizers.build_sgdm(0.1)
          ),
          1e-3,
        )
      }
      rows, is_equal = gpu_comparison.compare(
        runtime.create_in_process_context('cpu', 1), Wrong(), workload, 1
      )
    self.assertFalse(is_equal)
    self.assertRegex(rows[0][-1], 'DIFFERS by more than 1e-03')


if __name__ == '__main__':
  absltest.main()
