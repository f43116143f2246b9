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
"""Checks of arguments, with one-line messages; no TensorFlow import.

Numbers of numpy are accepted wherever numbers of Python are, and come out as
numbers of Python: 2**bits would overflow in `numpy.int8`.
"""

from collections.abc import Collection
import dataclasses
import math
import numbers
import operator
import os
from typing import Any, TypeVar

import numpy as np

# Bits per value that quantizers and bit packing support.
MAX_BITS = 16
# Bits of quantizers whose codes have a sign and an interval.
MIN_SIGNED_BITS = 2
# TensorFlow's kernels flush smaller numbers to zero.
MIN_FLOAT32 = float(np.finfo(np.float32).tiny)
MAX_FLOAT32 = float(np.finfo(np.float32).max)

_Options = TypeVar('_Options')


def check_int(name: str, value: Any, minimum: int | None = None) -> int:
  """Checks that an argument is an integer, and not a bool.

  Args:
    name: Name of the argument, for the message.
    value: Value of the argument: an int, or another type with `__index__`.
    minimum: Smallest valid value; `None` for no limit.

  Returns:
    The value as an int.

  Raises:
    TypeError: If `value` is not an integer.
    ValueError: If `value` is below `minimum`.
  """
  try:
    if isinstance(value, bool | np.bool_):
      raise TypeError
    integer = operator.index(value)
  except TypeError:
    raise TypeError(
      f'Expected {name} to be an int, found {type(value).__name__}.'
    ) from None
  if minimum is not None and integer < minimum:
    raise ValueError(
      f'Expected {name} of at least {minimum}, found {value}: raise it.'
    )
  return integer


def check_bits(bits: Any, minimum: int = 1) -> int:
  """Checks a number of bits per value.

  Args:
    bits: Number of bits, at most `MAX_BITS`.
    minimum: Smallest valid number.

  Returns:
    The number as an int.

  Raises:
    TypeError: If `bits` is not an integer.
    ValueError: If `bits` is out of range.
  """
  integer = check_int('bits', bits)
  if not 1 <= integer <= MAX_BITS:
    raise ValueError(f'Expected bits from 1 to {MAX_BITS}, found {bits}.')
  if integer < minimum:
    raise ValueError(
      f'Expected bits of at least {minimum}, a sign and an interval, found '
      f'{bits}.'
    )
  return integer


def check_number(name: str, value: Any) -> int | float:
  """Checks that an argument is a real number, and not a bool.

  Args:
    name: Name of the argument, for the message.
    value: Value of the argument: an int, a float, or another
      `numbers.Real`, such as `numpy.float32`.

  Returns:
    The value, as an int or float. It may be NaN or infinite.

  Raises:
    TypeError: If `value` is not a real number.
  """
  if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
    raise TypeError(
      f'Expected {name} to be a number, found {type(value).__name__}.'
    )
  if isinstance(value, numbers.Integral):
    return operator.index(value)
  return float(value)


def check_fraction(fraction: Any, name: str = 'fraction') -> float:
  """Checks that a fraction is in (0, 1].

  Args:
    fraction: Value of the argument.
    name: Name of the argument, for the message.

  Returns:
    The fraction, as a float (or the int 1).

  Raises:
    TypeError: If `fraction` is not a number.
    ValueError: If `fraction` is out of range.
  """
  number = check_number(name, fraction)
  if not 0.0 < number <= 1.0:
    raise ValueError(f'Expected {name} in (0, 1], found {fraction}.')
  return number


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
  """Checks that an argument is one of its choices.

  Args:
    name: Name of the argument, for the message.
    value: Value of the argument.
    choices: Valid values.

  Raises:
    ValueError: If `value` is not in `choices`.
  """
  if not isinstance(value, str) or value not in choices:
    raise ValueError(
      f'Expected {name} to be one of {tuple(choices)}, found {value!r}.'
    )


def check_positive(name: str, value: Any) -> int | float:
  """Checks that an argument is a finite number above 0.

  Args:
    name: Name of the argument, for the message.
    value: Value of the argument.

  Returns:
    The value, as an int or float.

  Raises:
    TypeError: If `value` is not a number.
    ValueError: If `value` is not above 0, or not finite.
  """
  number = check_number(name, value)
  if not 0.0 < number < math.inf:
    raise ValueError(f'Expected {name} above 0 and finite, found {value}.')
  return number


