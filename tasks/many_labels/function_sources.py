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
"""Prediction of the names in Python functions, in the locked packages."""

import collections
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
import contextlib
import dataclasses
import functools
import gc
import hashlib
from importlib import metadata
import operator
import pathlib
import platform
import re

import numpy as np

from tasks import sources
from tasks.many_labels import multi_label_source
from tasks.many_labels import package_list
from tasks.many_labels import python_functions

# `substrates` repeats the modules of TensorFlow Probability, for JAX.
_LEFT_OUT_DIRS = {'_tests', 'substrates', 'test', 'testing', 'tests'}
_TEST_MODULE = re.compile(r'test_.*|.*_test|conftest')
# Fewest training functions that a feature occurs in.
_MIN_FEATURE_COUNT = 5
# Splits `getHTTPResponse_v2` into get, HTTP, Response, v, 2.
_SUB_TOKEN = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+')
# Features and labels of a function.
_Example = tuple[frozenset[str], frozenset[str]]


@dataclasses.dataclass(frozen=True)
class Labelling:
  """Labels of functions.

  Attributes:
    version: Changes when the examples that a source loads change.
    labels_of: Maps a function to its labels.
    min_count: Fewest training functions of a label.
  """

  version: str
  labels_of: Callable[[python_functions.Function], frozenset[str]]
  min_count: int


CALLS = Labelling('calls-1', operator.attrgetter('calls'), 5)
IDENTIFIERS = Labelling('identifiers-1', operator.attrgetter('identifiers'), 2)


def api_calls() -> multi_label_source.MultiLabelSource:
  """Opens the functions of Python packages, labelled by their calls.

  The packages are those of `api_calls_packages.txt`, without test modules.
  Features are the lower-case parts of a function's name, of its argument names,
  and of the words of its docstring; the three kinds are distinct features, each
  with the value 1. Labels are the names of the called functions: the last name
  of `a.b.c()`. Labels and features in fewer than five training functions are
  dropped, and so are functions without a label. Of functions with the same
  name, arguments and docstring the first is kept, since packages have copies of
  each other's modules. A function is held out if a hash of its module name,
  without enclosing packages, is a multiple of ten.

  Returns:
    A source of functions.

  Raises:
    ValueError: If a package is not installed.
  """
  return _packages_source(CALLS)


def identifiers() -> multi_label_source.MultiLabelSource:
  """Opens the functions of Python packages, labelled by all their names.

  Labels are the names of variables, attributes and keywords in the body, those
  of calls among them, but not those of the function's own arguments, which are
  features. Labels in a single training function are dropped. All else is as in
  `api_calls`.

  Returns:
    A source of functions.

  Raises:
    ValueError: If a package is not installed.
  """
  return _packages_source(IDENTIFIERS)


def _packages_source(
  labelling: Labelling,
) -> multi_label_source.MultiLabelSource:
  paths, hashes = {}, []
  for package in package_list.listed_packages():
    for name, path, content_hash in _find_modules(package):
      paths[name] = path
      hashes.append(f'{name} {content_hash}\n')
  contents_hash = hashlib.sha256(''.join(sorted(hashes)).encode()).hexdigest()
  return functions_source(paths, contents_hash, labelling)


def functions_source(
  paths: Mapping[str, str], contents_hash: str, labelling: Labelling
) -> multi_label_source.MultiLabelSource:
  """Opens the functions of the given modules; see `api_calls`.

  Args:
    paths: Paths of the modules, by names such as `package/module.py`.
    contents_hash: Hash of the names and the contents of the files.
    labelling: Labels of the functions.

  Returns:
    A source of functions.
  """
  # Python's version determines which modules can be parsed.
  version = '.'.join(platform.python_version_tuple()[:2])
  return multi_label_source.MultiLabelSource(
    f'{labelling.version}-{version}-{contents_hash}',
    functools.partial(_load, paths, labelling),
  )


