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
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from tasks.text import text_sources
from tests.tasks import data_files


class WordsTest(parameterized.TestCase):
  @parameterized.parameters(
    ("It's here.", ["it's", 'here', '.']),
    ('Non-free, or not?!', ['non-free', ',', 'or', 'not', '?', '!']),
    ("'Tis thy--ay", ["'", 'tis', 'thy', '-', '-', 'ay']),
    ('a_b /etc/x.conf 9.04', 'a_b / etc / x . conf 9 . 04'.split()),
    ('  \t ', []),
    ('ÄÖ\u00a0ü :)', ['äö', 'ü', ':', ')']),
  )
  def test_splits_words_and_marks(self, text, expected):
    self.assertEqual(text_sources.words(text), expected)


class JsonLinesTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  def test_irc_splits_by_day(self):
    data_files.write_irc(
      self.dir,
      [
        ('ann', 'train', 'Hello!\n\nhow  are you'),
        ('bob', 'dev', 'never'),
        ('bob', 'test', 'Fine'),
        ('ann', 'test', 'ok.'),
        ('cyd', 'train', ' \n'),
      ],
    )
    texts = text_sources.irc(self.dir).load()
    self.assertEqual(
      texts.train, {'ann': [['hello', '!'], ['how', 'are', 'you']]}
    )
    self.assertEqual(texts.test, [['fine'], ['ok', '.']])

  def test_shakespeare_holds_out_the_last_tenth(self):
    lines = [f'line{i}' for i in range(25)]
    text = '\n'.join(lines[:7]) + '\n\n' + '\n'.join(lines[7:])
    data_files.write_shakespeare(
      self.dir, [('p/LONG', text), ('p/SHORT', '\n'.join(lines[:9]))]
    )
    texts = text_sources.shakespeare(self.dir).load()
    self.assertEqual([s for (s,) in texts.train['p/LONG']], lines[:23])
    self.assertEqual([s for (s,) in texts.train['p/SHORT']], lines[:9])
    self.assertEqual([s for (s,) in texts.test], lines[23:])

  def test_fingerprint_changes_with_the_file(self):
    data_files.write_irc(self.dir, [('ann', 'train', 'a')])
    first = text_sources.irc(self.dir).fingerprint
    self.assertEqual(text_sources.irc(self.dir).fingerprint, first)
    data_files.write_irc(self.dir, [('ann', 'train', 'b')])
    self.assertNotEqual(text_sources.irc(self.dir).fingerprint, first)

  def test_missing_file_raises(self):
    with self.assertRaisesRegex(ValueError, 'irc_users.jsonl.gz, found none'):
      text_sources.irc(self.dir)
    with self.assertRaisesRegex(ValueError, 'speakers.jsonl.gz, found none'):
      text_sources.shakespeare('not/there')

  @parameterized.named_parameters(
    ('no_json', b'{"client_id": ', 'object with client_id, split, text'),
    (
      'no_text',
      b'{"client_id": "ann", "split": "train"}',
      'object with client_id, split, text, found no text',
    ),
    (
      'number',
      b'{"client_id": "a", "split": "train", "text": 1}',
      "'text' to be a string, found a number",
    ),
    (
      'split',
      b'{"client_id": "a", "split": "Train", "text": "b"}',
      "'split' of train, dev, test, found 'Train'",
    ),
    (
      'null_split',
      b'{"client_id": "a", "split": null, "text": "b"}',
      "'split' to be a string, found null",
    ),
  )
  def test_invalid_lines_raise(self, line, message):
    with gzip.open(self._path(), 'wb') as f:
      f.write(line + b'\n')
    self._assert_refused(
      f'^Expected in line 1 of {self._path()} .*{message}.*: '
    )

  def test_ids_that_are_numbers_become_strings(self):
    with gzip.open(self._path(), 'wt') as f:
      for client_id in (7, '7', 1.5):
        row = {'client_id': client_id, 'split': 'train', 'text': 'a'}
        f.write(json.dumps(row) + '\n')
      f.write(json.dumps(row | {'split': 'test'}) + '\n\n')
    texts = text_sources.irc(self.dir).load()
    self.assertEqual(texts.train, {'7': [['a'], ['a']], '1.5': [['a']]})

  def test_change_before_loading_raises(self):
    data_files.write_irc(self.dir, [('a', 'train', 'a'), ('b', 'test', 'b')])
    source = text_sources.irc(self.dir)
    data_files.write_irc(self.dir, [('a', 'train', 'aa'), ('b', 'test', 'b')])
    with self.assertRaisesRegex(ValueError, 'found that it changed: run again'):
      source.load()

  @parameterized.parameters(
    (0, 'found 0 clients'),  # Nothing is a whole file to Python's gzip.
    (5, 'cannot be read'),
    (500, 'cannot be read'),
  )
  def test_truncated_file_raises(self, length, message):
    rows = [(os.urandom(9).hex(), 'train', 'a') for _ in range(100)]
    data_files.write_irc(self.dir, rows)
    os.truncate(self._path(), length)
    self._assert_refused(f'{message}.*: replace it')

  def test_uncompressed_file_raises(self):
    with open(self._path(), 'w') as f:
      json.dump({'client_id': 'ann', 'split': 'train', 'text': 'a'}, f)
    self._assert_refused('BadGzipFile')

  def test_file_without_test_text_raises(self):
    data_files.write_irc(self.dir, [('ann', 'train', 'a')])
    self._assert_refused('found 1 clients and 0 held-out sentences: replace')

  @parameterized.parameters(
    ('é', "in ASCII without apostrophes, found 'é': rename it"),
    ('x' * 1001, "at most 1000 characters, found 'x{60}': rename it"),
  )
  def test_ids_that_the_runtimes_cannot_take_raise(self, client_id, message):
    data_files.write_irc(
      self.dir,
      [
        ('a', 'train', 'a'),
        (client_id, 'test', 'b'),
        (client_id, 'train', 'a'),
      ],
    )
    self._assert_refused(f'in line 3 of .* {message}')

  def test_apostrophes_in_ids_raise(self):
    data_files.write_irc(
      self.dir, [("o'neil", 'train', 'a'), ('b', 'test', 'b')]
    )
    self._assert_refused(
      'in line 1 of .* without apostrophes, found "o\'neil": rename it'
    )

  def _path(self):
    return os.path.join(self.dir, 'ubuntu_irc_users.jsonl.gz')

  def _assert_refused(self, message):
    with self.assertRaisesRegex(ValueError, message) as caught:
      text_sources.irc(self.dir).load()
    self.assertNotIn('\n', str(caught.exception))


if __name__ == '__main__':
  absltest.main()
