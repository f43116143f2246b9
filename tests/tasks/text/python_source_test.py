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
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import pytest

from tasks.text import python_source

_SOURCE = '''"""A module."""
# A comment.

def double(x):

  return 2 * x  # Twice.
'''
_TOKENS = [
  '<string> <newline> def double ( x ) : <newline> <indent> return <number> * '
  'x <newline> <dedent>'
]


class PythonTokensTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  def _write(self, sources):
    for name, source in sources.items():
      path = pathlib.Path(self.dir, name)
      path.parent.mkdir(parents=True, exist_ok=True)
      path.write_text(source)

  def _load(self):
    return python_source.python_tokens(self.dir).load()

  def _clients(self):
    """Returns the training sentences, and the joined test sentences."""
    texts = self._load()
    return texts.train, [' '.join(s) for s in texts.test]

  def test_tokens(self):
    self._write({'some.py': _SOURCE})
    train, test = self._clients()
    self.assertEqual([' '.join(s) for s in train['some']], _TOKENS)
    self.assertEmpty(test)

  def test_sentences_have_20_tokens(self):
    self._write({'some.py': '\n'.join(f'a{i} = b{i}' for i in range(13))})
    (sentences,) = self._clients()[0].values()
    self.assertEqual([len(s) for s in sentences], [20, 20, 12])
    tokens = [t for s in sentences for t in s]
    self.assertEqual(tokens[:5], ['a0', '=', 'b0', '<newline>', 'a1'])
    self.assertEqual(tokens[-2:], ['b12', '<newline>'])

  def test_skips_tests_and_directories_that_are_not_packages(self):
    names = [
      'some.py',
      'p/__init__.py',
      'p/q/r.py',
      'p/test/c.py',
      'p/tests/c.py',
      'idlelib/idle_test/c.py',
      'site-packages/c.py',
      'lib-dynload/c.py',
      'c.txt',
      '_sysconfigdata__linux_x86_64.py',
    ]
    self._write({name: f'x = {i}' for i, name in enumerate(names)})
    self._write({'empty.py': '# Nothing.\n'})
    train, test = self._clients()
    self.assertEqual(list(train), ['p', 'p.q.r', 'some'])
    self.assertEmpty(test)

  def test_holds_out_modules_by_their_names(self):
    names = [f'm{i}' for i in range(300)]
    self._write({f'{name}.py': f'{name}\n' for name in names})
    texts = self._load()
    held_out = [s[0] for s in texts.test]
    self.assertCountEqual([*texts.train, *held_out], names)
    self.assertBetween(len(held_out), 15, 50)  # 30 are expected.
    self._write({'another.py': 'x\n'})
    self.assertContainsSubset(held_out, [s[0] for s in self._load().test])

  def test_fingerprint_follows_from_names_and_contents(self):
    def fingerprint():
      return python_source.python_tokens(self.dir).fingerprint

    self._write({'a.py': 'x', 'b.py': 'y'})
    first = fingerprint()
    self.assertEqual(fingerprint(), first)
    self._write({'b.py': 'z'})
    second = fingerprint()
    os.rename(f'{self.dir}/b.py', f'{self.dir}/c.py')
    self.assertLen({first, second, fingerprint()}, 3)

  def test_directory_without_modules_raises(self):
    with self.assertRaisesRegex(ValueError, 'standard library, found none: '):
      python_source.python_tokens(self.dir)

  @parameterized.parameters('x = (', '  x\n y', 'x = "\ud800"')
  def test_invalid_python_raises(self, source):
    path = pathlib.Path(self.dir, 'some.py')
    path.write_bytes(source.encode(errors='surrogatepass'))
    with self.assertRaisesRegex(
      ValueError, 'some.py to be a module .*cannot be read.*: reinstall'
    ) as caught:
      self._load()
    self.assertNotIn('\n', str(caught.exception))

  @pytest.mark.slow
  def test_reads_the_standard_library(self):
    texts = python_source.python_tokens().load()
    self.assertBetween(len(texts.train), 550, 800)
    self.assertIn('json.decoder', texts.train)
    self.assertIn('asyncio', texts.train)
    self.assertEmpty([name for name in texts.train if '.test' in name])
    sentences = [s for client in texts.train.values() for s in client]
    num_tokens = sum(map(len, sentences))
    self.assertBetween(num_tokens, 1_000_000, 1_700_000)
    distinct = {t for s in sentences for t in s}
    self.assertBetween(len(distinct), 20_000, 28_000)
    share = sum(map(len, texts.test)) / num_tokens
    self.assertBetween(share, 0.05, 0.2)
    self.assertFalse([t for t in distinct if ' ' in t or not t])


if __name__ == '__main__':
  absltest.main()
