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

import os
import tempfile
from unittest import mock

from absl.testing import absltest

from tasks import cache


class CacheDirectoryTest(absltest.TestCase):
  def test_argument_then_environment_then_home(self):
    variables = {cache.CACHE_VARIABLE: '/from/env', 'HOME': '/me'}
    with mock.patch.dict(os.environ, variables):
      self.assertEqual(cache.cache_directory('/a/b'), '/a/b')
      self.assertEqual(cache.cache_directory('~/b'), '/me/b')
      self.assertEqual(cache.cache_directory(None), '/from/env')
      os.environ[cache.CACHE_VARIABLE] = ''
      self.assertEqual(cache.cache_directory(None), '/me/.cache/tff_methods')

  def test_makes_paths_absolute(self):
    directory = self.enterContext(tempfile.TemporaryDirectory())
    before = os.getcwd()
    self.addCleanup(os.chdir, before)
    os.chdir(directory)
    self.assertEqual(
      cache.cache_directory('new/cache'), f'{os.getcwd()}/new/cache'
    )

  def test_impossible_paths_raise(self):
    for path in ('/a\0b', '/a\udcfc'):
      with self.assertRaisesRegex(ValueError, 'in UTF-8 and without NUL'):
        cache.cache_directory(path)

  def test_file_raises(self):
    path = self.enterContext(tempfile.NamedTemporaryFile()).name
    with self.assertRaisesRegex(ValueError, 'to be a directory.*`cache_dir`'):
      cache.cache_directory(path)


if __name__ == '__main__':
  absltest.main()
