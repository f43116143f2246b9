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
"""Simulation of secure sums, in the clear."""

import functools

from absl import logging
import tensorflow_federated as tff

# TFF has no public name for it.
from tensorflow_federated.python.core.backends.test import (
  compiler as test_compiler,
)

_PREFIX = 'federated_secure_'


def simulate(
  comp: tff.framework.ConcreteComputation,
) -> tff.framework.ConcreteComputation:
  """Replaces secure intrinsics by sums and selections with the same results.

  TFF's runtimes cannot run secure intrinsics, which need clients on other
  machines and a cryptographic protocol. The first computation that has some is
  a warning in the log, once in a process.

  Args:
    comp: A computation.

  Returns:
    The computation itself, if it has no secure intrinsics.
  """
  if not _has_secure_intrinsics(comp.to_building_block()):
    return comp
  _warn()
  simulated = test_compiler.replace_secure_intrinsics_with_bodies(comp)
  # The replacement drops the Python containers of results.
  return tff.framework.ConcreteComputation.with_type(
    simulated, comp.type_signature
  )


def simulate_in_block(
  block: tff.framework.ComputationBuildingBlock,
) -> tff.framework.ComputationBuildingBlock:
  """Replaces secure intrinsics of a computation; see `simulate`.

  Args:
    block: A computation.

  Returns:
    The block itself, if it has no secure intrinsics.
  """
  if not _has_secure_intrinsics(block):
    return block
  comp = tff.framework.ConcreteComputation.from_building_block(block)
  return simulate(comp).to_building_block()


@functools.cache
def _warn() -> None:
  logging.warning(
    'Secure sums are simulated: the server adds the values of clients in the '
    'clear, so nothing is hidden from it.'
  )


def _has_secure_intrinsics(
  block: tff.framework.ComputationBuildingBlock,
) -> bool:
  found = False

  def visit(block):
    nonlocal found
    if isinstance(block, tff.framework.Intrinsic):
      found = found or block.uri.startswith(_PREFIX)
    return block, False

  tff.framework.transform_preorder(block, visit)
  return found
