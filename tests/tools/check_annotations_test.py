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
"""Tests of the check of annotations."""

import contextlib
import io
import pathlib
import tempfile

from absl.testing import absltest

from tools import check_annotations

_SOURCE = """
def typed(x: int, *rest: int, y: str = '', **more: object):
  def inner(z):
    return z

  return inner


def untyped(a, /, b, *c, d: int, e, **f): ...


async def waits(g): ...


def _private(h): ...


class Store:
  def __init__(self, path): ...

  def read(self, key: str): ...

  @classmethod
  def open(cls, place): ...

  @staticmethod
  def join(left, right: str): ...

  def __eq__(self, other): ...

  class Entry:
    def write(self, value): ...


class _Private:
  def read(self, key): ...
"""


class CheckAnnotationsTest(absltest.TestCase):
  def test_finds_parameters_of_public_functions_and_methods(self):
    found = [
      (name, parameters)
      for _, name, parameters in check_annotations.findings(_SOURCE)
    ]
    self.assertEqual(
      found,
      [
        ('untyped', ['a', 'b', 'c', 'e', 'f']),
        ('waits', ['g']),
        ('Store.__init__', ['path']),
        ('Store.open', ['place']),
        ('Store.join', ['left']),
        ('Store.Entry.write', ['value']),
      ],
    )

  def test_prints_findings_below_a_directory(self):
    output = io.StringIO()
    with tempfile.TemporaryDirectory() as directory:
      pathlib.Path(directory, 'bad.py').write_text('\ndef f(x, y): ...\n')
      pathlib.Path(directory, 'good.py').write_text('def f(x: int): ...\n')
      with contextlib.redirect_stdout(output):
        code = check_annotations.main([directory])
    self.assertEqual(code, 1)
    self.assertEndsWith(
      output.getvalue(), 'bad.py:2: f has no types for x, y\n'
    )


if __name__ == '__main__':
  absltest.main()
