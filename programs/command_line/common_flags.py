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
"""Flags that several programs take."""

from absl import flags

OUTPUT_DIR = flags.DEFINE_string('output_dir', None, 'Where all results go.')
DATA_DIR = flags.DEFINE_string('data_dir', None, "The task's data files.")
CACHE_DIR = flags.DEFINE_string(
  'cache_dir', None, 'Where client data is kept; default: see `tasks`.'
)
ROUNDS = flags.DEFINE_integer('rounds', 100, 'Rounds.', lower_bound=1)
WORKERS = flags.DEFINE_list(
  'workers',
  None,
  'host:port of each `programs.worker` that shares the work; by default this '
  'machine does it. With --tls_cert, --tls_key and --tls_ca it is encrypted, '
  'and only done by workers that have a certificate.',
)
DEVICE = flags.DEFINE_enum(
  'device',
  'auto',
  ['auto', 'cpu', 'gpu'],
  "Where rounds run: in this process on the CPU or on GPUs, or 'auto': on GPUs "
  "if TensorFlow sees one, else in TFF's C++ runtime.",
)
MAX_CONCURRENT_CLIENTS = flags.DEFINE_integer(
  'max_concurrent_clients',
  None,
  'How many clients work at once in this process; default: a good number.',
  lower_bound=1,
)
