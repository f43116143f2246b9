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
"""Data sets with their models, as `tff.simulation.baselines.BaselineTask`s."""

# pylint: disable=g-importing-member
from tasks.client_database import cache_directory
from tasks.many_labels.multi_label_tasks import MultiLabelTask
from tasks.options import TaskOptions
from tasks.registry import build_task
from tasks.registry import TASK_NAMES
from tasks.row_task import RetrievalData
from tasks.row_task import RowTask

__all__ = [
  'TASK_NAMES',
  'MultiLabelTask',
  'RetrievalData',
  'RowTask',
  'TaskOptions',
  'build_task',
  'cache_directory',
]