def check_positive_float32(name: str, value: Any) -> int | float:
  """Checks that an argument is a number above 0 that a `float32` can hold.

  Args:
    name: Name of the argument, for the message.
    value: Value of the argument.

  Returns:
    The value, as an int or float.

  Raises:
    TypeError: If `value` is not a number.
    ValueError: If `value` is not above 0, not finite, or would be zero or
      infinite as a `float32`.
  """
  number = check_positive(name, value)
  if not MIN_FLOAT32 <= number <= MAX_FLOAT32:
    raise ValueError(
      f'Expected {name} from {MIN_FLOAT32:.2g} to {MAX_FLOAT32:.2g}, the '
      f'range of float32, found {value}.'
    )
  return number


def check_nonnegative(name: str, value: Any) -> int | float:
  """Checks that an argument is a finite number of at least 0.

  Args:
    name: Name of the argument, for the message.
    value: Value of the argument.

  Returns:
    The value, as an int or float.

  Raises:
    TypeError: If `value` is not a number.
    ValueError: If `value` is below 0, or not finite.
  """
  number = check_number(name, value)
  if not 0.0 <= number < math.inf:
    raise ValueError(
      f'Expected {name} of at least 0 and finite, found {value}.'
    )
  return number


def check_momentum(momentum: Any) -> int | float:
  """Checks that a momentum is in [0, 1).

  Args:
    momentum: Value of the argument.

  Returns:
    The momentum, as an int or float.

  Raises:
    TypeError: If `momentum` is not a number.
    ValueError: If `momentum` is out of range.
  """
  number = check_number('momentum', momentum)
  if not 0.0 <= number < 1.0:
    raise ValueError(
      f'Expected momentum of at least 0 and below 1, found {momentum}.'
    )
  return number


def check_bool(name: str, value: Any) -> bool:
  """Checks that an argument is a truth value.

  Args:
    name: Name of the argument, for the message.
    value: Value of the argument: a bool, of Python or numpy, or 0 or 1.

  Returns:
    The value as a bool.

  Raises:
    TypeError: If `value` is something else, such as the string 'false'.
  """
  if not isinstance(value, bool | np.bool_ | numbers.Integral) or (
    value not in (0, 1)
  ):
    raise TypeError(
      f'Expected {name} to be True or False, found {value!r}: give a bool.'
    )
  return bool(value)


def check_callable(name: str, value: Any, remedy: str) -> None:
  """Checks that an argument is a function.

  Args:
    name: Name of the argument, for the message.
    value: Value of the argument.
    remedy: Advice at the end of the message.

  Raises:
    TypeError: If `value` cannot be called.
  """
  if not callable(value):
    raise TypeError(
      f'Expected {name} to be a function, found {type(value).__name__}: '
      f'{remedy}.'
    )


def check_options(
  options: Any,
  options_class: type[_Options],
  default: _Options | None = None,
) -> _Options:
  """Checks the argument `options` of a builder.

  Args:
    options: Value of the argument.
    options_class: Class of the options that the builder takes.
    default: Options in place of `None`; without them, options are required.

  Returns:
    The options, or the default.

  Raises:
    TypeError: If `options` are not of the class.
  """
  if options is None and default is not None:
    return default
  if not isinstance(options, options_class):
    name = options_class.__name__
    raise TypeError(
      f'Expected options to be options.{name}, found '
      f'{type(options).__name__}: make them with {name}(...).'
    )
  return options


def unwrap_scalars(instance: Any) -> None:
  """Replaces scalars in the fields of a frozen dataclass by those of Python.

  To be called first in `__post_init__`, before fields are checked.

  Args:
    instance: Instance of a dataclass. Its fields that hold a numpy scalar, an
      array of rank 0, or an integer of another type are set.
  """
  for field in dataclasses.fields(instance):
    value = getattr(instance, field.name)
    if isinstance(value, np.generic) or (
      isinstance(value, np.ndarray) and not value.ndim
    ):
      value = value.item()
    elif hasattr(type(value), '__index__') and not isinstance(value, bool):
      try:
        value = operator.index(value)
      except TypeError:  # An array; the checks refuse it.
        pass
    object.__setattr__(instance, field.name, value)


def check_new_directory(path: str) -> None:
  """Checks that a directory does not exist, or is empty.

  Args:
    path: Path of the directory.

  Raises:
    ValueError: If there are files, or the path is no directory.
  """
  if os.path.lexists(path) and (not os.path.isdir(path) or os.listdir(path)):
    raise ValueError(
      'Expected a directory that does not exist or is empty, found '
      f'{os.path.abspath(path)} with other contents; choose another one.'
    )
