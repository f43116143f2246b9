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
"""Stack Overflow posts by user, with TFF's data."""

from collections.abc import Sequence
import io
import os

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tasks import catalog
from tasks import downloads
from tasks import input_files

_WORDS_DIR = 'datasets'  # Subdirectory that Keras downloads to.
# A sample of the 16 million sentences of held-out users.
_NUM_TEST_USERS = 1_000
_TEST_SENTENCES_PER_USER = 4


def find_files(data_dir: str | None, cache_dir: str) -> tuple[str, str]:
  """Returns the paths of the client data and the words; may download them.

  Args:
    data_dir: Directory with TFF's `stackoverflow.sqlite` and
      `stackoverflow.word_count`; `None` downloads both.
    cache_dir: Directory of downloaded files.

  Returns:
    The two paths.

  Raises:
    ValueError: If `data_dir` lacks a file, or the download fails.
  """
  if not data_dir:
    data_dir = cache_dir
    _ensure_downloaded(data_dir)
  path, words_path = catalog.files('stackoverflow').find(data_dir)
  return path, words_path


def load_data(
  path: str,
) -> tuple[tff.simulation.datasets.ClientData, tf.data.Dataset]:
  """Loads the training clients and the test sentences.

  Test sentences are the first 4 of each of 1,000 users that TFF holds out; they
  are the same in each run.

  Args:
    path: Path of TFF's `stackoverflow.sqlite`.

  Returns:
    Clients and test data, with serialized `tf.train.Example`s.

  Raises:
    ValueError: If the file is damaged.
  """
  try:
    train = tff.simulation.datasets.SqlClientData(path, 'train')
    held_out = tff.simulation.datasets.SqlClientData(path, 'heldout')
    users = np.random.default_rng(0).permutation(held_out.client_ids)
  # TFF's errors for other files have no public type.
  except Exception as e:
    raise _damaged(path, type(e).__name__) from e
  if not train.client_ids or not users.size:
    raise _damaged(
      path, f'{len(train.client_ids)} users, {users.size} held out'
    )
  test = tf.data.Dataset.from_tensor_slices(users[:_NUM_TEST_USERS])
  return train, test.flat_map(
    lambda user: held_out.serializable_dataset_fn(user).take(
      _TEST_SENTENCES_PER_USER
    )
  )


def load_words(path: str) -> Sequence[str]:
  """Loads the words of `stackoverflow.word_count`, the most frequent first.

  Args:
    path: Path of the file. Each line has a word and the number of its users.

  Returns:
    The words.

  Raises:
    ValueError: If the file cannot be read, or a line has another format.
  """
  words = []
  with (
    input_files.open_file(path) as f,
    io.TextIOWrapper(f, encoding='utf-8', errors='surrogateescape') as lines,
  ):
    for number, line in enumerate(lines, start=1):
      tokens = line.split()
      if len(tokens) != 2 or any('\ud800' <= c <= '\udfff' for c in tokens[0]):
        raise ValueError(
          f'Expected in line {number} of {path} a word in UTF-8 and a count, '
          f'found {line[:60].strip()!r}: replace it.'
        )
      words.append(tokens[0])
  return words


def _ensure_downloaded(directory: str) -> None:
  loader = tff.simulation.datasets.stackoverflow
  files = catalog.files('stackoverflow')
  ((name, words_name),) = files.layouts

  def download_words(temporary_dir):
    loader.load_word_counts(cache_dir=temporary_dir)
    os.replace(
      os.path.join(temporary_dir, _WORDS_DIR, words_name),
      os.path.join(temporary_dir, words_name),
    )

  for file_name, download in (
    (words_name, download_words),
    (name, lambda d: loader.load_data(cache_dir=d)),
  ):
    downloads.ensure_downloaded(
      directory,
      file_name,
      download,
      title='Stack Overflow',
      remedy=(
        f'give a `data_dir` with {files.description}, or choose the '
        "task 'python_tokens', which needs no download."
      ),
    )


def _damaged(path: str, found: str) -> ValueError:
  return ValueError(
    f"Expected {path} to be TFF's Stack Overflow, found a file that cannot be "
    f'read ({found}): remove it.'
  )
