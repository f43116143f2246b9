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
"""Execution context that the flags ask for: this machine, or workers."""

import sys

import tensorflow_federated as tff

from programs.command_line import common_flags
from programs.command_line import execution_flags
from programs.command_line import runner
from programs.network import tls_flags
from tff_methods import runtime


def set_context() -> None:
  """Sets the default context that the flags ask for.

  Raises:
    UsageError: If flags do not fit together, or no worker answers.
  """
  execution_flags.check_flags()
  if not common_flags.WORKERS.value:
    try:
      runtime.set_local_context(
        common_flags.DEVICE.value, common_flags.MAX_CONCURRENT_CLIENTS.value
      )
    except ValueError as e:
      raise runner.UsageError(str(e)) from e
    return
  addresses = common_flags.WORKERS.value
  tls_flags.check_workers(addresses)
  try:
    runtime.set_remote_context(addresses, tls_flags.channel_credentials())
    print(
      f"Runtime: TFF's C++ runtime, on {len(addresses)} workers.",
      file=sys.stderr,
    )
  except runtime.NoWorkersError as e:
    raise runner.UsageError(f'--workers: {e}') from e


def check_mergeable(comp: tff.Computation | None) -> None:
  """Raises `UsageError` if several `--workers` cannot share a computation.

  Args:
    comp: The computation; `None` is not checked.
  """
  if comp is not None and len(common_flags.WORKERS.value or []) > 1:
    try:
      runtime.check_mergeable(comp)
    except ValueError as e:
      raise runner.UsageError(f'--workers: {e}') from e
