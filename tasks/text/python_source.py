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
"""Python's own standard library as text, each module a client's."""

from collections.abc import Iterator, Mapping
import hashlib
import io
import os
import platform
import sysconfig
import tokenize

from tasks import sources
from tasks.text import text_sources

# Tokens whose text is left out, so that what is said is the program's shape and
# its names. None of these is a token of Python, so no name is taken for one.
_NORMAL_FORMS: Mapping[int, str] = {
  tokenize.NUMBER: '<number>',
  tokenize.STRING: '<string>',
  tokenize.NEWLINE: '<newline>',
  tokenize.INDENT: '<indent>',
  tokenize.DEDENT: '<dedent>',
}
_LEFT_OUT = (
  tokenize.COMMENT,
  tokenize.ENCODING,
  tokenize.ENDMARKER,
  tokenize.NL,
)
_TEST_DIRS = ('test', 'tests', 'idle_test')
# Written when Python is built, so not the same everywhere.
_BUILD_MODULE = '_sysconfigdata'
_SENTENCE_LENGTH = 20
# To be changed when the sentences that `load` returns change.
_VERSION = 'tokens-1'


def python_tokens(stdlib_dir: str | None = None) -> text_sources.TextSource:
  """The tokens of the modules of Python's standard library.

  Names, keywords and operators are tokens as they are. A number is '<number>',
  a string, thus a docstring too, is '<string>'. The end of a line of code, and
  a change of its indentation, are '<newline>', '<indent>' and '<dedent>'.
  Comments and empty lines are left out. A sentence is a piece of 20 tokens; the
  last of a module may be shorter.

  Modules of tests are left out, and what is no module that can be imported by
  its path, as `site-packages`. A module is held out, as a whole, if a hash of
  its name is a multiple of ten.

  Args:
    stdlib_dir: The directory with the modules; by default this Python's.

  Returns:
    A source of which the modules, by their dotted names, are the clients.

  Raises:
    ValueError: If the directory has none.
  """
  stdlib_dir = stdlib_dir or sysconfig.get_paths()['stdlib']
  paths = dict(_find_modules(stdlib_dir))
  if not paths:
    raise ValueError(
      f"Expected {stdlib_dir} to have the modules of Python's standard "
      'library, found none: install Python with its library as files, or '
      'choose another task.'
    )
  digest = hashlib.sha256()
  for name, path in paths.items():
    with open(path, 'rb') as f:
      source_hash = hashlib.file_digest(f, 'sha256').hexdigest()
    digest.update(f'{name} {source_hash}\n'.encode())
  # What a token is depends on the version.
  version = f'{_VERSION}-{platform.python_version()}'
  return text_sources.TextSource(
    f'{version}-{digest.hexdigest()}', lambda: _load(paths)
  )


def _load(paths: Mapping[str, str]) -> text_sources.Texts:
  train, test = {}, []
  for name, path in paths.items():
    tokens = _read_tokens(path)
    starts = range(0, len(tokens), _SENTENCE_LENGTH)
    sentences = [tokens[i : i + _SENTENCE_LENGTH] for i in starts]
    if not sentences:
      continue
    if sources.is_held_out(name):
      test.extend(sentences)
    else:
      train[name] = sentences
  return text_sources.Texts(train, test)


def _find_modules(stdlib_dir: str) -> Iterator[tuple[str, str]]:
  """The modules' names and paths, in the order of the names."""
  found = []
  for directory, subdirectories, files in os.walk(stdlib_dir):
    subdirectories[:] = [
      d for d in subdirectories if d.isidentifier() and d not in _TEST_DIRS
    ]
    package = os.path.relpath(directory, stdlib_dir).split(os.sep)
    for file in files:
      module, extension = os.path.splitext(file)
      if extension != '.py' or module.startswith(_BUILD_MODULE):
        continue
      parts = [p for p in (*package, module) if p not in ('.', '__init__')]
      found.append(('.'.join(parts), os.path.join(directory, file)))
  return iter(sorted(found))


def _read_tokens(path: str) -> list[str]:
  try:
    with open(path, 'rb') as f:
      source = io.BytesIO(f.read())
    return [
      _NORMAL_FORMS.get(token.type, token.string)
      for token in tokenize.tokenize(source.readline)
      if token.type not in _LEFT_OUT
    ]
  except (OSError, SyntaxError, tokenize.TokenError, ValueError) as e:
    raise ValueError(
      f'Expected {path} to be a module of Python {platform.python_version()}, '
      f'found that it cannot be read ({type(e).__name__}): install Python anew.'
    ) from e
