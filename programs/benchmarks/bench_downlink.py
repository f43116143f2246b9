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
"""Benchmark of a quantized downlink: encode once, decode at each client."""

import functools

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_runtime
from programs.benchmarks import bench_timing
from tff_methods import options as options_lib
from tff_methods import templates

PLAIN = 'float32 broadcast'
_BITS = (8, 4, 2)


def time_rounds(
  workload: bench_rounds.Workload, repeats: int
) -> dict[tuple[str, str, str], np.ndarray]:
  """Times rounds of federated averaging, and their distribution alone.

  Args:
    workload: The model, and the data of each client.
    repeats: Number of timed calls of each candidate; they take turns.

  Returns:
    By runtime, part of the round and distributor, `float64[2]`: the median
    seconds of wall time, and of CPU time in this process and the runtime's.
  """
  model_fn, clients = workload
  candidates = {}
  distributors = _distributors()
  for runtime_name, context in bench_runtime.create_contexts().items():
    with tff.framework.get_context_stack().install(context):
      for name, downlink in distributors.items():
        process = tff.learning.algorithms.build_weighted_fed_avg(
          model_fn,
          tff.learning.optimizers.build_sgdm(0.1),
          model_distributor=templates.build_model_distributor(
            model_fn, downlink
          ),
          loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
        )
        state = process.initialize()
        distribute = _build_distribution(model_fn, downlink)
        candidates[runtime_name, 'a round', name] = functools.partial(
          _run_in, context, process.next, state, clients
        )
        candidates[runtime_name, 'distribution alone', name] = (
          functools.partial(
            _run_in,
            context,
            distribute,
            state.distributor,
            state.global_model_weights,
            [0] * len(clients),
          )
        )
  return bench_timing.medians(
    candidates, repeats, warm_up=2, clock=bench_timing.wall_and_cpu_clock()
  )


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed calls of each candidate.
  """
  seconds = time_rounds(bench_rounds.cnn_workload(), repeats)
  table = []
  for (runtime_name, part, name), (wall, cpu) in seconds.items():
    plain_wall, plain_cpu = seconds[runtime_name, 'a round', PLAIN]
    table.append(
      [
        f'{part} of 10 clients: CNN, 843,658 weights, {runtime_name}',
        name,
        f'{1000 * wall:.0f} ms',
        f'{wall / plain_wall:.3f} x a round with float32, '
        f'{cpu / plain_cpu:.3f} x its CPU time',
      ]
    )
  return table


def _distributors() -> dict[str, options_lib.DownlinkOptions | None]:
  return {PLAIN: None} | {
    f'eden, {bits} bits': options_lib.DownlinkOptions(bits=bits)
    for bits in _BITS
  }


def _build_distribution(model_fn, downlink) -> tff.Computation:
  """Builds a distribution whose result each client reads."""
  process = templates.build_model_distributor(model_fn, downlink)

  @tff.tensorflow.computation(
    process.next.type_signature.result.result.member, np.int32
  )
  def read(weights, _):
    return tf.add_n([tf.reduce_sum(x) for x in tf.nest.flatten(weights)])

  @tff.federated_computation(
    *process.next.type_signature.parameter,
    tff.FederatedType(np.int32, tff.CLIENTS),
  )
  def distribute(state, weights, clients):
    output = process.next(state, weights)
    read_values = tff.federated_map(
      read, tff.federated_zip((output.result, clients))
    )
    return tff.federated_sum(read_values), output.measurements

  return distribute


def _run_in(context, computation, *arguments) -> None:
  with tff.framework.get_context_stack().install(context):
    computation(*arguments)
