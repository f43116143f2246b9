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
"""Data sets with their models, as `tff.simulation.baselines.BaselineTask`s.

Names that need TensorFlow are imported when first used: `tasks.catalog` and
`tasks.options` alone need none.
"""

import importlib
from typing import TYPE_CHECKING

# pylint: disable=g-importing-member
from tasks.cache import cache_directory
from tasks.catalog import TASK_NAMES
from tasks.options import TaskOptions

if TYPE_CHECKING:
  from tasks.many_labels.multi_label_tasks import (
    MultiLabelTask as MultiLabelTask,
  )
  from tasks.registry import build_task as build_task
  from tasks.row_task import RetrievalData as RetrievalData
  from tasks.row_task import RowTask as RowTask
  from tasks.serving import ServedTask as ServedTask
  from tasks.serving import Serving as Serving

__all__ = [
  'TASK_NAMES',
  'MultiLabelTask',
  'RetrievalData',
  'RowTask',
  'ServedTask',
  'Serving',
  'TaskOptions',
  'build_task',
  'cache_directory',
]

_LAZY_MEMBERS = {
  'MultiLabelTask': 'tasks.many_labels.multi_label_tasks',
  'RetrievalData': 'tasks.row_task',
  'RowTask': 'tasks.row_task',
  'ServedTask': 'tasks.serving',
  'Serving': 'tasks.serving',
  'build_task': 'tasks.registry',
}


def __getattr__(name: str) -> object:
  if name in _LAZY_MEMBERS:
    return getattr(importlib.import_module(_LAZY_MEMBERS[name]), name)
  raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
  return sorted([*globals(), *_LAZY_MEMBERS])
