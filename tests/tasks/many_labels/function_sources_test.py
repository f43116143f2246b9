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

import hashlib
import pathlib
import sys
import tempfile
from unittest import mock

from absl.testing import absltest
import numpy as np
import pytest

from tasks.many_labels import function_sources
from tasks.many_labels import package_list


def _modules(is_test, number):
  """Returns names of modules of the training or the test split."""
  names = (f'module{i}' for i in range(10_000))
  # The digest's first 8 bytes, the lowest first.
  first = (hashlib.sha256(n.encode()).digest()[7::-1].hex() for n in names)
  numbered = enumerate(int(digits, 16) for digits in first)
  chosen = (f'module{i}' for i, n in numbered if (n % 10 == 0) == is_test)
  return [next(chosen) for _ in range(number)]


def _decode(examples, row):
  of_row = slice(*examples.labels.indptr[row : row + 2])
  return examples.labels.indices[of_row].tolist()


class FunctionsSourceTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

  def _source(self, sources, labelling=function_sources.CALLS):
    paths = {}
    for name, text in sources.items():
      path = self.dir / name
      path.parent.mkdir(parents=True, exist_ok=True)
      path.write_text(text)
      paths[name] = str(path)
    return function_sources.functions_source(paths, '0', labelling)

  def test_examples(self):
    train = _modules(False, 6)
    (test,) = _modules(True, 1)
    sources = {
      f'a/{m}.py': (
        f'def getName_v{i}(self):\n  "Gets it."\n  b.open(close())\n'
        f'def rare{i}(x):\n  seldom{i}()\n'
      )
      for i, m in enumerate(train)
    }
    sources[f'b/{test}.py'] = 'def set_name(x):\n  if other(): close()\n'
    data = self._source(sources).load()
    # The labels 'close' and 'open' occur in six functions each.
    self.assertEqual(data.num_labels, 2)
    self.assertLen(data.train.labels, 6)
    for row in range(6):
      self.assertEqual(_decode(data.train, row), [0, 1])
    self.assertLen(data.test.labels, 1)
    self.assertEqual(_decode(data.test, 0), [0])
    # Argument self; docstring gets, it; name get, name, v. Each number occurs
    # only once.
    self.assertEqual(data.num_features, 6)
    for row in range(6):
      of_row = slice(*data.train.features.indptr[row : row + 2])
      features = data.train.features.indices[of_row].tolist()
      self.assertEqual(features, list(range(6)))
    self.assertEqual(data.test.features.indices.tolist(), [4])
    self.assertTrue(np.all(data.train.features.values == 1))

  def test_identifiers(self):
    train = _modules(False, 3)
    (test,) = _modules(True, 1)
    # `rows` is an argument in all but the first module.
    sources = {
      f'a/{m}.py': (
        f'def f{i}({"rows" if i else "x"}):\n  total = sum(rows, start=0)\n'
        f'  only{i} = self.total\n'
      )
      for i, m in enumerate(train)
    }
    sources[f'b/{test}.py'] = 'def g(): return start.rows\n'
    data = self._source(sources, function_sources.IDENTIFIERS).load()
    # In two functions and more: self, start, sum and total.
    self.assertEqual(data.num_labels, 4)
    for row in range(3):
      self.assertEqual(_decode(data.train, row), [0, 1, 2, 3])
    self.assertEqual(_decode(data.test, 0), [1])

  def test_labels_are_part_of_the_fingerprint(self):
    fingerprints = {
      self._source({}, labelling).fingerprint
      for labelling in (function_sources.CALLS, function_sources.IDENTIFIERS)
    }
    self.assertLen(fingerprints, 2)

  def test_copies_are_left_out(self):
    function = 'def f{}(x):\n  """Doc."""\n  call()\n'
    modules = _modules(False, 7)
    sources = {f'a/{m}.py': function.format(i) for i, m in enumerate(modules)}
    # Copies in another package, with another body.
    for i, m in enumerate(modules):
      sources[f'copy/of/{m}.py'] = function.format(i) + '  more()\n'
    (test,) = _modules(True, 1)
    sources[f'b/{test}.py'] = function.format(3) + function.format(99)
    data = self._source(sources).load()
    self.assertEqual((data.num_labels, len(data.train.labels)), (1, 7))
    self.assertLen(data.test.labels, 1)

  def test_init_module_has_the_name_of_its_package(self):
    (test,) = _modules(True, 1)
    sources = {
      f'a/{m}.py': f'def f{i}(): call()\n'
      for i, m in enumerate(_modules(False, 5))
    }
    sources[f'a/{test}/__init__.py'] = 'def g(): call()\n'
    self.assertLen(self._source(sources).load().test.labels, 1)

  def test_skips_files_that_cannot_be_parsed(self):
    sources = {
      f'a/{m}.py': f'def f{i}(): call()\n'
      for i, m in enumerate(_modules(False, 5) + _modules(True, 1))
    }
    sources['a/template.py'] = 'def {{name}}(): call()\n'
    data = self._source(sources).load()
    self.assertLen(data.train.labels, 5)

  def test_missing_file_raises(self):
    source = function_sources.functions_source(
      {'a.py': '/not/there.py'}, '0', function_sources.CALLS
    )
    with self.assertRaisesRegex(
      ValueError,
      'Expected to read /not/there.py, found FileNotFoundError: reinstall',
    ):
      source.load()

  def test_too_few_functions_raise(self):
    with self.assertRaisesRegex(ValueError, 'the packages .* found 0 with 0'):
      self._source({'a.py': 'def f(): call()\n'}).load()


