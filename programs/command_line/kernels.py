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
"""Choice of TensorFlow's kernels for CPUs; no TensorFlow."""

from collections.abc import MutableMapping
import platform

# TensorFlow reads it when it is imported, and so does TFF's worker process.
ONEDNN = 'TF_ENABLE_ONEDNN_OPTS'
_X86 = ('x86_64', 'AMD64')


def prefer_onednn(environment: MutableMapping[str, str]) -> None:
  """Selects oneDNN's kernels on x86, unless the environment says otherwise.

  TensorFlow selects them by itself only on processors with instructions for
  neural networks, but they are faster on all with AVX2 (see "Kernels" in
  docs/runtimes.md). On other architectures its choice stays.

  Args:
    environment: Environment of this process and of those that it starts, before
      TensorFlow is imported.
  """
  if platform.machine() in _X86:
    environment.setdefault(ONEDNN, '1')
