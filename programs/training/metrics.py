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
"""Metrics of evaluations, by name."""

import collections
import re
from typing import Any

# Prefix of the names of metrics on held-out clients.
HELD_OUT_CLIENTS = 'held_out_clients/'

# Scalars, `float32`.
Metrics = collections.OrderedDict[str, Any]
_FRACTION = re.compile('accuracy|auc|map_at_|ndcg|precision|recall')


def short_name(name: str) -> str:
  """Returns a metric's name without the label format: `accuracy`."""
  return name.removeprefix('sparse_').removeprefix('categorical_')


def is_cost(metric: str) -> bool:
  """Returns whether less is better, as of `loss` and `mean_absolute_error`."""
  name = metric.removeprefix(HELD_OUT_CLIENTS)
  return name == 'loss' or name.endswith('_error')


def is_fraction(metric: str) -> bool:
  """Returns whether a metric is shown as a percentage, such as `accuracy`."""
  return not is_cost(metric) and bool(_FRACTION.search(metric))


def is_better(metric: str, value: float, than: float) -> bool:
  """Returns whether a value is better: lower for a cost, else higher."""
  return bool(value < than if is_cost(metric) else value > than)


def on_held_out_clients(metrics: Metrics) -> Metrics:
  """Returns the metrics on held-out clients, by the names of the others."""
  return collections.OrderedDict(
    (name.removeprefix(HELD_OUT_CLIENTS), value)
    for name, value in metrics.items()
    if name.startswith(HELD_OUT_CLIENTS)
  )
