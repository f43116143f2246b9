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
"""Comparison of rounds on GPUs with rounds on the CPU."""

from collections.abc import Mapping, Sequence
import functools
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_timing
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods import templates

# Relative to the largest change of a weight in the round. Convolutions round
# differently on GPUs, even with TensorFloat-32 off.
_TOLERANCE = 1e-3
# Where one value may get another code, or not be sent, for its last bit.
_CODE_TOLERANCE = 0.1

_Process = tff.learning.templates.LearningProcess | templates.ClientStateProcess


def gpu_names() -> list[str]:
  """Returns the names of the GPUs that TensorFlow sees."""
  return [
    tf.config.experimental.get_device_details(gpu).get('device_name', 'unknown')
    for gpu in tf.config.list_physical_devices('GPU')
  ]


def compare_gpu_with_cpu(repeats: int) -> tuple[list[list[str]], bool]:
  """Compares rounds of a CNN on all GPUs with rounds on the CPU.

  TensorFloat-32 is turned off in this process, so that both multiply `float32`
  matrices in full precision.

  Args:
    repeats: Number of timed rounds in each context.

  Returns:
    See `compare`.
  """
  tf.config.experimental.enable_tensor_float_32_execution(False)
  return compare(
    runtime.create_local_context(),
    runtime.create_in_process_context('gpu'),
    bench_rounds.cnn_workload(),
    repeats,
  )


def compare(
  reference: tff.framework.SyncContext,
  context: tff.framework.SyncContext,
  workload: bench_rounds.Workload,
  repeats: int,
) -> tuple[list[list[str]], bool]:
  """Compares rounds in two contexts.

  Args:
    reference: The trusted context.
    context: The context to check.
    workload: The model and the data of the clients.
    repeats: Number of timed rounds in each context; the contexts take turns.

  Returns:
    For each process a row of its name, the largest difference of a weight
    relative to the largest change of a weight, clients per second in either
    context, and a verdict; and `True` if no difference exceeds rounding.
  """
  model_fn, clients = workload
  rows, all_close = [], True
  for name, (process, tolerance) in build_processes(model_fn).items():
    with tff.framework.get_context_stack().install(reference):
      state = process.initialize()
      arguments = [state, clients]
      if isinstance(process, templates.ClientStateProcess):
        arguments.append([process.initial_client_state()] * len(clients))

    def run(context, process=process, arguments=arguments):
      with tff.framework.get_context_stack().install(context):
        after = process.next(*arguments).state
        return process.get_model_weights(after).trainable

    with tff.framework.get_context_stack().install(reference):
      before = process.get_model_weights(state).trainable
    difference = _relative_difference(before, run(reference), run(context))
    is_close = difference <= tolerance
    all_close = all_close and is_close
    seconds = bench_timing.medians(
      {c: functools.partial(run, c) for c in (reference, context)}, repeats
    )
    rows.append(
      [
        name,
        f'{difference:.1e}',
        *(f'{len(clients) / seconds[c]:.1f}' for c in (reference, context)),
        'equal' if is_close else f'DIFFERS by more than {tolerance:.0e}',
      ]
    )
  return rows, all_close


def build_processes(
  model_fn: templates.Model,
) -> Mapping[str, tuple[_Process, float]]:
  """Returns the processes to compare and their tolerances, by name.

  Args:
    model_fn: Builds the model.
  """
  optimizer = tff.learning.optimizers.build_sgdm(0.1)

  def sketched(**sketch: Any) -> _Process:
    return algorithms.build_sketched_update_fed_avg(
      model_fn, optimizer, options=options_lib.SketchOptions(**sketch)
    )

  exact: dict[str, _Process] = {
    'federated averaging': tff.learning.algorithms.build_weighted_fed_avg(
      model_fn,
      optimizer,
      loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
    ),
    'random mask, 25 %': algorithms.build_random_mask_fed_avg(
      model_fn,
      optimizer,
      options=options_lib.RandomMaskOptions(fraction=0.25),
    ),
    'low rank, 25 %': algorithms.build_low_rank_fed_avg(
      model_fn,
      optimizer,
      options=options_lib.LowRankOptions(fraction=0.25),
    ),
  }
  coded: dict[str, _Process] = {
    'eden, 8 bits': sketched(bits=8),
    'uniform, 8 bits': sketched(bits=8, quantizer='uniform'),
    'TernGrad': algorithms.build_terngrad_fed_avg(model_fn, optimizer),
    'FetchSGD': algorithms.build_fetch_sgd_fed_avg(model_fn, optimizer),
    'DHQC': algorithms.build_dhqc_fed_avg(model_fn, optimizer),
    'DGC': algorithms.build_dgc_fed_avg(model_fn, optimizer),
  }
  return {
    **{name: (process, _TOLERANCE) for name, process in exact.items()},
    **{name: (process, _CODE_TOLERANCE) for name, process in coded.items()},
  }


def _relative_difference(
  before: Sequence[np.ndarray],
  expected: Sequence[np.ndarray],
  found: Sequence[np.ndarray],
) -> float:
  """Returns the largest difference relative to the largest change."""
  change = max(
    np.max(np.abs(x - y)) for x, y in zip(expected, before, strict=True)
  )
  difference = max(
    np.max(np.abs(x - y)) for x, y in zip(expected, found, strict=True)
  )
  return float(difference / change)
