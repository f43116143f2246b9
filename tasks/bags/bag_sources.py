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
"""Bags of ids with an item to predict: tags of posts, artists of listeners."""

from collections.abc import Mapping, Sequence
import dataclasses

import numpy as np

from tasks import catalog
from tasks import input_files
from tasks import npz_files
from tasks import sources
from tasks.text import json_lines
from tasks.text import text_sources
from tasks.text import vocabulary

# One in this many artists of a listener is held out.
_HELD_OUT_SHARE = 5
_TAGS_VERSION = 'tags-1'
_LASTFM_VERSION = 'lastfm-1'
# The title and tags of answers are null.
_STRINGS, _OTHERS = ('client_id', 'kind', 'text'), ('post_id', 'title', 'tags')

# Ids of a bag, and the item to predict.
Example = tuple[Sequence[int], int]


@dataclasses.dataclass(frozen=True)
class Bags:
  """Examples of clients, and held-out examples.

  Attributes:
    num_ids: Number of ids in bags. Those of words are by frequency, the most
      frequent first; those of artists are as in the file.
    item_names: Names of the items to predict.
    train: Examples of each client, by client id.
    test: Held-out examples.
  """

  num_ids: int
  item_names: Sequence[str]
  train: Mapping[str, Sequence[Example]]
  test: Sequence[Example]


BagSource = sources.Source[Bags]


def tags(data_dir: str) -> BagSource:
  """Opens questions by author in `stackexchange_posts.jsonl.gz`.

  Each line of the file is a JSON object with `client_id`, the site and the
  author; `post_id`, `kind`, `title` and `text`; and `tags` of questions. An
  example is the distinct words of a question with one of its tags. One in ten
  questions is held out, by a hash of site and number; tags that occur in these
  only are left out.

  Args:
    data_dir: Directory of the file.

  Returns:
    A source whose clients are the authors.

  Raises:
    ValueError: If the file is missing.
  """
  files = input_files.InputFiles.hash(catalog.files('tags').find(data_dir))
  (path,) = files.paths

  def load():
    with files.reading():
      return _tagged_bags(path)

  return BagSource(f'{_TAGS_VERSION}-{files.fingerprint}', load)


def lastfm(data_dir: str) -> BagSource:
  """Opens the artists of listeners in `lastfm.npz`.

  The arrays `indptr` and `artist` have the artists of each listener, in the
  compressed format of sparse matrices; `artist_name_utf8` has names, a line
  each. One in five artists of a listener, rounded down, is held out. A training
  example is one of the listener's other artists with the rest of them; a
  held-out example is a held-out artist with all of the others.

  Args:
    data_dir: Directory of the file.

  Returns:
    A source whose clients are the listeners.

  Raises:
    ValueError: If the file is missing.
  """
  files = input_files.InputFiles.hash(catalog.files('lastfm').find(data_dir))
  (path,) = files.paths

  def load():
    with files.reading():
      return _listened_bags(path)

  return BagSource(f'{_LASTFM_VERSION}-{files.fingerprint}', load)


def _tagged_bags(path: str) -> Bags:
  """Returns bags of words with tags."""
  train, test = {}, []
  for number, row in json_lines.read_json_lines(path, _STRINGS, _OTHERS):
    if row['kind'] != 'question':
      continue
    names = row['tags']
    if not isinstance(names, list) or not all(
      isinstance(name, str) for name in names
    ):
      raise json_lines.bad_line(
        path,
        number,
        f"'tags' to be an array of strings, found {names!r:.60}: correct it.",
      )
    if not isinstance(row['title'], str):
      raise json_lines.bad_line(
        path,
        number,
        f"'title' of a question to be a string, found {row['title']!r:.60}: "
        'correct it.',
      )
    text_sources.check_client_id(path, number, row['client_id'])
    words = text_sources.words(f'{row["title"]} {row["text"]}')
    site = row['client_id'].partition('/')[0]
    question = (list(dict.fromkeys(words)), names)
    if sources.is_held_out(f'{site}/{row["post_id"]}'):
      test.append(question)
    else:
      train.setdefault(row['client_id'], []).append(question)
  if not train or not test:
    raise ValueError(
      f'Expected {path} to have training and held-out questions, found '
      f'{len(train)} clients and {len(test)} held-out: replace it.'
    )
  questions = [q for of_client in train.values() for q in of_client]
  word_list = vocabulary.by_frequency(words for words, _ in questions)
  item_list = vocabulary.by_frequency(names for _, names in questions)
  word_ids = {word: i for i, word in enumerate(word_list)}
  item_ids = {name: i for i, name in enumerate(item_list)}

  def examples(some):
    return [
      ([word_ids[w] for w in words if w in word_ids], item_ids[name])
      for words, names in some
      for name in names
      if name in item_ids
    ]

  return Bags(
    len(word_list),
    item_list,
    {client: examples(of_client) for client, of_client in train.items()},
    examples(test),
  )


def _listened_bags(path: str) -> Bags:
  """Returns bags of artists with another artist."""
  indptr, artist, text = npz_files.read_npz(
    path, ('indptr', 'artist', 'artist_name_utf8')
  )
  names = text.astype(np.uint8).tobytes().decode('utf-8', 'replace').split('\n')
  is_sound = (
    indptr.ndim == artist.ndim == 1
    and indptr.size > 1
    and indptr[0] == 0
    and indptr[-1] == artist.size
    and (np.diff(indptr) >= 0).all()
    and artist.size > 0
    and artist.min() >= 0
    and artist.max() < len(names)
  )
  if not is_sound:
    raise ValueError(
      f'Expected {path} to have rising indptr up to the number of artists, and '
      f'artists below {len(names)}, the number of names, found '
      f'{list(indptr.shape)} and {list(artist.shape)}: replace it.'
    )
  train, test = {}, []
  width = len(str(indptr.size - 2))
  for user in range(indptr.size - 1):
    own = artist[indptr[user] : indptr[user + 1]]
    # The file sorts artists by plays or id; each listener draws for itself.
    own = np.random.default_rng(user).permutation(own).tolist()
    num_held_out = len(own) // _HELD_OUT_SHARE
    held_out, known = own[:num_held_out], own[num_held_out:]
    if len(known) > 1:
      train[f'{user:0{width}}'] = [
        ([a for a in known if a != item], item) for item in known
      ]
    test.extend((known, item) for item in held_out)
  return Bags(len(names), names, train, test)
