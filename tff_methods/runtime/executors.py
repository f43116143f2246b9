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
"""Executors of TFF's C++ runtime, one for each number of clients."""

import collections
from collections.abc import Callable
import sys

import tensorflow_federated as tff

from tff_methods.runtime import forks

# For example training, evaluation, and computations without clients.
_MAX_EXECUTORS = 3


class ClosingExecutor(tff.framework.RemoteExecutor):
  """`RemoteExecutor` that is closed when its last reference goes.

  The worker holds the TensorFlow sessions of each executor until `close`, and
  TFF closes executors only after errors.
  """

  def __del__(self) -> None:
    # At the end of Python, modules that `close` needs may be gone. In a forked
    # process, the executor is the parent's.
    if not sys.is_finalizing() and not forks.is_forked():
      self.close()


class RecentExecutorFactory(tff.framework.ExecutorFactory):
  """Executor factory that caches the three executors used last.

  TFF's `ResourceManagingExecutorFactory` drops executors without closing them,
  so a worker grows without bound when the number of clients changes each round.
  This factory bounds the worker's memory, given executors that close themselves
  with their last reference, such as `ClosingExecutor`. A running computation
  holds such a reference and is never cut short.
  """

  def __init__(
    self,
    create_executor: Callable[
      [tff.framework.CardinalitiesType], tff.framework.RemoteExecutor
    ],
  ):
    """Builds the factory; creates no executor yet.

    Args:
      create_executor: Function from the numbers of participants, by placement,
        to a new executor.
    """
    self._create_executor = create_executor
    # Least recently used first.
    self._executors: collections.OrderedDict[
      tuple[tuple[str, int], ...], tff.framework.RemoteExecutor
    ] = collections.OrderedDict()

  def create_executor(
    self, cardinalities: tff.framework.CardinalitiesType
  ) -> tff.framework.RemoteExecutor:
    """Returns the executor for these numbers of participants by placement."""
    key = _cache_key(cardinalities)
    if key not in self._executors:
      # Evicts first, so that the worker never holds both.
      while len(self._executors) >= _MAX_EXECUTORS:
        self._executors.popitem(last=False)
      self._executors[key] = self._create_executor(dict(cardinalities))
    self._executors.move_to_end(key)
    return self._executors[key]

  def clean_up_executor(
    self, cardinalities: tff.framework.CardinalitiesType
  ) -> None:
    """Closes the cached executor, if any; it cannot be used afterwards."""
    executor = self._executors.pop(_cache_key(cardinalities), None)
    if executor is not None:
      executor.close()


def _cache_key(
  cardinalities: tff.framework.CardinalitiesType,
) -> tuple[tuple[str, int], ...]:
  return tuple(sorted((str(p), number) for p, number in cardinalities.items()))
