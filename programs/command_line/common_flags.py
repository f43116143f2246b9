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
"""Flags of several programs."""

from absl import flags

# Largest value of counts, which end up in `int32` tensors and in loops.
MAX_INT = 2**31 - 1

OUTPUT_DIR = flags.DEFINE_string('output_dir', None, 'Directory of results.')
DATA_DIR = flags.DEFINE_string(
  'data_dir', None, "Directory of the task's data files."
)
CACHE_DIR = flags.DEFINE_string(
  'cache_dir',
  None,
  'Directory of prepared client data. Default: $TFF_METHODS_CACHE, else '
  '~/.cache/tff_methods.',
)
ROUNDS = flags.DEFINE_integer(
  'rounds', 100, 'Number of rounds.', lower_bound=1, upper_bound=MAX_INT
)
WORKERS = flags.DEFINE_list(
  'workers',
  None,
  'Addresses host:port of `programs.worker` processes that share the rounds, '
  'separated by commas. Default: this machine. With --tls_cert, --tls_key and '
  '--tls_ca connections are encrypted and workers authenticated.',
)
DEVICE = flags.DEFINE_enum(
  'device',
  'auto',
  ['auto', 'cpu', 'gpu'],
  'Runtime of the rounds: in this process on the CPU or on GPUs; auto: on GPUs '
  "if TensorFlow sees one, else in TFF's C++ runtime.",
)
MAX_CONCURRENT_CLIENTS = flags.DEFINE_integer(
  'max_concurrent_clients',
  None,
  'Number of clients that train at the same time in this process. Default: '
  'chosen by the runtime.',
  lower_bound=1,
  upper_bound=MAX_INT,
)
RUNTIME_FLAGS = (DEVICE, MAX_CONCURRENT_CLIENTS, WORKERS)
