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
"""Sentences by client: of chat users, of Shakespeare's speakers, of files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import gzip
import json
import re
from typing import Any
import zlib

from tasks import catalog
from tasks import npz_files
from tasks import sources

# A sentence, as its tokens; none has a space in it.
Sentence = Sequence[str]

# A word keeps the apostrophes and hyphens that it has inside; any other mark is
# a token of its own. Much the rule of TFF's Stack Overflow data.
_TOKEN = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
# One of so many of a speaker's lines, the last ones.
_HELD_OUT_SHARE = 10
# To be changed when the sentences that `load` returns change.
_VERSION = 'words-1'
# What reading raises for files that are cut short or altered.
_JSON_LINES_ERRORS = (
  AttributeError,
  EOFError,
  KeyError,
  OSError,
  TypeError,
  ValueError,
  zlib.error,
)


@dataclasses.dataclass(frozen=True)
class Texts:
  """Sentences, split into those of training clients and held-out ones.

  Attributes:
    train: Of each client, by its id, which has no apostrophe.
    test: Of all together.
  """

  train: Mapping[str, Sequence[Sentence]]
  test: Sequence[Sentence]


TextSource = sources.Source[Texts]


def words(text: str) -> list[str]:
  """The words and punctuation marks of a text, in lower case.

  Args:
    text: As people write.

  Returns:
    Runs of letters, digits and underscores, with the apostrophes and hyphens
    that are inside of them, and any other mark by itself.
  """
  return _TOKEN.findall(text.lower())


def irc(data_dir: str) -> TextSource:
  """Chat messages by user, from `ubuntu_irc_users.jsonl.gz`.

  A line of the file is a JSON object with `client_id`, the user; `split`,
  'train', 'dev' or 'test', which are of different days; and `text`, messages,
  one a line. Each message is a sentence. 'dev' is not used.

  Args:
    data_dir: The directory that holds the file.

  Returns:
    A source of which users are the clients.

  Raises:
    ValueError: If the file is missing.
  """

  def texts(rows):
    train, test = {}, []
    for row in rows:
      sentences = _sentences(row['text'])
      if row['split'] == 'train' and sentences:
        train.setdefault(row['client_id'], []).extend(sentences)
      elif row['split'] == 'test':
        test.extend(sentences)
    return Texts(train, test)

  names = ('client_id', 'split', 'text')
  return _json_lines_source('irc', data_dir, names, texts)


def shakespeare(data_dir: str) -> TextSource:
  """Lines of plays by speaker, from `shakespeare_speakers.jsonl.gz`.

  A line of the file is a JSON object with `client_id`, the play and speaker,
  and `text`, the speaker's lines in their order. Each is a sentence. The last
  tenth of a speaker's lines, rounded down, is held out.

  Args:
    data_dir: The directory that holds the file.

  Returns:
    A source of which the speakers of each play are the clients.

  Raises:
    ValueError: If the file is missing.
  """

  def texts(rows):
    train, test = {}, []
    for row in rows:
      sentences = _sentences(row['text'])
      num_train = len(sentences) - len(sentences) // _HELD_OUT_SHARE
      if sentences:
        train.setdefault(row['client_id'], []).extend(sentences[:num_train])
        test.extend(sentences[num_train:])
    return Texts(train, test)

  names = ('client_id', 'text')
  return _json_lines_source('shakespeare', data_dir, names, texts)


def _json_lines_source(
  task_name: str,
  data_dir: str,
  fields: Sequence[str],
  texts_fn: Callable[[Iterator[Mapping[str, Any]]], Texts],
) -> TextSource:
  (path,) = catalog.files(task_name).find(data_dir)

  def load():
    try:
      with gzip.open(path, 'rt', encoding='utf-8') as f:
        texts = texts_fn(map(json.loads, f))
    except _JSON_LINES_ERRORS as e:
      raise ValueError(
        f'Expected {path} to have a JSON object with {", ".join(fields)} in '
        f'each line, found that it cannot be read ({type(e).__name__}): '
        'replace it.'
      ) from e
    _check(path, texts)
    return texts

  return TextSource(f'{_VERSION}-{npz_files.hash_files([path])}', load)


def _sentences(text: str) -> list[list[str]]:
  sentences = [words(line) for line in text.split('\n')]
  return [sentence for sentence in sentences if sentence]


def _check(path: str, texts: Texts) -> None:
  """Raises `ValueError` unless there are clients that can be stored."""
  if not texts.train or not texts.test:
    raise ValueError(
      f'Expected {path} to have text to train on and to test with, found '
      f'{len(texts.train)} clients and {len(texts.test)} held-out sentences: '
      'replace it.'
    )
  for client_id in texts.train:
    if "'" in client_id:  # TFF puts ids between apostrophes in SQL.
      raise ValueError(
        f'Expected ids of clients without apostrophes in {path}, found '
        f'{client_id!r}: rename it.'
      )
