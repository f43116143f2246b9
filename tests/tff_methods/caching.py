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
"""Processes that tests share: to trace and compile one takes seconds."""

from collections.abc import Callable
import functools
import inspect
import typing

_Function = typing.TypeVar('_Function', bound=Callable)


def cache(function: _Function) -> _Function:
  """Returns a function that calls another once for equal arguments.

  Unlike `functools.cache`, it takes an argument by position, by name and by
  default for the same, and 1 and 1.0 for different ones. `__wrapped__` is the
  function without the cache.

  Args:
    function: A function of hashable arguments.
  """
  signature = inspect.signature(function)
  cached = functools.lru_cache(maxsize=None, typed=True)(function)

  @functools.wraps(function)
  def call(*args, **kwargs):
    arguments = signature.bind(*args, **kwargs)
    arguments.apply_defaults()
    return cached(*arguments.args, **dict(sorted(arguments.kwargs.items())))

  return typing.cast(_Function, call)
