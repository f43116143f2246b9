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
"""Choice of TensorFlow's kernels for CPUs, and of their threads; no TensorFlow.

On two cores, a round of ten clients takes two thirds of the time with both
choices (see "Kernels" in docs/runtimes.md).
"""

from collections.abc import MutableMapping
import os
import platform

# TensorFlow reads them when it is imported, and so does TFF's worker process.
ONEDNN = 'TF_ENABLE_ONEDNN_OPTS'
THREADS = 'TF_NUM_INTRAOP_THREADS'
CONCURRENT_OPS = 'TF_NUM_INTEROP_THREADS'
_X86 = ('x86_64', 'AMD64')


def choose(environment: MutableMapping[str, str]) -> None:
  """Chooses kernels and threads, unless the environment has a choice.

  *   oneDNN's kernels on x86. TensorFlow selects them by itself only on
      processors with instructions for neural networks, but they are faster on
      all with AVX2. On other architectures its choice stays.
  *   One thread for each op. Clients train concurrently, one on each core, and
      the batches of a client are too small to divide: threads within ops cost
      more than they gain. Sums over a tensor also depend on the number of
      threads, in their last bit: with one, weights have the same bits on any
      number of cores.
  *   Two threads more than cores: clients that train concurrently, one more
      than cores, wait for each other where they are fewer, as by TensorFlow's
      default, and TFF's worker with one waits half a second for each client
      that reads its data. Results do not depend on it.

  Args:
    environment: Environment of this process and of those that it starts, before
      TensorFlow is imported.
  """
  if platform.machine() in _X86:
    environment.setdefault(ONEDNN, '1')
  environment.setdefault(THREADS, '1')
  num_cores = len(os.sched_getaffinity(0))
  environment.setdefault(CONCURRENT_OPS, str(num_cores + 2))
