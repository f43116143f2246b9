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
"""Tests of the package: its files, its version and errors at import."""

from collections.abc import Sequence
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

from absl.testing import absltest
import pytest

_ROOT = pathlib.Path(__file__).parents[1]
_PACKAGED_FILES = ('LICENSE', 'README.md', 'pyproject.toml')


def _run_python(
  *arguments: str, path: Sequence[pathlib.Path], cwd: pathlib.Path
) -> subprocess.CompletedProcess[str]:
  """Runs another interpreter, which looks for modules in `path` first."""
  return subprocess.run(
    [sys.executable, *arguments],
    env={**os.environ, 'PYTHONPATH': os.pathsep.join(map(str, path))},
    cwd=cwd,
    capture_output=True,
    text=True,
  )


class PackagingTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._directory = pathlib.Path(
      self.enterContext(tempfile.TemporaryDirectory())
    )

  def test_newest_change_is_of_this_version(self):
    project = tomllib.loads((_ROOT / 'pyproject.toml').read_text())['project']
    versions = re.findall(
      r'^## (\S+)', (_ROOT / 'CHANGELOG.md').read_text(), re.MULTILINE
    )
    self.assertEqual(versions[0], project['version'])

  @pytest.mark.slow
  def test_installs_all_modules_and_imports_them_outside_the_checkout(self):
    # A copy, since a build leaves its files in the source directory.
    source = self._directory / 'source'
    shutil.copytree(_ROOT / 'tff_methods', source / 'tff_methods')
    for name in _PACKAGED_FILES:
      shutil.copy(_ROOT / name, source)
    target = self._directory / 'target'
    pip = 'pip install --quiet --no-build-isolation --no-deps --target'.split()

    installation = _run_python(
      *('-m', *pip, str(target), str(source)), path=[], cwd=self._directory
    )

    self.assertEqual(installation.returncode, 0, installation.stderr)
    modules = {p.relative_to(source) for p in source.glob('tff_*/**/*.py')}
    self.assertEqual(
      modules, {p.relative_to(target) for p in target.glob('tff_*/**/*.py')}
    )
    # Type checkers ignore the annotations of a package without this file.
    self.assertTrue((target / 'tff_methods' / 'py.typed').exists())
    names = ', '.join(
      '.'.join(p.with_suffix('').parts).removesuffix('.__init__')
      for p in sorted(modules)
    )
    code = f'import {names}; print(tff_methods.__file__)'
    imports = _run_python('-c', code, path=[target], cwd=self._directory)
    self.assertEqual(imports.returncode, 0, imports.stderr)
    self.assertEqual(
      imports.stdout.strip(), str(target / 'tff_methods' / '__init__.py')
    )

  def _import_error(self) -> str:
    """Returns the error of an import that finds only the metadata of a test."""
    process = _run_python(
      *('-S', '-c', 'import tff_methods'),
      path=[self._directory, _ROOT],
      cwd=self._directory,
    )
    self.assertEqual(process.returncode, 1)
    return process.stderr.splitlines()[-1]

  def test_import_without_tff_names_the_remedy(self):
    self.assertStartsWith(
      self._import_error(),
      'ImportError: Expected tensorflow-federated 0.87.0, found none: install '
      'it with ',
    )

  def test_import_with_another_tff_names_its_version(self):
    metadata = self._directory / 'tensorflow_federated-0.1.0.dist-info'
    metadata.mkdir()
    (metadata / 'METADATA').write_text(
      'Metadata-Version: 2.1\nName: tensorflow-federated\nVersion: 0.1.0\n'
    )
    self.assertStartsWith(
      self._import_error(),
      'ImportError: Expected tensorflow-federated 0.87.0, found 0.1.0: install '
      'it with ',
    )


if __name__ == '__main__':
  absltest.main()
