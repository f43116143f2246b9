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

import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from tasks.many_labels import package_list


class PackageListTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.path = pathlib.Path(
      self.enterContext(tempfile.TemporaryDirectory()), 'list.txt'
    )

  def test_listed_packages(self):
    self.path.write_text('# Comment of words.\n\nabsl-py\nzope.x\n_y\n# z\n')
    self.assertEqual(
      package_list.listed_packages(self.path), ['absl-py', 'zope.x', '_y']
    )

  def test_list_of_the_task(self):
    packages = package_list.listed_packages()
    self.assertEqual(packages, sorted(set(packages)))
    self.assertContainsSubset(['absl-py', 'numpy', 'tensorflow'], packages)

  @parameterized.parameters(None, b'', b'# none\n', b'\xff\n')
  def test_missing_and_empty_lists_raise(self, contents):
    if contents is not None:
      self.path.write_bytes(contents)
    with self.assertRaisesRegex(
      ValueError, f'{self.path}, .*found none: take it from the repository'
    ):
      package_list.listed_packages(self.path)


if __name__ == '__main__':
  absltest.main()
