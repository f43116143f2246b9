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
"""`MapReduceForm`: what client and server of a process compute, apart.

Cross-device platforms run a round as TFF's `MapReduceForm`: the server prepares
what it broadcasts, each client works, payloads are accumulated, merged and
reported, and the server updates its state.
"""

import json
import os
import shutil
import tempfile

import tensorflow_federated as tff

from tff_methods.common import argument_checks
from tff_methods.deployment import graphs

SIGNATURES = 'signatures.json'
_SECURE_SUMS = (
  'secure_sum_bitwidth',
  'secure_sum_max_input',
  'secure_modular_sum_modulus',
)
# Attributes of the form, by the side that computes them.
_PARTS = {
  'client': ('work',),
  'server': (
    *('prepare', 'zero', 'accumulate', 'merge', 'report', 'update'),
    *_SECURE_SUMS,
  ),
}
_OF_SECURE_SUMS = frozenset(f'server/{name}' for name in _SECURE_SUMS)


def build_map_reduce_form(
  process: tff.templates.IterativeProcess,
) -> tff.backends.mapreduce.MapReduceForm:
  """Builds the `MapReduceForm` of a process.

  Args:
    process: A process whose `next` has the type `(<S@SERVER, {T}@CLIENTS> ->
      <S@SERVER, U@SERVER>)`, as the learning processes of this library and of
      TFF have.

  Returns:
    The form.

  Raises:
    ValueError: If the form cannot express the process: clients keep states
      between rounds, or request keys by `federated_select`, or the server
      broadcasts what it aggregated in the same round.
  """
  num_arguments = len(process.next.type_signature.parameter)
  if num_arguments != 2:
    raise ValueError(
      'Expected a process whose `next` takes two arguments, state and client '
      f'data, found {num_arguments}: MapReduceForm has no place for states '
      'that clients keep. Use a method without client states.'
    )
  if _has_select(process.next):
    raise ValueError(
      'Expected a process without `federated_select`, found one: MapReduceForm '
      "has broadcasts only. Use `retrieval_mode='broadcast'`, which sends all "
      'rows, if the method has it.'
    )
  try:
    return tff.backends.mapreduce.get_map_reduce_form_for_computation(
      process.next
    )
  except ValueError as e:
    if 'broadcast dependent on aggregate' not in str(e):
      raise
    raise ValueError(
      'Expected a process that broadcasts before it aggregates, found a '
      'broadcast of an aggregate: MapReduceForm has no place for a second '
      'exchange. Use a method without one, such as TernGrad without '
      '`share_scale`.'
    ) from e


def write_map_reduce_form(
  process: tff.templates.IterativeProcess, directory: str
) -> None:
  """Writes the graphs of a process, and their signatures, to a directory.

  A file `client/work.pb` and files `server/*.pb` have a serialized `GraphDef`
  each; `server/initialize.pb` gives the first state. `signatures.json` has a
  signature for each path: see `graphs`. Files `server/secure_*.pb` are there if
  the process has secure sums of their kind.

  Noise is drawn from a secret that is a constant of the graphs: that of the
  server, of `server/update.pb`. Of `secure_sketched_aggregator` with
  `noise_multiplier` it is a constant of `client/work.pb`, so who has this file
  can find the noise: do not write such processes for a platform.

  Args:
    process: See `build_map_reduce_form`.
    directory: Path of a directory that does not exist or is empty. It is
      complete or not there at all.

  Raises:
    ValueError: As `build_map_reduce_form`, or if the directory has files.
    OSError: If it cannot be written.
  """
  directory = os.path.abspath(directory)
  argument_checks.check_new_directory(directory)
  form = build_map_reduce_form(process)
  computations = {
    f'{side}/{name}': getattr(form, name)
    for side, names in _PARTS.items()
    for name in names
  }
  computations['server/initialize'] = (
    tff.backends.mapreduce.get_state_initialization_computation(
      process.initialize
    )
  )
  parent = os.path.dirname(directory)
  os.makedirs(parent, exist_ok=True)
  temporary = tempfile.mkdtemp(prefix=os.path.basename(directory), dir=parent)
  try:
    _write_graphs(computations, temporary)
    os.chmod(temporary, 0o777 & ~_umask())
    os.replace(temporary, directory)
  except BaseException:
    shutil.rmtree(temporary, ignore_errors=True)
    raise


def _write_graphs(
  computations: dict[str, tff.Computation], directory: str
) -> None:
  signatures = {}
  for side in _PARTS:
    os.mkdir(os.path.join(directory, side))
  for name, computation in computations.items():
    graph, signature = graphs.to_graph(computation)
    if name in _OF_SECURE_SUMS and not signature['result']:
      continue
    path = f'{name}.pb'
    signatures[path] = signature
    with open(os.path.join(directory, path), 'xb') as file:
      file.write(graph.SerializeToString(deterministic=True))
  with open(os.path.join(directory, SIGNATURES), 'x', encoding='utf-8') as file:
    json.dump(signatures, file, indent=2)


def _umask() -> int:
  mask = os.umask(0)
  os.umask(mask)
  return mask


def _has_select(computation: tff.Computation) -> bool:
  """Returns whether clients request keys in a computation."""
  found = False

  def visit(block):
    nonlocal found
    found |= isinstance(block, tff.framework.Intrinsic) and block.uri in (
      'federated_select',
      'federated_secure_select',
    )
    return block, False

  tff.framework.transform_preorder(computation.to_building_block(), visit)
  return found