def _load(
  paths: Mapping[str, str], labelling: Labelling
) -> multi_label_source.MultiLabelData:
  with _without_garbage_collection():
    train, test = _read_examples(paths, labelling)
  labels = _vocabulary((names for _, names in train), labelling.min_count)
  train = [e for e in train if not labels.keys().isdisjoint(e[1])]
  test = [e for e in test if not labels.keys().isdisjoint(e[1])]
  features = _vocabulary((f for f, _ in train), _MIN_FEATURE_COUNT)
  return multi_label_source.check_data(
    'the packages',
    multi_label_source.MultiLabelData(
      len(features),
      len(labels),
      _encode(train, features, labels),
      _encode(test, features, labels),
    ),
  )


def _read_examples(
  paths: Mapping[str, str], labelling: Labelling
) -> tuple[list[_Example], list[_Example]]:
  """Returns the training examples, and those held out."""
  seen, train, test = set(), [], []
  for name, path in sorted(paths.items()):
    examples = test if _is_held_out(name) else train
    for function in _read_functions(path):
      key = (function.name, function.arguments, function.docstring)
      names = labelling.labels_of(function)
      if names and key not in seen:
        seen.add(key)
        examples.append((_features(function), names))
  return train, test


@contextlib.contextmanager
def _without_garbage_collection() -> Generator[None, None, None]:
  """Switches off garbage collection while many syntax trees are made.

  The trees have no cycles, and scanning them repeatedly doubles the time.
  """
  was_enabled = gc.isenabled()
  gc.disable()
  try:
    yield
  finally:
    if was_enabled:
      gc.enable()


def _find_modules(package: str) -> list[tuple[str, str, str]]:
  """Returns the names, paths and hashes of the modules of a package."""
  try:
    distribution = metadata.distribution(package)
  except metadata.PackageNotFoundError as e:
    raise ValueError(
      f'Expected {package}, listed in {package_list.PATH.name}, to be '
      'installed, found no such package: install the requirements, or choose '
      'another task.'
    ) from e
  modules = []
  for file in distribution.files or []:
    *dirs, _ = file.parts
    is_left_out = (
      file.suffix != '.py'
      or '..' in dirs
      or not _LEFT_OUT_DIRS.isdisjoint(dirs)
      or _TEST_MODULE.fullmatch(file.stem)
    )
    # A file without a hash is not part of the package.
    if not is_left_out and file.hash is not None:
      path = str(distribution.locate_file(file))
      modules.append((file.as_posix(), path, file.hash.value))
  return modules


def _read_functions(path: str) -> Sequence[python_functions.Function]:
  try:
    source = pathlib.Path(path).read_bytes()
  except OSError as e:
    raise ValueError(
      f'Expected to read {path}, found {type(e).__name__}: reinstall '
      'its package.'
    ) from e
  if b'def ' not in source:  # Thousands of modules only import others.
    return ()
  try:
    return python_functions.find_functions(source)
  except (
    SyntaxError,
    ValueError,
  ):  # A template, or for another version of Python.
    return ()


def _is_held_out(name: str) -> bool:
  path = pathlib.PurePosixPath(name)
  module = path.parent.name if path.stem == '__init__' else path.stem
  return sources.is_held_out(module)


def _features(function: python_functions.Function) -> frozenset[str]:
  texts = {
    'name': function.name,
    'argument': ' '.join(function.arguments),
    'docstring': function.docstring,
  }
  return frozenset(
    f'{kind} {token.lower()}'
    for kind, text in texts.items()
    for token in _SUB_TOKEN.findall(text)
  )


def _vocabulary(
  sets: Iterable[frozenset[str]], min_count: int
) -> dict[str, int]:
  """Returns consecutive ids of the frequent names, in code point order."""
  counts = collections.Counter()
  for names in sets:
    counts.update(names)
  kept = sorted(n for n, count in counts.items() if count >= min_count)
  return {name: i for i, name in enumerate(kept)}


def _encode(
  examples: Sequence[_Example],
  features: Mapping[str, int],
  labels: Mapping[str, int],
) -> multi_label_source.MultiLabelExamples:
  def rows(sets, vocabulary):
    return multi_label_source.SparseRows.from_lists(
      sorted(vocabulary[n] for n in names if n in vocabulary) for names in sets
    )

  encoded = rows((f for f, _ in examples), features)
  ones = np.ones(len(encoded.indices), np.float32)
  return multi_label_source.MultiLabelExamples(
    multi_label_source.SparseRows(encoded.indptr, encoded.indices, ones),
    rows((names for _, names in examples), labels),
  )
