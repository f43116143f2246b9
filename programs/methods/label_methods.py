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
"""The methods for tasks with many labels: hashed labels; and their flags."""

from absl import flags

from programs.command_line import runner
from programs.methods import base
import tasks
from tff_methods import algorithms
from tff_methods import label_hashing

_NUM_TABLES = flags.DEFINE_integer(
  'num_tables',
  4,
  'Hash tables of labels, each with a network of its own (fed_mlh).',
  lower_bound=1,
)
_NUM_BUCKETS = flags.DEFINE_integer(
  'num_buckets',
  None,
  'Buckets of each hash table of labels (fed_mlh).',
  lower_bound=1,
)
_DECODING = flags.DEFINE_enum(
  'decoding',
  'mean',
  list(label_hashing.DECODINGS),
  "What of a label's buckets is its score (fed_mlh).",
)


def _check_fed_mlh() -> None:
  runner.check_given(_NUM_BUCKETS)


def _check_fed_mlh_task(task) -> None:
  if not isinstance(task, tasks.MultiLabelTask):
    raise runner.UsageError(
      'Expected a task with many labels with --method=fed_mlh, found another; '
      'docs/tasks.md tells which have.'
    )
  if _NUM_BUCKETS.value > task.num_labels:
    raise runner.UsageError(
      f'Expected --num_buckets of at most {task.num_labels}, the labels of the '
      f'task, found {_NUM_BUCKETS.value}; lower it.'
    )


def _hashed_model(task, seed: int) -> label_hashing.HashedLabelModel:
  label_hash = label_hashing.LabelHash.draw(
    task.num_labels, _NUM_TABLES.value, _NUM_BUCKETS.value, seed
  )
  return task.hashed_model(label_hash, seed)


def _build_fed_mlh(task, client_optimizer, server_optimizer, seed):
  return algorithms.build_fed_mlh(
    _hashed_model(task, seed), client_optimizer, server_optimizer
  )


def _evaluated_model_fn(task, seed):
  return task.evaluated_model_fn(_hashed_model(task, seed), _DECODING.value)


METHODS = {
  'fed_mlh': base.Method(
    _build_fed_mlh,
    (_NUM_TABLES, _NUM_BUCKETS, _DECODING),
    _check_fed_mlh,
    _check_fed_mlh_task,
    _evaluated_model_fn,
  )
}
