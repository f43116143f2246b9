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
"""Learning processes, built from a task and flags."""

import tensorflow_federated as tff

from programs.methods import method_flags
from programs.methods import registry
from programs.training import optimizers


def build_process(
  task: tff.simulation.baselines.BaselineTask, choice: method_flags.Choice
) -> registry.Process:
  """Builds the process of a method, with the optimizers of the flags.

  Args:
    task: Task that the method can train, see `registry.Method.check_task`.
    choice: Method, its options, and its downlink.
  """
  return registry.METHODS[choice.name].build(
    task,
    optimizers.build_client_optimizer(),
    optimizers.build_server_optimizer(),
    choice.options,
    choice.downlink,
    **optimizers.client_weighting(),
  )
