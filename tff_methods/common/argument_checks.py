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
"""Checks of arguments, with one-line messages; no TensorFlow import."""

from collections.abc import Collection
import math

# Bits per value that quantizers and bit packing support.
MAX_BITS = 16


def check_int(name: str, value: object, minimum: int | None = None) -> None:
  """Checks that an argument is an int, and not a bool.

  Args:
    name: Name of the argument, for the message.
    value: Value of the argument.
    minimum: Smallest valid value; `None` for no limit.

  Raises:
    TypeError: If `value` is not an int.
    ValueError: If `value` is below `minimum`.
  """
  if isinstance(value, bool) or not isinstance(value, int):
    raise TypeError(
      f'Expected {name} to be an int, found {type(value).__name__}.'
    )
  if minimum is not None and value < minimum:
    raise ValueError(f'Expected {name} of at least {minimum}, found {value}.')


def check_bits(bits: int, minimum: int = 1) -> None:
  """Checks a number of bits per value.

  Args:
    bits: Number of bits, at most `MAX_BITS`.
    minimum: Smallest valid number.

  Raises:
    TypeError: If `bits` is not an int.
    ValueError: If `bits` is out of range.
  """
  check_int('bits', bits)
  if not 1 <= bits <= MAX_BITS:
    raise ValueError(f'Expected bits from 1 to {MAX_BITS}, found {bits}.')
  if bits < minimum:
    raise ValueError(
      f'Expected bits of at least {minimum}, a sign and an interval, found '
      f'{bits}.'
    )


def check_fraction(fraction: float, name: str = 'fraction') -> None:
  """Checks that a fraction is in (0, 1].

  Args:
    fraction: Value of the argument.
    name: Name of the argument, for the message.

  Raises:
    ValueError: If `fraction` is out of range.
  """
  if not 0.0 < fraction <= 1.0:
    raise ValueError(f'Expected {name} in (0, 1], found {fraction}.')


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
  """Checks that an argument is one of its choices.

  Args:
    name: Name of the argument, for the message.
    value: Value of the argument.
    choices: Valid values.

  Raises:
    ValueError: If `value` is not in `choices`.
  """
  if value not in choices:
    raise ValueError(
      f'Expected {name} to be one of {tuple(choices)}, found {value!r}.'
    )


def check_positive(name: str, value: object) -> None:
  """Checks that an argument is a finite number above 0.

  Args:
    name: Name of the argument, for the message.
    value: Value of the argument.

  Raises:
    TypeError: If `value` is not an int or float.
    ValueError: If `value` is not above 0, or not finite.
  """
  if isinstance(value, bool) or not isinstance(value, int | float):
    raise TypeError(
      f'Expected {name} to be a number, found {type(value).__name__}.'
    )
  if not 0.0 < value < math.inf:
    raise ValueError(f'Expected {name} above 0 and finite, found {value}.')
