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
"""Next-token prediction with a client for each author."""

from collections.abc import Callable, Sequence
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
from tasks import serving
from tasks import sources
from tasks import stored_baselines
from tasks.text import ngram_baselines
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
_STACKOVERFLOW_SHUFFLE_BUFFER = 1_000  # From TFF's own tasks.
# An evaluation of 7,200 sentences takes as long as 8 rounds of 10 clients.
_NUM_TEST_SENTENCES = 4_000
# With 10,000 classes, the logits of a batch take 64 MB.
_EVAL_BATCH_SIZE = 80


class _TextData(NamedTuple):
  """Data of a task.

  Attributes:
    train: Serialized examples of the clients.
    test: Serialized held-out examples.
    words: Distinct tokens, the most frequent first.
    shuffle_buffer: Size of the shuffle buffer of a client, in examples.
    path: Path of the client database; `None` if it is too large to be read as a
      whole.
  """

  train: tff.simulation.datasets.ClientData
  test: tf.data.Dataset
  words: Sequence[str]
  shuffle_buffer: int
  path: str | None = None


def build_text_task(
  name: str,
  data_dir: str | None,
  cache_dir: str,
  seed: int,
  options: options_lib.TaskOptions,
) -> row_task.RowTask:
  """Builds one of `catalog.TEXT_TASK_NAMES`.

  Args:
    name: Name of the task.
    data_dir: Directory with the files of the task, or `None`.
    cache_dir: Directory of cached client data.
    seed: Seed of all random choices.
    options: Resolved options of the task.

  Returns:
    The task.

  Raises:
    ValueError: If the data has fewer distinct tokens than `vocab_size`.
  """
  if name == 'stackoverflow':
    data = _load_stackoverflow(data_dir, cache_dir)
  else:
    data = _load_source(name, data_dir, cache_dir)
  vocab_size = options_lib.required(options.vocab_size)
  if vocab_size > len(data.words):
    raise ValueError(
      f'Expected `vocab_size` of at most {len(data.words)}, the number of '
      f'distinct tokens of the clients of {name!r}, found '
      f'{vocab_size}: lower it.'
    )
  vocabulary = vocabulary_lib.Vocabulary(data.words[:vocab_size])

  def decode(serialized):
    return vocabulary.encode(text_database.parse_sentences(serialized))

  num_blocks = options_lib.required(options.num_blocks)
  is_tied = options_lib.required(options.tied_embeddings)

  @functools.cache
  def row_model_fn() -> models.RowModel:
    embedding_dim = options_lib.required(options.embedding_dim)
    if options.token_model == 'lstm':
      return text_models.lstm(seed, vocabulary, embedding_dim, is_tied)
    return text_models.transformer(
      seed,
      vocabulary,
      options_lib.required(options.ffn_dim),
      num_blocks,
      embedding_dim,
      is_tied,
    )

  datasets = tff.simulation.baselines.BaselineTaskDatasets(
    train_data=data.train,
    test_data=data.test,
    train_preprocess_fn=preprocessing.build_train_preprocess_fn(
      assembly.client_spec(options, data.shuffle_buffer), decode, seed
    ),
    eval_preprocess_fn=lambda d: d.batch(_EVAL_BATCH_SIZE).map(decode),
  )

  weight_names = text_models.weight_names(
    options.token_model, num_blocks, is_tied
  )
  return row_task.RowTask(
    datasets,
    lambda: functional_models.variable_model(
      row_model_fn().full_model(), weight_names
    ),
    row_model_fn,
    class_names=vocabulary.names,
    baselines_fn=_build_baselines_fn(data, vocabulary, decode, options),
    classes_by_frequency=range(1, vocab_size + 1),
    serving=serving.Serving(
      {'sentences': tf.TensorSpec([None], tf.string)},
      lambda sentences: vocabulary.encode(sentences)[0],
    ),
  )


def _build_baselines_fn(
  data: _TextData,
  vocabulary: vocabulary_lib.Vocabulary,
  decode: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
  options: options_lib.TaskOptions,
) -> Callable[[], dict[str, float]] | None:
  """Builds the function to accuracies that need no training; `None` for none.

  Its first call reads all training sentences, and writes the accuracies beside
  the database.
  """
  if (path := data.path) is None:
    return None

  def compute() -> dict[str, float]:
    train = stored_baselines.load_train_examples(path)
    return ngram_baselines.accuracies(
      train.batch(_EVAL_BATCH_SIZE).map(decode).as_numpy_iterator(),
      data.test.batch(_EVAL_BATCH_SIZE).map(decode).as_numpy_iterator(),
      vocabulary.num_classes,
      text_models.label_roles(options.token_model, vocabulary),
    )

  # Tokens follow from the size of the vocabulary, roles of labels from the
  # model. Raise the number when accuracies change.
  file = f'{path}.{options.token_model}-{options.vocab_size}-1.json'
  return functools.partial(stored_baselines.load_or_compute, file, compute)


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
    path,
  )


def _load_stackoverflow(data_dir: str | None, cache_dir: str) -> _TextData:
  path, words_path = stackoverflow.find_files(data_dir, cache_dir)
  train, test = stackoverflow.load_data(path)
  words = stackoverflow.load_words(words_path)
  return _TextData(train, test, words, _STACKOVERFLOW_SHUFFLE_BUFFER)