class ApiCallsTest(absltest.TestCase):
  """A list of packages, and packages, made for the test."""

  def setUp(self):
    super().setUp()
    self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    self.package_list = self.dir / 'api_calls_packages.txt'
    self.enterContext(
      mock.patch.object(package_list, 'PATH', self.package_list)
    )
    path = [str(self.dir), *sys.path]
    self.enterContext(mock.patch.object(sys, 'path', path))

  def _install(self, package, sources, version='1.0'):
    record = []
    for name, text in sources.items():
      path = self.dir / name
      path.parent.mkdir(parents=True, exist_ok=True)
      path.write_text(text)
      content_hash = hashlib.sha256(text.encode()).hexdigest()
      record.append(f'{name},sha256={content_hash},{len(text)}\n')
    info = self.dir / f'{package}-{version}.dist-info'
    info.mkdir(exist_ok=True)
    (info / 'METADATA').write_text(f'Name: {package}\nVersion: {version}\n')
    (info / 'RECORD').write_text(''.join(record))

  def test_listed_packages_without_their_tests(self):
    train, test = _modules(False, 5), _modules(True, 1)
    functions = {m: f'def f{i}(): call()\n' for i, m in enumerate(train + test)}
    named = {f'lib_a/{m}.py': text for m, text in functions.items()}
    left_out = {
      f'lib_a/{name}': f'def g{i}(): call()\n'
      for i, name in enumerate(
        [
          'tests/module.py',
          'test_some.py',
          'some_test.py',
          'conftest.py',
          'substrates/jax/some.py',
          'data.txt',
        ]
      )
    }
    self._install('lib_a', named | left_out)
    self._install('lib_b', {'lib_b.py': 'def h(): call()\n'})
    self._install('lib_c', {'lib_c.py': 'def i(): call()\n'})
    self.package_list.write_text('# Two of three.\nlib_a\nlib_b\n')
    source = function_sources.api_calls()
    data = source.load()
    self.assertEqual(len(data.train.labels) + len(data.test.labels), 7)
    self.assertEqual(
      function_sources.api_calls().fingerprint, source.fingerprint
    )
    self._install('lib_b', {'lib_b.py': 'def h(): other()\n'})
    changed = function_sources.api_calls().fingerprint
    self.assertNotEqual(changed, source.fingerprint)

  def test_missing_package_raises(self):
    self.package_list.write_text('no-such-library\n')
    with self.assertRaisesRegex(
      ValueError, 'Expected no-such-library, listed in api_calls_packages.txt'
    ):
      function_sources.api_calls()

  def test_names_the_missing_list(self):
    with self.assertRaisesRegex(
      ValueError, f'{self.package_list}, .*, found none'
    ):
      function_sources.api_calls()


class LockedPackagesTest(absltest.TestCase):
  @pytest.mark.slow
  @pytest.mark.timeout(900)
  def test_has_thousands_of_labels(self):
    data = function_sources.api_calls().load()
    self.assertGreater(data.num_labels, 6_000)
    self.assertGreater(len(data.train.labels), 55_000)
    self.assertGreater(len(data.test.labels), 5_000)
    counts = np.bincount(data.train.labels.indices)
    self.assertEqual(counts.min(), 5)
    # A power law: most labels are rare, some occur in thousands of functions.
    self.assertLess(np.median(counts), 12)
    self.assertGreater(counts.max(), 5_000)

  @pytest.mark.slow
  @pytest.mark.timeout(900)
  def test_has_tens_of_thousands_of_identifiers(self):
    data = function_sources.identifiers().load()
    self.assertGreater(data.num_labels, 50_000)
    self.assertGreater(len(data.train.labels), 65_000)
    counts = np.bincount(data.train.labels.indices)
    self.assertEqual(counts.min(), 2)
    self.assertLess(np.median(counts), 5)
    self.assertGreater(counts.max(), 5_000)


if __name__ == '__main__':
  absltest.main()
