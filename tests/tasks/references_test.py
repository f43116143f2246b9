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
import pathlib
import sys
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from tasks import references

_MODULE = """
def add(first, second=1):
  return first + second

def take_all(**kwargs):
  return sorted(kwargs)

class Holder:
  @staticmethod
  def one():
    return 1

number = 3
"""


class ReferencesTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    # One for all tests, since Python keeps modules.
    cls.dir = cls.enterClassContext(tempfile.TemporaryDirectory())
    directory = pathlib.Path(cls.dir)
    (directory / 'referred_module.py').write_text(_MODULE)
    (directory / 'broken_module.py').write_text('import sys\n1 / 0\n')
    (directory / 'a_package').mkdir()

  def setUp(self):
    super().setUp()
    path = list(sys.path)
    self.addCleanup(lambda: sys.path.__setitem__(slice(None), path))
    self.addCleanup(os.chdir, os.getcwd())
    os.chdir(self.dir)

  @parameterized.parameters('a:b', 'a.b:c', 'a:b.c', '_a1:_b')
  def test_is_reference(self, text):
    self.assertTrue(references.is_reference(text))

  @parameterized.parameters('a', 'a:', ':b', 'a:b:c', 'a/b:c', '1a:b', 'a:b()')
  def test_is_no_reference(self, text):
    self.assertFalse(references.is_reference(text))

  def test_loads_from_the_working_directory(self):
    path = references.source_file('referred_module:add')
    self.assertTrue(os.path.samefile(path, 'referred_module.py'))
    self.assertEqual(references.load('referred_module:add')(1, 2), 3)
    self.assertEqual(references.load('referred_module:Holder.one')(), 1)

  def test_gives_arguments_that_are_taken(self):
    given = {'first': 1, 'other': 2}
    self.assertEqual(references.call('referred_module:add', given), 2)
    self.assertEqual(
      references.call('referred_module:take_all', given, ['other']),
      ['first', 'other'],
    )

  @parameterized.named_parameters(
    ('module', 'no_such_module:f', {}, (), "module 'no_such_module' .* none"),
    ('parent', 'no_such_module.a:f', {}, (), 'ModuleNotFoundError'),
    ('directory', 'a_package:f', {}, (), 'a module with a file'),
    ('broken', 'broken_module:f', {}, (), 'ZeroDivisionError.*, line 2'),
    ('function', 'referred_module:f', {}, (), "'f' in .*, found none"),
    ('number', 'referred_module:number', {}, (), 'a function, found int'),
    ('missing', 'referred_module:add', {'b': 1}, (), 'of .b., found `first`'),
    ('required', 'referred_module:add', {'first': 1}, ['b'], 'to take `b`'),
    ('raises', 'referred_module:add', {'first': ''}, (), 'TypeError.* line 3'),
  )
  def test_refuses_in_one_line(self, reference, arguments, required, message):
    with self.assertRaisesRegex(ValueError, message) as caught:
      references.call(reference, arguments, required)
    self.assertNotIn('\n', str(caught.exception))


if __name__ == '__main__':
  absltest.main()
