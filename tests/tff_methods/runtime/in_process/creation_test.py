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
"""Tests for creation."""

import os
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import tensorflow as tf

from tff_methods.runtime.in_process import context
from tff_methods.runtime.in_process import creation


def _mock_machine(num_devices: int, num_cores: int):
  """Mocks the devices that TensorFlow sees, and the cores of the CPU."""
  devices = [mock.Mock(**{'name': None}) for _ in range(num_devices)]
  for i, device in enumerate(devices):
    device.name = f'/device:{i}'
  return (
    mock.patch.object(tf.config, 'list_logical_devices', return_value=devices),
    mock.patch.object(
      os, 'sched_getaffinity', return_value=set(range(num_cores))
    ),
  )


class CreationExecutionTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('one_client_more_than_cores', 'cpu', 1, 6, None, 7),
    ('each_device_is_used', 'cpu', 4, 2, None, 4),
    ('four_clients_a_gpu', 'gpu', 2, 64, None, 8),
    ('few_cores', 'gpu', 2, 3, None, 4),
    ('argument', 'gpu', 2, 64, 20, 20),
  )
  def test_number_of_clients_at_once(
    self, device, num_devices, num_cores, argument, expected
  ):
    devices, cores = _mock_machine(num_devices, num_cores)
    with (
      devices,
      cores,
      mock.patch.object(context, 'InProcessContext') as create,
    ):
      creation.create_in_process_context(device, argument)
    names = [f'/device:{i}' for i in range(num_devices)]
    create.assert_called_once_with(names, expected)

  def test_creates_contexts_on_the_cpu(self):
    sync_context = creation.create_in_process_context('cpu')
    self.assertIsInstance(sync_context, context.InProcessContext)
    self.assertEqual(sync_context.devices, ['/device:CPU:0'])
    self.assertIsInstance(
      creation.create_async_in_process_context('cpu', 1),
      context.AsyncInProcessContext,
    )

  @parameterized.parameters('tpu', 'auto')
  def test_unknown_devices_raise(self, device):
    with self.assertRaisesRegex(
      ValueError, f"'cpu' or 'gpu', found '{device}': give one of them"
    ):
      creation.create_in_process_context(device)

  def test_missing_devices_raise(self):
    devices, _ = _mock_machine(0, 1)
    with devices:
      with self.assertRaisesRegex(
        ValueError, 'Expected a GPU that TensorFlow sees, found none: install'
      ):
        creation.create_in_process_context('gpu')

  def test_no_clients_raise(self):
    with self.assertRaisesRegex(ValueError, '1 or more, found 0'):
      creation.create_in_process_context('cpu', 0)

  def test_has_gpu(self):
    for devices in ([], ['a GPU']):
      with mock.patch.object(
        tf.config, 'list_physical_devices', return_value=devices
      ) as list_devices:
        self.assertEqual(creation.has_gpu(), bool(devices))
      list_devices.assert_called_once_with('GPU')


if __name__ == '__main__':
  absltest.main()
