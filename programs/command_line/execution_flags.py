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
"""Checks of the flags of the runtime; no TensorFlow."""

from programs.command_line import common_flags
from programs.command_line import runner
from programs.network import tls_flags
from tff_methods.common import worker_addresses


def check_flags() -> None:
  """Raises `UsageError` if flags of the runtime do not fit together."""
  if common_flags.WORKERS.value:
    for flag in (common_flags.DEVICE, common_flags.MAX_CONCURRENT_CLIENTS):
      runner.refuse_given(flag, common_flags.WORKERS)
    tls_flags.check_flags()
    try:
      worker_addresses.check_addresses(common_flags.WORKERS.value)
    except ValueError as e:
      raise runner.UsageError(f'--workers: {e}') from e
  elif tls_flags.are_given():
    raise runner.UsageError(
      'Expected --workers with --tls_cert, found none; leave out both to run '
      'on this machine.'
    )


def runtime_name() -> str:
  """Returns the runtime that the flags ask for, as run directories note it."""
  if common_flags.WORKERS.value:
    return 'workers'
  return f'device {common_flags.DEVICE.value}'
