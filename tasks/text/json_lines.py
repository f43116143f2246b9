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
"""Reader of gzipped JSON lines, one client's text in each."""

from collections.abc import Iterator, Mapping, Sequence
import gzip
import json
import math
from typing import Any
import zlib

from tasks import input_files

CLIENT_ID = 'client_id'

# In characters; no line of any data set comes near.
_MAX_LINE_LENGTH = 2**28
# Raised by Python's gzip for files that are cut short or altered.
_GZIP_ERRORS = (EOFError, OSError, zlib.error)
_MAX_EXCERPT = 60


class _BadLineError(Exception):
  """A damaged line. The message continues "Expected in line 3 of FILE ..."."""


def read_json_lines(
  path: str, fields: Sequence[str], others: Sequence[str] = ()
) -> Iterator[tuple[int, Mapping[str, Any]]]:
  """Reads the objects of a file, and skips blank lines.

  An integer or decimal number as `client_id` becomes its string.

  Args:
    path: Path of the file, gzipped UTF-8.
    fields: Fields of each object, all strings.
    others: Further fields, of any type. All others are ignored.

  Yields:
    The number of the line, from 1, and the fields.

  Raises:
    ValueError: If the file cannot be read, or a line is damaged. Strings must
      be valid Unicode, and ids not empty, without NUL characters.
  """
  number = 0
  with (
    input_files.open_file(path) as f,
    # Bytes that are not UTF-8 become surrogates, so that their line is known.
    gzip.open(f, 'rt', encoding='utf-8-sig', errors='surrogateescape') as lines,
  ):
    while True:
      number += 1
      try:
        line = lines.readline(_MAX_LINE_LENGTH)
      except _GZIP_ERRORS as e:
        raise ValueError(
          f'Expected {path} to be a gzipped file of JSON lines, found a file '
          f'that cannot be read in line {number} ({type(e).__name__}): replace '
          'it.'
        ) from e
      if not line:
        return
      if not line.strip(' \t\r\n'):
        continue
      try:
        yield number, _parse(line, fields, others)
      except _BadLineError as e:
        raise ValueError(f'Expected in line {number} of {path} {e}') from None


def bad_line(path: str, number: int, message: str) -> ValueError:
  """Returns the error to raise for a line.

  Args:
    path: Path of the file.
    number: Number of the line.
    message: Continues "Expected in line 3 of FILE ...".
  """
  return ValueError(f'Expected in line {number} of {path} {message}')


def _parse(
  line: str, fields: Sequence[str], others: Sequence[str]
) -> Mapping[str, Any]:
  if not _is_unicode(line):
    raise _BadLineError(f'UTF-8, found {_excerpt(line)}: encode it as UTF-8.')
  if len(line) == _MAX_LINE_LENGTH:
    raise _BadLineError(
      f'fewer than {_MAX_LINE_LENGTH} characters, found more: replace it.'
    )
  expected = f'a JSON object with {", ".join((*fields, *others))}'
  try:
    row = json.loads(line)
  except RecursionError:
    raise _BadLineError(
      f'{expected}, found deeply nested brackets: correct it.'
    ) from None
  except ValueError:
    raise _BadLineError(
      f'{expected}, found {_excerpt(line)}, which is no JSON: correct it.'
    ) from None
  if not isinstance(row, dict):
    raise _BadLineError(f'{expected}, found {_name(row)}: correct it.')
  missing = [field for field in (*fields, *others) if field not in row]
  if missing:
    raise _BadLineError(f'{expected}, found no {missing[0]}: add it.')
  strings = {field: _string(field, row[field]) for field in fields}
  return {**strings, **{field: row[field] for field in others}}


def _string(field: str, value: object) -> str:
  """Returns the value of a field, or raises `_BadLineError`."""
  if field == CLIENT_ID and _is_number(value):
    return str(value)
  if not isinstance(value, str):
    raise _BadLineError(
      f'{field!r} to be a string, found {_name(value)}: correct it.'
    )
  if not _is_unicode(value):
    raise _BadLineError(
      f'{field!r} without lone surrogates, found {_excerpt(value)}: leave them '
      'out.'
    )
  if field == CLIENT_ID and (not value or '\0' in value):
    raise _BadLineError(
      f'{field!r} with characters other than NUL, found {_excerpt(value)}: '
      'rename it.'
    )
  return value


def _is_number(value: object) -> bool:
  if isinstance(value, float):
    return math.isfinite(value)
  return isinstance(value, int) and not isinstance(value, bool)


def _is_unicode(text: str) -> bool:
  try:
    text.encode('utf-8')
  except UnicodeEncodeError:
    return False
  return True


def _name(value: object) -> str:
  """Returns the name that JSON has for the type of a value."""
  if value is None or isinstance(value, bool):
    return json.dumps(value)
  if isinstance(value, int | float):
    return 'a number'
  if isinstance(value, str):
    return 'a string'
  return 'an array' if isinstance(value, list) else 'an object'


def _excerpt(text: str) -> str:
  """Returns the start of a text, or the first of its surrogates in context."""
  for i, character in enumerate(text):
    if '\ud800' <= character <= '\udfff':
      text = text[max(0, i - _MAX_EXCERPT // 2) :]
      break
  return repr(text[:_MAX_EXCERPT].strip())
