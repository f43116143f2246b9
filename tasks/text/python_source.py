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
"""Tokens of Python's standard library; each module is a client."""

from collections.abc import Iterator, Mapping
import hashlib
import io
import os
import platform
import sysconfig
import tokenize

from tasks import sources
from tasks.text import text_sources

# Literals and layout are normalized, so structure and names of programs remain.
# None of these is a token of Python, so they cannot be confused with names.
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
# Generated when Python is built, so it differs between installations.
_BUILD_MODULE = '_sysconfigdata'
_SENTENCE_LENGTH = 20
# Changes when the sentences that `load` returns change.
_VERSION = 'tokens-1'


def python_tokens(stdlib_dir: str | None = None) -> text_sources.TextSource:
  """Opens the tokens of the modules of Python's standard library.

  Names, keywords and operators are unchanged tokens. Numbers become '<number>';
  strings, including docstrings, become '<string>'. Ends of logical lines become
  '<newline>'; changes of indentation become '<indent>' and '<dedent>'. Comments
  and empty lines are left out. A sentence is a sequence of 20 tokens; the last
  of a module may be shorter.

  Left out are test modules, and files in directories that are not packages by
  their names, such as `site-packages`. A whole module is held out if a hash of
  its name is a multiple of ten.

  Args:
    stdlib_dir: Directory of the modules; `None` selects that of the running
      Python.

  Returns:
    A source whose clients are the modules, by their dotted names.

  Raises:
    ValueError: If the directory has no modules.
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
  # Python's version determines the tokens.
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
  """Yields names and paths of the modules, sorted by name."""
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
      f'found a file that cannot be read ({type(e).__name__}): reinstall '
      'Python.'
    ) from e
