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
"""Tests for _tff_version."""

from importlib import metadata
import pathlib
import runpy
from unittest import mock

from absl.testing import absltest

_MODULE = pathlib.Path(__file__).parents[2] / 'tff_methods/_tff_version.py'


class TffVersionTest(absltest.TestCase):
  def _import(self, **mock_options) -> None:
    with mock.patch.object(metadata, 'version', **mock_options) as version:
      runpy.run_path(str(_MODULE))
    version.assert_called_once_with('tensorflow-federated')

  def test_installed_version_passes(self):
    self._import(wraps=metadata.version)

  def test_other_versions_raise(self):
    with self.assertRaisesRegex(
      ImportError, r'^Expected .*0\.87\.0, found 0\.86\.0: install it with `pip'
    ):
      self._import(return_value='0.86.0')

  def test_missing_package_raises(self):
    with self.assertRaisesRegex(ImportError, 'found none: install it with'):
      self._import(side_effect=metadata.PackageNotFoundError)


if __name__ == '__main__':
  absltest.main()
