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
"""Checks that a GPU gives what the CPU gives, and tells how fast it is.

  python -m programs.gpu_check

For each process, one round from the same state in TFF's C++ runtime on the CPU
and in this process on every GPU that TensorFlow sees. Ends with exit code 1
where the weights differ by more than rounding, and with 0 where no GPU is.
"""

from collections.abc import Callable, Mapping
import functools

from absl import flags
from absl import logging
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_timing
from programs.command_line import runner
from programs.reports import tables
from tff_methods import algorithms
from tff_methods import runtime

_REPEATS = flags.DEFINE_integer(
  'repeats', 5, 'How many rounds are timed.', lower_bound=1
)
# Of the largest change of a weight in a round: convolutions on GPUs round
# otherwise, also with TensorFloat-32 off.
_TOLERANCE = 1e-3
_HEADER = ['process', 'difference', 'clients/s, CPU', 'clients/s, GPU', '']


def main() -> int:
  """Compares, and prints one table."""
  logging.set_verbosity(logging.ERROR)
  gpus = tf.config.list_physical_devices('GPU')
  if not gpus:
    print('TensorFlow sees no GPU: nothing to check.')
    return 0
  # Both sides are to multiply `float32` as such.
  tf.config.experimental.enable_tensor_float_32_execution(False)
  rows, is_equal = compare(
    runtime.create_local_context(),
    runtime.create_in_process_context('gpu'),
    bench_rounds.cnn_workload(),
    _REPEATS.value,
  )
  tables.print_table(_HEADER, rows)
  names = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
  print(', '.join(name.get('device_name', 'unknown') for name in names))
  return 0 if is_equal else 1


def compare(
  reference: tff.framework.SyncContext,
  context: tff.framework.SyncContext,
  workload: bench_rounds.Workload,
  repeats: int,
) -> tuple[list[list[str]], bool]:
  """Compares rounds in two contexts.

  Args:
    reference: The context that is right.
    context: The one to check.
    workload: The model and the data of the clients.
    repeats: How many rounds are timed; the contexts take turns.

  Returns:
    Rows for the table, and whether all differences are small.
  """
  model_fn, clients = workload
  rows, all_close = [], True
  for name, process in _build_processes(model_fn).items():
    with tff.framework.get_context_stack().install(reference):
      state = process.initialize()

    def run(context, process=process, state=state):
      with tff.framework.get_context_stack().install(context):
        after = process.next(state, clients).state
        return process.get_model_weights(after).trainable

    with tff.framework.get_context_stack().install(reference):
      before = process.get_model_weights(state).trainable
    difference = _relative_difference(before, run(reference), run(context))
    is_close = difference <= _TOLERANCE
    all_close = all_close and is_close
    seconds = bench_timing.medians(
      {c: functools.partial(run, c) for c in (reference, context)}, repeats
    )
    rows.append(
      [
        name,
        f'{difference:.1e}',
        *(f'{len(clients) / seconds[c]:.1f}' for c in (reference, context)),
        'equal' if is_close else f'DIFFERS by more than {_TOLERANCE:.0e}',
      ]
    )
  return rows, all_close


def _build_processes(
  model_fn: Callable[[], tff.learning.models.VariableModel],
) -> Mapping[str, tff.learning.templates.LearningProcess]:
  optimizer = tff.learning.optimizers.build_sgdm(0.1)
  return {
    'federated averaging': tff.learning.algorithms.build_weighted_fed_avg(
      model_fn,
      optimizer,
      loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
    ),
    'random mask, 25 %': algorithms.build_random_mask_fed_avg(
      model_fn, optimizer, fraction=0.25
    ),
  }


def _relative_difference(before, expected, found) -> float:
  """Returns the largest difference, as a part of the largest change."""
  change = max(
    np.max(np.abs(x - y)) for x, y in zip(expected, before, strict=True)
  )
  difference = max(
    np.max(np.abs(x - y)) for x, y in zip(expected, found, strict=True)
  )
  return float(difference / change)


if __name__ == '__main__':
  runner.run(main)
