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
import sysconfig
import tempfile
import tomllib
import venv

from absl.testing import absltest
import pytest

_ROOT = pathlib.Path(__file__).parents[1]
_PACKAGES = ('programs', 'tasks', 'tff_methods')
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

  def _build_wheel(self) -> pathlib.Path:
    """Builds a source distribution, and a wheel from it alone."""
    # A copy, since a build leaves its files in the source directory.
    source = self._directory / 'source'
    for package in _PACKAGES:
      shutil.copytree(
        _ROOT / package,
        source / package,
        ignore=shutil.ignore_patterns('__pycache__'),
      )
    for name in _PACKAGED_FILES:
      shutil.copy(_ROOT / name, source)
    distributions = self._directory / 'distributions'
    code = (
      'from setuptools import build_meta; '
      f'print(build_meta.build_sdist({str(distributions)!r}))'
    )
    build = _run_python('-c', code, path=[], cwd=source)
    self.assertEqual(build.returncode, 0, build.stderr)
    (sdist,) = distributions.glob('*.tar.gz')
    wheel = _run_python(
      *'-m pip wheel --quiet --no-build-isolation --no-deps'.split(),
      *('--wheel-dir', str(distributions), str(sdist)),
      path=[],
      cwd=self._directory,
    )
    self.assertEqual(wheel.returncode, 0, wheel.stderr)
    (path,) = distributions.glob('*.whl')
    return path

  def _install(self, wheel: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """Installs a wheel into a new environment.

    The environment sees the installed packages of this one, after its own.

    Args:
      wheel: The wheel.

    Returns:
      Directories of the environment's commands and of its packages.
    """
    environment = self._directory / 'environment'
    venv.create(environment, symlinks=True)
    python = environment / 'bin' / 'python'
    installation = _run_python(
      *('-m', 'pip', '--quiet', '--python', str(python), 'install'),
      *('--no-deps', '--no-index', str(wheel)),
      path=[],
      cwd=self._directory,
    )
    self.assertEqual(installation.returncode, 0, installation.stderr)
    (packages,) = environment.glob('lib/python*/site-packages')
    (packages / 'dependencies.pth').write_text(
      f'{sysconfig.get_path("purelib")}\n'
    )
    return environment / 'bin', packages

  def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a command outside of the checkout, without paths to it."""
    environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    return subprocess.run(
      command,
      env=environment,
      cwd=self._directory,
      capture_output=True,
      text=True,
    )

  @pytest.mark.slow
  def test_installs_and_runs_outside_the_checkout(self):
    commands, packages = self._install(self._build_wheel())

    for package in _PACKAGES:
      source = {
        p.relative_to(_ROOT)
        for p in (_ROOT / package).rglob('*')
        if p.is_file() and p.suffix != '.pyc' and p.name != 'BUILD'
      }
      # Modules, flag files and templates; type checkers look for py.typed.
      self.assertEqual(
        source,
        {
          p.relative_to(packages)
          for p in (packages / package).rglob('*')
          if p.is_file() and p.suffix != '.pyc'
        },
      )
    modules = ', '.join(
      '.'.join(p.relative_to(packages).with_suffix('').parts).removesuffix(
        '.__init__'
      )
      for p in sorted((packages / 'tff_methods').rglob('*.py'))
    )
    code = f'import {modules}, tasks.registry; print(tff_methods.__file__)'
    imports = self._run(str(commands / 'python'), '-c', code)
    self.assertEqual(imports.returncode, 0, imports.stderr)
    self.assertEqual(
      imports.stdout.strip(), str(packages / 'tff_methods' / '__init__.py')
    )
    arguments = ('--flagfile=digits_fed_avg', '--output_dir=run', '--dry_run')
    for command in (
      (str(commands / 'tff-methods'), 'train'),
      (str(commands / 'python'), '-m', 'programs.train'),
    ):
      check = self._run(*command, *arguments)
      self.assertEqual((check.returncode, check.stderr), (0, ''))

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
