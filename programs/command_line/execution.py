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
"""Where programs run computations: on this machine, or on others."""

import sys

import tensorflow_federated as tff

from programs.command_line import common_flags
from programs.command_line import runner
from programs.network import tls_flags
from tff_methods import runtime


def check_flags() -> None:
  """Raises `UsageError` if the flags do not go together."""
  if common_flags.WORKERS.value:
    for flag in (common_flags.DEVICE, common_flags.MAX_CONCURRENT_CLIENTS):
      runner.refuse_given(flag, common_flags.WORKERS)
    tls_flags.are_given()
    try:
      runtime.check_addresses(common_flags.WORKERS.value)
    except ValueError as e:
      raise runner.UsageError(f'--workers: {e}') from e
  elif tls_flags.are_given():
    raise runner.UsageError(
      'Expected --workers with --tls_cert, found none; leave out both to run '
      'on this machine.'
    )


def set_context() -> None:
  """Sets the context that the flags ask for.

  Raises:
    UsageError: If the flags do not go together, or no worker answers.
  """
  check_flags()
  if not common_flags.WORKERS.value:
    try:
      runtime.set_local_context(
        common_flags.DEVICE.value, common_flags.MAX_CONCURRENT_CLIENTS.value
      )
    except ValueError as e:
      raise runner.UsageError(str(e)) from e
    return
  addresses = common_flags.WORKERS.value
  try:
    runtime.set_remote_context(addresses, tls_flags.channel_credentials())
    print(
      f"Runtime: TFF's C++ runtime, on {len(addresses)} workers.",
      file=sys.stderr,
    )
  except runtime.NoWorkersError as e:
    raise runner.UsageError(f'--workers: {e}') from e


def check_mergeable(comp: tff.Computation) -> None:
  """Raises `UsageError` if --workers cannot share the computation."""
  if len(common_flags.WORKERS.value or []) > 1:
    try:
      runtime.check_mergeable(comp)
    except ValueError as e:
      raise runner.UsageError(f'--workers: {e}') from e
