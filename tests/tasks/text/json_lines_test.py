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

import gzip
import json
import os
import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import hypothesis
from hypothesis import strategies as st

from tasks.text import json_lines
from tests.tasks import damage

_FIELDS = ('client_id', 'text')
_GOOD = b'{"client_id": "ann", "text": "hello"}'
_LINES = _GOOD + b'\n{"client_id": 7, "text": "\\u00e4\\n\xc3\xa4"}\n'
_OBJECT = 'a JSON object with client_id, text, found'

# A line, and the message after "Expected in line 2 of FILE".
_BAD_LINES = {
  'no_json': (
    b'{"client_id": ',
    f"{_OBJECT} '{{.*', which is no JSON: correct",
  ),
  'text': (b'hello', f"{_OBJECT} 'hello', which is no JSON: correct it"),
  'two_objects': (_GOOD + b' {}', f'{_OBJECT} .*, which is no JSON: correct'),
  'long': (b'[' + b'x' * 9999, f"{_OBJECT} '\\[x{{59}}', which is no JSON"),
  'long_number': (b'1' * 9999, f"{_OBJECT} '1{{60}}', which is no JSON"),
  'nul': (b'\0', f"{_OBJECT} '.x00', which is no JSON"),
  'array': (b'[1]', f'{_OBJECT} an array: correct it'),
  'string': (b'"client_id, text"', f'{_OBJECT} a string: correct it'),
  'number': (b'1', f'{_OBJECT} a number: correct it'),
  'null': (b'null', f'{_OBJECT} null: correct it'),
  'nested_arrays': (b'[' * 10**5, f'{_OBJECT} deeply nested brackets: correct'),
  'nested_objects': (
    b'{"a":' * 10**5 + b'1' + b'}' * 10**5,
    f'{_OBJECT} deeply nested brackets: correct it',
  ),
  'no_text': (b'{"client_id": "a"}', f'{_OBJECT} no text: add it'),
  'no_id': (b'{"text": "a"}', f'{_OBJECT} no client_id: add it'),
  'no_utf8': (
    b'{"client_id": "a", "text": "\xff"}',
    r"UTF-8, found '.*udcff.*: encode it as UTF-8",
  ),
  'utf16': (_GOOD.decode().encode('utf-16-be'), 'a JSON object .* no JSON'),
  'encoded_surrogate': (
    b'{"client_id": "a", "text": "\xed\xa0\x80"}',
    r"UTF-8, found '.*udced.*: encode it as UTF-8",
  ),
  'surrogate': (
    b'{"client_id": "a", "text": "b\\ud800c"}',
    r"'text' without lone surrogates, found 'b.ud800c': leave them out",
  ),
  'surrogate_of_id': (
    b'{"client_id": "\\udfff", "text": "b"}',
    r"'client_id' without lone surrogates, found '.udfff': leave them out",
  ),
}
for _field, _values in {
  'client_id': ('null', 'true', 'NaN', 'Infinity', '1e999', '[]', '{}'),
  'text': ('null', 'true', '1', '1.5', 'NaN', '[]', '{}'),
}.items():
  for _value in _values:
    _row = {'client_id': '"a"', 'text': '"b"'} | {_field: _value}
    _line = ', '.join(f'"{k}": {v}' for k, v in _row.items())
    _BAD_LINES[f'{_field}_{_value}'] = (
      f'{{{_line}}}'.encode(),
      f"'{_field}' to be a string, found (null|true|a number|an array|an objec"
      't): correct it',
    )
for _name, _id in {
  'empty': '',
  'nul': '\\u0000',
  'with_nul': 'a\\u0000b',
}.items():
  _BAD_LINES[f'{_name}_id'] = (
    f'{{"client_id": "{_id}", "text": "b"}}'.encode(),
    "'client_id' with characters other than NUL, found '.*': rename it",
  )

# Contents of a gzipped file, and the message.
_BAD_FILES = {
  'uncompressed': (_LINES, r'in line 1 \(BadGzipFile\): replace it'),
  'cut': (gzip.compress(_LINES)[:-12], r'in line \d \(EOFError\): replace it'),
  'no_checksum': (
    gzip.compress(_LINES)[:-4],
    r'in line \d \(EOFError\): replace it',
  ),
  'only_header': (gzip.compress(_LINES)[:9], r'in line 1 \(EOFError\): repl'),
  'checksum': (
    gzip.compress(_LINES)[:-8] + bytes(8),
    r'in line \d \(BadGzipFile\): replace it',
  ),
  'altered': (
    gzip.compress(_LINES)[:10] + b'\xff' * 9 + gzip.compress(_LINES)[19:],
    r'in line 1 \(error\): replace it',
  ),
  'method': (
    gzip.compress(_LINES)[:2] + b'\x07' + gzip.compress(_LINES)[3:],
    r'in line 1 \(BadGzipFile\): replace it',
  ),
}


