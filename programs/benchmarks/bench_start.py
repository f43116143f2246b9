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
"""Benchmark of the start: from a command to the end of its first round."""

from collections.abc import Sequence
import functools
import os
import subprocess
import sys
import tempfile

from programs.benchmarks import bench_timing

TFF = 'TFF alone, in its C++ runtime'
_MAX_REPEATS = 3
_ROUND = """
import tensorflow_federated as tff
from programs.benchmarks import bench_rounds
from tff_methods import algorithms
from tff_methods import runtime
model_fn, clients = bench_rounds.digits_workload()
optimizer = tff.learning.optimizers.build_sgdm(0.1)
{context}
process = {process}
process.next(process.initialize(), clients)
runtime.end_workers()
"""
_PLAIN = 'tff.learning.algorithms.build_weighted_fed_avg(model_fn, optimizer)'
_EDEN = 'algorithms.build_sketched_update_fed_avg(model_fn, optimizer)'
_CPP_CONTEXT = 'tff.backends.native.set_sync_local_cpp_execution_context()'
_OWN_CONTEXT = "runtime.set_local_context('cpu')"
PROGRAMS = {
  TFF: (_CPP_CONTEXT, _PLAIN),
  'TFF mean, in process': (_OWN_CONTEXT, _PLAIN),
  'eden, 2 bits, in process': (_OWN_CONTEXT, _EDEN),
}
TRAIN = 'programs.train, eden, 2 bits, in process'
_TRAIN_FLAGS = (
  '--task=digits',
  '--method=sketched_update',
  '--rounds=1',
  '--clients_per_round=10',
  '--device=cpu',
)


def time_starts(repeats: int) -> dict[str, float]:
  """Times programs of one round of ten clients of the task `digits`.

  Args:
    repeats: Number of timed runs of each program; they take turns.

  Returns:
    By program, the median seconds. `TRAIN` also evaluates the model, before and
    after the round, and writes the files of a run.
  """
  runs = {
    name: functools.partial(
      _run, ['-c', _ROUND.format(context=context, process=process)]
    )
    for name, (context, process) in PROGRAMS.items()
  }
  return bench_timing.medians({**runs, TRAIN: _train}, repeats, warm_up=0)


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate; at most three are made.
  """
  seconds = time_starts(min(repeats, _MAX_REPEATS))
  return [
    [
      'from the command to the end of round 1: digits, 151,306 weights',
      candidate,
      f'{value:.1f} s',
      f'{value / seconds[TFF]:.2f} x {TFF}',
    ]
    for candidate, value in seconds.items()
  ]


def _train() -> None:
  with tempfile.TemporaryDirectory() as directory:
    _run(
      ['-m', 'programs.train', *_TRAIN_FLAGS, f'--output_dir={directory}/run']
    )


def _run(arguments: Sequence[str]) -> None:
  """Runs Python to its end, without its output."""
  subprocess.run(
    [sys.executable, *arguments],
    env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    stdin=subprocess.DEVNULL,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
    check=True,
  )
