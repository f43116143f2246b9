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
"""Hypothesis strategies of damaged files, and files that cannot be opened."""

from collections.abc import Callable, Generator
import contextlib
import datetime
import os
import tempfile
import unittest

import hypothesis
from hypothesis import strategies as st

_NOBODY = 65534

# Examples are tiny: one that takes seconds waits for something.
settings = hypothesis.settings(
  max_examples=150,
  deadline=datetime.timedelta(seconds=5),
  suppress_health_check=[
    hypothesis.HealthCheck.too_slow,
    hypothesis.HealthCheck.data_too_large,
  ],
)


@st.composite
def damaged(draw: st.DrawFn, contents: bytes) -> bytes:
  """Strategy of a file with altered, inserted and removed bytes.

  Args:
    draw: Given by Hypothesis.
    contents: Contents of the undamaged file.

  Returns:
    The contents after up to four changes, or other bytes.
  """
  if draw(st.integers(0, 9)) == 0:
    return draw(st.binary(max_size=200))
  for _ in range(draw(st.integers(0, 4))):
    start = draw(st.integers(0, len(contents)))
    end = min(len(contents), start + draw(st.sampled_from([0, 1, 1, 4, 10**6])))
    contents = contents[:start] + draw(st.binary(max_size=8)) + contents[end:]
  return contents


def reads_or_refuses(
  test: unittest.TestCase, path: str, read: Callable[[], object]
) -> None:
  """Checks that a reader returns, or raises a `ValueError` in one line.

  Args:
    test: The test case.
    path: Path of the file, which the message must have.
    read: Reads the file.
  """
  try:
    read()
  except ValueError as e:
    # Subclasses, such as UnicodeDecodeError, are not the reader's own.
    test.assertIs(type(e), ValueError)
    check_message(test, str(e), path)


def check_message(test: unittest.TestCase, message: str, path: str) -> None:
  """Checks that a message is one line with the file and a remedy."""
  test.assertIn(path, message)
  test.assertRegex(message, r'^Expected .*, found .*: .*\.$')
  test.assertTrue(message.isprintable(), message)
  test.assertLess(len(message), 600)


@contextlib.contextmanager
def unreadable(path: str) -> Generator[None, None, None]:
  """Context in which this process has no permission to read a file."""
  mode = os.stat(path).st_mode
  os.chmod(path, 0)
  is_root = os.geteuid() == 0
  if is_root:
    os.chmod(os.path.dirname(path), 0o755)
    os.seteuid(_NOBODY)
  try:
    yield
  finally:
    if is_root:
      os.seteuid(0)
    os.chmod(path, mode)


@contextlib.contextmanager
def temporary_file(name: str, contents: bytes) -> Generator[str, None, None]:
  """Context with a file in a directory of its own; yields its path."""
  with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, name)
    with open(path, 'wb') as f:
      f.write(contents)
    yield path
