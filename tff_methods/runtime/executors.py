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

# For example the clients of training, those of an evaluation, and none.
_EXECUTORS_TO_KEEP = 3


class ClosingExecutor(tff.framework.RemoteExecutor):
  """A `RemoteExecutor` whose worker forgets it with the last reference to it.

  The worker holds the TensorFlow sessions of each executor until `close`, and
  TFF closes executors only after errors.
  """

  def __del__(self):
    if not sys.is_finalizing():  # Else what `close` needs may be gone.
      self.close()


class RecentExecutorFactory(tff.framework.ExecutorFactory):
  """Keeps the executors that were used last, and lets go of all others.

  TFF's `ResourceManagingExecutorFactory` forgets them without closing them, so
  that a number of clients that changes each round makes the worker grow without
  end. Here what a worker holds is bounded, if executors close themselves with
  the last reference, as `ClosingExecutor`. A computation that runs holds one to
  its executor, and is never cut short.
  """

  def __init__(
    self,
    create_executor: Callable[
      [tff.framework.CardinalitiesType], tff.framework.RemoteExecutor
    ],
  ):
    """Builds the factory; makes no executor yet.

    Args:
      create_executor: From the numbers of participants, by placement, to a new
        executor.
    """
    self._create_executor = create_executor
    self._executors = collections.OrderedDict()  # The last one used is last.

  def create_executor(
    self, cardinalities: tff.framework.CardinalitiesType
  ) -> tff.framework.RemoteExecutor:
    """Returns the executor for these numbers of participants by placement."""
    key = _key(cardinalities)
    if key not in self._executors:
      # Before the new one is there, so that both are never held together.
      while len(self._executors) >= _EXECUTORS_TO_KEEP:
        self._executors.popitem(last=False)
      self._executors[key] = self._create_executor(dict(cardinalities))
    self._executors.move_to_end(key)
    return self._executors[key]

  def clean_up_executor(
    self, cardinalities: tff.framework.CardinalitiesType
  ) -> None:
    """Closes the executor, if there is one; it cannot be used any more."""
    executor = self._executors.pop(_key(cardinalities), None)
    if executor is not None:
      executor.close()


def _key(
  cardinalities: tff.framework.CardinalitiesType,
) -> tuple[tuple[str, int], ...]:
  return tuple(sorted((str(p), number) for p, number in cardinalities.items()))
