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
"""Tasks on text: the next token of a sentence, a client for each author."""

from collections.abc import Sequence
import functools
from typing import NamedTuple

import tensorflow as tf
import tensorflow_federated as tff

from tasks import assembly
from tasks import client_database
from tasks import functional_models
from tasks import options as options_lib
from tasks import preprocessing
from tasks import row_task
from tasks import sources
from tasks.text import python_source
from tasks.text import stackoverflow
from tasks.text import text_database
from tasks.text import text_models
from tasks.text import text_sources
from tasks.text import vocabulary as vocabulary_lib
from tff_methods import models

_SOURCES = {
  'irc': text_sources.irc,
  'shakespeare': text_sources.shakespeare,
  'python_tokens': python_source.python_tokens,
}
_STACKOVERFLOW_SHUFFLE_BUFFER = 1_000  # As TFF's own tasks have it.
# At most: an evaluation of 7,200 takes as long as eight rounds of 10 clients.
_NUM_TEST_SENTENCES = 4_000
# Logits are many: 64 MB of 10,000 classes for so many sentences.
_EVAL_BATCH_SIZE = 80


class _TextData(NamedTuple):
  """What a task reads.

  Attributes:
    train: The clients' examples, serialized.
    test: Those held out, serialized.
    words: By frequency.
    shuffle_buffer: How many examples of a client are shuffled.
  """

  train: tff.simulation.datasets.ClientData
  test: tf.data.Dataset
  words: Sequence[str]
  shuffle_buffer: int


def build_text_task(
  name: str,
  data_dir: str | None,
  cache_dir: str,
  seed: int,
  options: options_lib.TaskOptions,
) -> row_task.RowTask:
  """Builds one of `NAMES`; see `tasks.build_task`."""
  if name == 'stackoverflow':
    data = _load_stackoverflow(data_dir, cache_dir)
  else:
    data = _load_source(name, data_dir, cache_dir)
  if options.vocab_size > len(data.words):
    raise ValueError(
      f'Expected `vocab_size` of at most {len(data.words)}, the distinct '
      f'tokens of the clients of {name!r}, found {options.vocab_size}: lower '
      'it.'
    )
  vocabulary = vocabulary_lib.Vocabulary(data.words[: options.vocab_size])

  def decode(serialized):
    return vocabulary.encode(text_database.parse_sentences(serialized))

  @functools.cache
  def row_model_fn() -> models.RowModel:
    if options.token_model == 'lstm':
      return text_models.lstm(seed, vocabulary)
    return text_models.transformer(seed, vocabulary, options.ffn_dim)

  datasets = tff.simulation.baselines.BaselineTaskDatasets(
    train_data=data.train,
    test_data=data.test,
    train_preprocess_fn=preprocessing.build_train_preprocess_fn(
      assembly.client_spec(options, data.shuffle_buffer), decode, seed
    ),
    eval_preprocess_fn=lambda d: d.batch(_EVAL_BATCH_SIZE).map(decode),
  )
  return row_task.RowTask(
    datasets,
    lambda: functional_models.variable_model(row_model_fn().full_model()),
    row_model_fn,
    class_names=vocabulary.names,
  )


def _load_source(name: str, data_dir: str | None, cache_dir: str) -> _TextData:
  source = sources.open_source(_SOURCES[name], data_dir)
  path = client_database.ensure_database(
    cache_dir,
    name,
    {'source': source.fingerprint, 'num_test_sentences': _NUM_TEST_SENTENCES},
    lambda p: text_database.write_database(
      p, source.load(), _NUM_TEST_SENTENCES
    ),
  )
  return _TextData(
    client_database.load_train_data(path),
    client_database.load_test_data(path),
    text_database.load_words(path),
    client_database.largest_client(path),
  )


def _load_stackoverflow(data_dir: str | None, cache_dir: str) -> _TextData:
  path, words_path = stackoverflow.find_files(data_dir, cache_dir)
  train, test = stackoverflow.load_data(path)
  words = stackoverflow.load_words(words_path)
  return _TextData(train, test, words, _STACKOVERFLOW_SHUFFLE_BUFFER)
