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
"""Sizes of `programs.bench --part=scale`; imports no TensorFlow."""

from collections.abc import Sequence
from typing import NamedTuple


class Sizes(NamedTuple):
  """Sizes that rounds are measured at, one after the other.

  Attributes:
    cohorts: Clients of a round.
    registered: Clients of which those of a round are sampled.
    weights: Weights of a model, approximately.
    rows: Rows of a row model.
  """

  cohorts: Sequence[int] = (100, 1000)
  registered: Sequence[int] = (10_000, 100_000)
  weights: Sequence[int] = (5_000_000, 50_000_000)
  rows: Sequence[int] = (100_000, 1_000_000)
