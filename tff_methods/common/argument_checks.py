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
"""Checks of arguments that many have."""


def check_int(name: str, value: object, minimum: int | None = None) -> None:
  """Raises `TypeError` or `ValueError` unless it is an int of the minimum."""
  if isinstance(value, bool) or not isinstance(value, int):
    raise TypeError(
      f'Expected {name} to be an int, found {type(value).__name__}.'
    )
  if minimum is not None and value < minimum:
    raise ValueError(f'Expected {name} of at least {minimum}, found {value}.')