class _FileTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    directory = self.enterContext(tempfile.TemporaryDirectory())
    self.path = os.path.join(directory, 'some.jsonl.gz')

  def _read(self, lines):
    with gzip.open(self.path, 'wb') as f:
      f.write(lines)
    return list(json_lines.read_json_lines(self.path, _FIELDS))

  def _assert_refused(self, message):
    with self.assertRaisesRegex(ValueError, message) as caught:
      list(json_lines.read_json_lines(self.path, _FIELDS))
    damage.check_message(self, str(caught.exception), self.path)


class ValidLinesTest(_FileTestCase):
  @parameterized.named_parameters(
    ('plain', _LINES),
    ('no_last_newline', _LINES.rstrip()),
    ('blank_last_line', _LINES + b'\n \t\n'),
    ('carriage_returns', _LINES.replace(b'\n', b'\r\n')),
    ('byte_order_mark', b'\xef\xbb\xbf' + _LINES),
  )
  def test_reads(self, lines):
    self.assertEqual(
      self._read(lines),
      [
        (1, {'client_id': 'ann', 'text': 'hello'}),
        (2, {'client_id': '7', 'text': 'ä\nä'}),
      ],
    )

  def test_numbers_of_lines_count_blank_lines(self):
    self.assertEqual([n for n, _ in self._read(b'\n\n' + _LINES)], [3, 4])

  def test_empty_file(self):
    self.assertEmpty(self._read(b''))

  def test_leaves_out_other_fields(self):
    line = b'{"x": [NaN, null], "client_id": "a", "text": "", "client_id": "b"}'
    self.assertEqual(self._read(line), [(1, {'client_id': 'b', 'text': ''})])

  @parameterized.parameters(
    ('7', '7'),
    ('-3', '-3'),
    ('1.5', '1.5'),
    ('12345678901234567890123', '12345678901234567890123'),
    ('"\\ud83d\\ude00"', '😀'),
    ('" "', ' '),
  )
  def test_ids(self, value, expected):
    ((_, row),) = self._read(f'{{"client_id": {value}, "text": ""}}'.encode())
    self.assertEqual(row['client_id'], expected)

  def test_equals_plain_json(self):
    rows = [
      {'client_id': f'{i}é', 'text': 'x\u2028\x85\x1c\n' * i} for i in range(9)
    ]
    for ensure_ascii in (False, True):
      lines = [json.dumps(row, ensure_ascii=ensure_ascii) for row in rows]
      read = self._read('\n'.join(lines).encode())
      self.assertEqual(read, list(enumerate(rows, start=1)))


class DamagedFilesTest(_FileTestCase):
  @parameterized.named_parameters(
    (name, *row) for name, row in _BAD_LINES.items()
  )
  def test_bad_lines(self, line, message):
    for end in (b'', b'\n', b'\n' + _GOOD):
      with gzip.open(self.path, 'wb') as f:
        f.write(_GOOD + b'\n' + line + end)
      self._assert_refused(f'^Expected in line 2 of {self.path} {message}')

  @parameterized.named_parameters(
    (name, *row) for name, row in _BAD_FILES.items()
  )
  def test_bad_files(self, contents, message):
    pathlib.Path(self.path).write_bytes(contents)
    self._assert_refused(f'gzipped file of JSON lines, .* {message}')

  def test_lines_are_of_bounded_length(self):
    with gzip.open(self.path, 'wb') as f:
      f.write(_GOOD + b'\n' + b'"' + b'x' * 1000)
    with mock.patch.object(json_lines, '_MAX_LINE_LENGTH', 100):
      self._assert_refused(
        'line 2 .* fewer than 100 characters, found more: re'
      )

  def test_files_that_cannot_be_opened(self):
    self._assert_refused('found none: put it there')
    self._read(_LINES)
    with damage.unreadable(self.path):
      self._assert_refused('found no permission: make it readable')
    os.remove(self.path)
    os.mkdir(self.path)
    self._assert_refused('found a directory: replace it')


class FuzzTest(absltest.TestCase):
  def _check(self, contents):
    with damage.temporary_file('some.jsonl.gz', contents) as path:
      damage.reads_or_refuses(
        self, path, lambda: list(json_lines.read_json_lines(path, _FIELDS))
      )

  @damage.settings
  @hypothesis.given(damage.damaged(gzip.compress(_LINES)))
  def test_damaged_gzip_files(self, contents):
    self._check(contents)

  @damage.settings
  @hypothesis.given(damage.damaged(_LINES))
  def test_damaged_lines(self, lines):
    self._check(gzip.compress(lines))

  @damage.settings
  @hypothesis.given(
    st.recursive(
      st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
      lambda x: st.lists(x) | st.dictionaries(st.text() | st.just('text'), x),
      max_leaves=4,
    ),
    st.text(st.characters(exclude_categories=())),
  )
  def test_values(self, client_id, text):
    line = json.dumps({'client_id': client_id, 'text': text})
    self._check(gzip.compress(line.encode('utf-8', 'surrogatepass')))


if __name__ == '__main__':
  absltest.main()
