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
"""Tests that BUILD files follow the sources, in a small tree of their own."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

from absl.testing import absltest

_SCRIPT = pathlib.Path(__file__).parents[2] / 'tools' / 'build_files.py'
_FILES = {
  '.bazelignore': 'ignored\n',
  'ignored/module.py': '',
  'library/__init__.py': 'from library.encoder import encode\n',
  'library/encoder.py': 'import os\n\ndef encode():\n  pass\n',
  'library/program.py': (
    "from library import encoder\n\nif __name__ == '__main__':\n  pass\n"
  ),
  'tests/library/encoder_test.py': (
    'import library\nfrom library import encoder\n'
  ),
}
_LIBRARY_BUILD = """
load("@rules_python//python:defs.bzl", "py_binary", "py_library")

package(default_visibility = [
    "//library:__subpackages__",
    "//tests:__subpackages__",
])

py_library(
    name = "library",
    srcs = ["__init__.py"],
    visibility = ["//visibility:public"],
    deps = [":encoder"],
)

py_library(
    name = "encoder",
    srcs = ["encoder.py"],
)

py_binary(
    name = "program",
    srcs = ["program.py"],
    deps = [":encoder"],
)
"""
_TEST_BUILD = """
load("//tools:testing.bzl", "py_test")

package(default_visibility = ["//tests:__subpackages__"])

py_test(
    name = "encoder_test",
    size = "small",
    srcs = ["encoder_test.py"],
    deps = [
        "//library",
        "//library:encoder",
    ],
)
"""


class BuildFilesTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._root = pathlib.Path(
      self.enterContext(tempfile.TemporaryDirectory())
    ).resolve()
    for name, text in _FILES.items():
      (self._root / name).parent.mkdir(parents=True, exist_ok=True)
      (self._root / name).write_text(text)
    (self._root / 'tools').mkdir()
    shutil.copy(_SCRIPT, self._root / 'tools')

  def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = str(self._root / 'tools' / _SCRIPT.name)
    return subprocess.run(
      [sys.executable, script, *arguments], capture_output=True, text=True
    )

  def _build(self, package: str) -> str:
    return (self._root / package / 'BUILD').read_text()

  def test_fix_writes_a_target_for_each_module(self):
    self.assertEqual(self._run('--fix').returncode, 0)

    licence = _SCRIPT.read_text().partition('"""')[0]
    self.assertEqual(self._build('library'), licence + _LIBRARY_BUILD)
    self.assertEqual(self._build('tests/library'), licence + _TEST_BUILD)
    self.assertFalse((self._root / 'ignored' / 'BUILD').exists())

  def test_check_prints_differences(self):
    self._run('--fix')
    self.assertEqual(self._run().returncode, 0)
    (self._root / 'library' / 'decoder.py').write_text('')

    check = self._run()

    self.assertEqual(check.returncode, 1)
    self.assertIn('+    name = "decoder",\n', check.stdout)
    self.assertIn('tools/build_files.py --fix', check.stdout.splitlines()[-1])

  def test_names_modules_that_import_each_other(self):
    encoder = self._root / 'library' / 'encoder.py'
    encoder.write_text('from library import stage\n')
    stage = self._root / 'library' / 'stage.py'
    stage.write_text('import library\n')

    fix = self._run('--fix')

    self.assertEqual(fix.returncode, 1)
    self.assertIn(
      '//library:library -> //library:encoder -> //library:stage -> '
      '//library:library',
      fix.stdout,
    )

  def test_keeps_parts_written_by_hand(self):
    self._run('--fix')
    build = self._root / 'tests' / 'library' / 'BUILD'
    by_hand = self._build('tests/library')
    for target, replacement in (
      ('    srcs', '    timeout = "long",\n    srcs'),
      ('    deps', '    tags = ["smoke"],\n    deps'),
      ('\npy_test(', '\n# Why.\nexports_files(["data"])\n\npy_test('),
    ):
      by_hand = by_hand.replace(target, replacement)
    build.write_text(by_hand)
    test = self._root / 'tests' / 'library' / 'encoder_test.py'
    test.write_text('import library\n')

    self._run('--fix')

    self.assertEqual(
      self._build('tests/library'),
      by_hand.replace(
        '[\n        "//library",\n        "//library:encoder",\n    ]',
        '["//library"]',
      ),
    )

  def test_slow_tests_have_the_tag(self):
    slow, quick = (
      f'class {name}:\n  {mark}\n  def test_a(self):\n    pass\n'
      for name, mark in (('A', '@pytest.mark.slow'), ('B', '@skip'))
    )
    srcs = '    srcs = ["x_test.py"],\n'
    attributes = {
      'all': f'    size = "large",\n{srcs}    tags = ["slow"],\n',
      'some': f'    size = "small",\n{srcs}    has_slow_tests = True,\n',
      'none': f'    size = "small",\n{srcs}',
    }
    test = self._root / 'tests' / 'library' / 'x_test.py'
    for name, text in (
      ('all', slow),
      ('some', slow + quick),
      ('none', quick),
      ('all', f'@pytest.mark.slow\n{quick}'),
    ):
      test.write_text(text)
      self._run('--fix')
      self.assertIn(
        f'py_test(\n    name = "x_test",\n{attributes[name]})\n',
        self._build('tests/library'),
      )

  def test_tests_that_import_tensorflow_are_not_small(self):
    encoder = self._root / 'library' / 'encoder.py'
    encoder.write_text('def encode():\n  import tensorflow as tf\n')
    self._run('--fix')
    self.assertNotIn('size', self._build('tests/library'))

  def test_drops_targets_without_a_module(self):
    self._run('--fix')
    (self._root / 'library' / 'program.py').unlink()

    self._run('--fix')

    self.assertNotIn('program', self._build('library'))
    self.assertNotIn('py_binary', self._build('library'))


if __name__ == '__main__':
  absltest.main()
