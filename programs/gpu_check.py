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
"""Compares a GPU with the CPU: equal weights, and clients per second.

  python -m programs.gpu_check

Runs one round of each of a few processes from the same state, in TFF's C++
runtime on the CPU and in this process on every GPU that TensorFlow sees. Exit
codes: 0, also without a GPU; 1 if weights differ by more than rounding; 2 for a
bad command line.
"""

from absl import flags
from absl import logging

from programs.command_line import common_flags
from programs.command_line import runner
from programs.command_line import slow_imports
from programs.reports import tables

_TIMED_ROUNDS = flags.DEFINE_integer(
  'timed_rounds',
  5,
  'Timed rounds of each process in each runtime; the median is shown.',
  lower_bound=1,
  upper_bound=common_flags.MAX_INT,
)
_HEADER = ['process', 'difference', 'clients/s, CPU', 'clients/s, GPU', '']


def main() -> int:
  """Compares GPUs with the CPU and prints one table; returns the exit code."""
  with slow_imports.importing():
    # Imports TensorFlow: only once the flags are checked.
    from programs.diagnostics import gpu_comparison

  logging.set_verbosity(logging.ERROR)
  gpu_names = gpu_comparison.gpu_names()
  if not gpu_names:
    print('TensorFlow sees no GPU: nothing to check.')
    return 0
  rows, is_equal = gpu_comparison.compare_gpu_with_cpu(_TIMED_ROUNDS.value)
  tables.print_table(_HEADER, rows)
  print(', '.join(gpu_names))
  return 0 if is_equal else 1


if __name__ == '__main__':
  runner.run(main)
