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
"""Sentences by client: chat users, and speakers of Shakespeare's plays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import re

from tasks import catalog
from tasks import input_files
from tasks import sources
from tasks.text import json_lines

# Tokens of a sentence, without spaces in them.
Sentence = Sequence[str]

# A word keeps its inner apostrophes and hyphens; any other mark is a token by
# itself. The rule is close to that of TFF's Stack Overflow data.
_TOKEN = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
# The last one in ten lines of a speaker.
_HELD_OUT_SHARE = 10
# Changes when the sentences that `load` returns change.
_VERSION = 'words-1'
_MAX_ID_LENGTH = 1000
_IRC_SPLITS = ('train', 'dev', 'test')

# Maps the path of a file and its numbered rows to texts.
_TextsFn = Callable[[str, Iterator[tuple[int, Mapping[str, str]]]], 'Texts']


@dataclasses.dataclass(frozen=True)
class Texts:
  """Training sentences by client, and held-out sentences.

  Attributes:
    train: Sentences of each client, by client id. Ids are in ASCII,
      without apostrophes.
    test: Held-out sentences of all clients.
  """

  train: Mapping[str, Sequence[Sentence]]
  test: Sequence[Sentence]


TextSource = sources.Source[Texts]


def words(text: str) -> list[str]:
  """Splits a text into words and punctuation marks, in lower case.

  Args:
    text: Text in natural language.

  Returns:
    Runs of letters, digits and underscores with inner apostrophes and hyphens,
    and every other mark by itself.
  """
  return _TOKEN.findall(text.lower())


def irc(data_dir: str) -> TextSource:
  """Opens chat messages by user in `ubuntu_irc_users.jsonl.gz`.

  Each line of the file is a JSON object with `client_id`, the user; `split`,
  which is 'train', 'dev' or 'test', from different days; and `text`, one
  message per line. Each message is a sentence. 'dev' is not used.

  Args:
    data_dir: Directory of the file.

  Returns:
    A source whose clients are the users.

  Raises:
    ValueError: If the file is missing.
  """

  def texts(path, rows):
    train, test = {}, []
    for line, row in rows:
      sentences = _sentences(row['text'])
      if row['split'] not in _IRC_SPLITS:
        raise json_lines.bad_line(
          path,
          line,
          f"'split' of {', '.join(_IRC_SPLITS)}, found {row['split'][:60]!r}: "
          'correct it.',
        )
      if row['split'] == 'train' and sentences:
        check_client_id(path, line, row['client_id'])
        train.setdefault(row['client_id'], []).extend(sentences)
      elif row['split'] == 'test':
        test.extend(sentences)
    return Texts(train, test)

  names = ('client_id', 'split', 'text')
  return _json_lines_source('irc', data_dir, names, texts)


def shakespeare(data_dir: str) -> TextSource:
  """Opens lines of plays by speaker in `shakespeare_speakers.jsonl.gz`.

  Each line of the file is a JSON object with `client_id`, the play and the
  speaker, and `text`, the lines of the speaker in their order. Each of these is
  a sentence. The last tenth of a speaker's lines, rounded down, is held out.

  Args:
    data_dir: Directory of the file.

  Returns:
    A source whose clients are the speakers of each play.

  Raises:
    ValueError: If the file is missing.
  """

  def texts(path, rows):
    train, test = {}, []
    for line, row in rows:
      sentences = _sentences(row['text'])
      num_train = len(sentences) - len(sentences) // _HELD_OUT_SHARE
      if sentences:
        check_client_id(path, line, row['client_id'])
        train.setdefault(row['client_id'], []).extend(sentences[:num_train])
        test.extend(sentences[num_train:])
    return Texts(train, test)

  names = ('client_id', 'text')
  return _json_lines_source('shakespeare', data_dir, names, texts)


def _json_lines_source(
  task_name: str,
  data_dir: str,
  fields: Sequence[str],
  texts_fn: _TextsFn,
) -> TextSource:
  files = input_files.InputFiles.hash(catalog.files(task_name).find(data_dir))
  (path,) = files.paths

  def load():
    with files.reading():
      texts = texts_fn(path, json_lines.read_json_lines(path, fields))
      _check(path, texts)
    return texts

  return TextSource(f'{_VERSION}-{files.fingerprint}', load)


def _sentences(text: str) -> list[list[str]]:
  sentences = [words(line) for line in text.split('\n')]
  return [sentence for sentence in sentences if sentence]


def _check(path: str, texts: Texts) -> None:
  """Raises `ValueError` unless there are clients and held-out sentences."""
  if not texts.train or not texts.test:
    raise ValueError(
      f'Expected {path} to have training and test text, found '
      f'{len(texts.train)} clients and {len(texts.test)} held-out sentences: '
      'replace it.'
    )


def check_client_id(path: str, line: int, client_id: str) -> None:
  """Checks that TFF takes an id.

  Args:
    path: Path of the file, for messages.
    line: Number of the line.
    client_id: Id of a client.

  Raises:
    ValueError: If it is not in ASCII, too long, or has apostrophes.
  """
  # TFF's runtimes take strings in ASCII, and TFF quotes ids with apostrophes in
  # SQL. Sampling makes an array: each id takes the space of the longest.
  if "'" in client_id or not client_id.isascii():
    expected = 'ids of clients in ASCII without apostrophes'
  elif len(client_id) > _MAX_ID_LENGTH:
    expected = f'ids of clients of at most {_MAX_ID_LENGTH} characters'
  else:
    return
  raise json_lines.bad_line(
    path, line, f'{expected}, found {client_id[:60]!r}: rename it.'
  )
