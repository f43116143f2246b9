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
"""Metrics of a round, as a process reports them, by flat names."""

import collections
from collections.abc import Mapping
from typing import Any

import numpy as np
import tree

from programs.training import metrics as metrics_lib

_TRAIN = ('client_work', 'train')


def flatten(
  metrics: Mapping[str, Any],
) -> collections.OrderedDict[str, Any]:
  """Returns all numbers of the metrics by name.

  Args:
    metrics: Metrics of `next`, of any structure: those of the distributor, the
      client work, the aggregator and the finalizer.

  Returns:
    Scalars by the path to them, such as `aggregator/mean_value/payload_bytes`;
    those of local training by their short names, such as `train/accuracy`.
    Arrays that are no scalars are left out.
  """
  flat: collections.OrderedDict[str, Any] = collections.OrderedDict()
  for path, value in tree.flatten_with_path(metrics):
    if np.ndim(value) == 0 and np.asarray(value).dtype.kind in 'biuf':
      flat[_name(tuple(map(str, path)))] = value
  return flat


def _name(path: tuple[str, ...]) -> str:
  if path[:2] == _TRAIN:
    return '/'.join(['train', *map(metrics_lib.short_name, path[2:])])
  return '/'.join(path)
