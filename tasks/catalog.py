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
"""Names, default options and files of the tasks; no TensorFlow import.

`tasks.build_task` builds the tasks. All that can be refused without reading
data is refused here, by `check_task`, in milliseconds.
"""

from collections.abc import Mapping
import dataclasses
import os

from tasks import cache
from tasks import options as options_lib
from tasks import references
from tasks import required_files
from tasks import user_models
from tasks.folder import client_files
from tasks.folder import schema

TEXT_TASK_NAMES = ('irc', 'shakespeare', 'python_tokens', 'stackoverflow')
# Their data are the functions of installed packages.
FUNCTION_TASK_NAMES = ('api_calls', 'identifiers')
MULTI_LABEL_TASK_NAMES = (
  'delicious',
  'bibtex',
  'stackex',
  'xc',
  *FUNCTION_TASK_NAMES,
)
BAG_TASK_NAMES = ('tags', 'lastfm')
ROW_TASK_NAMES = (
  'omniglot',
  'glyphs',
  'gldv2',
  *TEXT_TASK_NAMES,
  *BAG_TASK_NAMES,
)
TASK_NAMES = (
  'digits',
  'mnist',
  'cifar10',
  'emnist',
  *ROW_TASK_NAMES,
  *MULTI_LABEL_TASK_NAMES,
  'folder',
)

_CHARACTER_OPTIONS = options_lib.TaskOptions(
  batch_size=32, epochs=1, partition='classes'
)
# 256 sentences, a vocabulary of 10,000 and 1536 units: as in "Adaptive Sparse
# Federated Learning in Large Output Spaces via Hashing", section 4.1.
_TEXT_OPTIONS = options_lib.TaskOptions(
  batch_size=16,
  epochs=1,
  max_client_examples=256,
  vocab_size=10_000,
  token_model='transformer',
  ffn_dim=1536,
  num_blocks=1,
  embedding_dim=96,
  tied_embeddings=True,
)
_BAG_OPTIONS = options_lib.TaskOptions(
  batch_size=20, epochs=1, embedding_dim=64
)
# 10 clients and 5 epochs: section 6 of "Federated Multiple Label Hashing
# (FedMLH)". Batches of 100, 400 hidden units and a hundredth of the examples:
# the code of its authors.
_MULTI_LABEL_OPTIONS = options_lib.TaskOptions(
  batch_size=100,
  epochs=5,
  num_clients=10,
  feature_width=2_000,
  hidden_width=400,
  partition='frequent_labels',
  partition_share=0.01,
  frequent_share=0.01,
)
_DEFAULTS: Mapping[str, options_lib.TaskOptions] = {
  'digits': options_lib.TaskOptions(
    batch_size=10,
    epochs=2,
    partition='dirichlet',
    num_clients=50,
    dirichlet_alpha=0.5,
  ),
  'mnist': options_lib.TaskOptions(
    batch_size=20,
    epochs=1,
    partition='iid',
    num_clients=100,
    dirichlet_alpha=0.5,
    image_model='cnn',
  ),
  'cifar10': options_lib.TaskOptions(
    batch_size=50,
    epochs=1,
    partition='iid',
    num_clients=100,
    dirichlet_alpha=0.5,
  ),
  'emnist': options_lib.TaskOptions(batch_size=20, epochs=1, only_digits=False),
  'omniglot': _CHARACTER_OPTIONS,
  'glyphs': _CHARACTER_OPTIONS,
  'gldv2': options_lib.TaskOptions(batch_size=32, epochs=1),
  **dict.fromkeys(TEXT_TASK_NAMES, _TEXT_OPTIONS),
  # A vocabulary of 10,000: as in TFF's tutorial of `tff.federated_select`.
  'tags': dataclasses.replace(_BAG_OPTIONS, vocab_size=10_000),
  'lastfm': _BAG_OPTIONS,
  **dict.fromkeys(MULTI_LABEL_TASK_NAMES, _MULTI_LABEL_OPTIONS),
  # An example has 19 labels on average. With a hundredth, most examples would
  # be on 8 of the 10 clients.
  'delicious': dataclasses.replace(_MULTI_LABEL_OPTIONS, partition_share=0.1),
  'folder': options_lib.TaskOptions(
    batch_size=16, epochs=1, split='example', test_fraction=0.1
  ),
}
# Options without a default.
_OPTIONAL: Mapping[str, tuple[str, ...]] = {
  'folder': ('keras_model', 'output_layer'),
  'omniglot': ('num_clients',),
  'glyphs': ('num_clients',),
}
_FILES: Mapping[str, required_files.RequiredFiles] = {
  'mnist': required_files.RequiredFiles((('mnist.npz',),)),
  'cifar10': required_files.RequiredFiles(
    ((*(f'cifar10_train_{i}.npz' for i in range(5)), 'cifar10_test.npz'),)
  ),
  'emnist': required_files.RequiredFiles(
    (('emnist_all.sqlite',),), is_downloadable=True
  ),
  'omniglot': required_files.RequiredFiles((('omniglot.npz',),)),
  'gldv2': required_files.RequiredFiles(
    (('gld160k/train/', 'gld160k/test.tfRecord'),), is_downloadable=True
  ),
  'irc': required_files.RequiredFiles((('ubuntu_irc_users.jsonl.gz',),)),
  'shakespeare': required_files.RequiredFiles(
    (('shakespeare_speakers.jsonl.gz',),)
  ),
  'stackoverflow': required_files.RequiredFiles(
    (('stackoverflow.sqlite', 'stackoverflow.word_count'),),
    is_downloadable=True,
  ),
  'tags': required_files.RequiredFiles((('stackexchange_posts.jsonl.gz',),)),
  'lastfm': required_files.RequiredFiles((('lastfm.npz',),)),
  'delicious': required_files.RequiredFiles((('delicious.npz',),)),
  'bibtex': required_files.RequiredFiles((('bibtex.npz',),)),
  'stackex': required_files.RequiredFiles((('stackex_cooking.npz',),)),
  'xc': required_files.RequiredFiles(
    (
      ('train.txt', 'test.txt'),
      ('trn_X_Xf.txt', 'trn_X_Y.txt', 'tst_X_Xf.txt', 'tst_X_Y.txt'),
    )
  ),
  # And those that it names.
  'folder': required_files.RequiredFiles(((schema.FILE_NAME,),)),
}
# For tasks whose data comes from installed packages.
_NO_FILES = required_files.RequiredFiles()


def defaults(name: str) -> options_lib.TaskOptions:
  """Returns the default options of a task.

  Args:
    name: One of `TASK_NAMES`.

  Returns:
    The options. One that is `None`, other than `max_client_examples`, is not
    taken by the task.

  Raises:
    ValueError: If the name is unknown.
  """
  _check_name(name)
  return _DEFAULTS[name]


def files(name: str) -> required_files.RequiredFiles:
  """Returns the files of `data_dir` that a task reads.

  Args:
    name: One of `TASK_NAMES`.

  Raises:
    ValueError: If the name is unknown.
  """
  _check_name(name)
  return _FILES.get(name, _NO_FILES)


def resolve_options(
  name: str, options: options_lib.TaskOptions | None
) -> options_lib.TaskOptions:
  """Fills unset options with the defaults of a task.

  Args:
    name: One of `TASK_NAMES`, or `module:function`.
    options: Chosen options; `None` chooses none.

  Returns:
    The options to build the task with.

  Raises:
    TypeError: If `options` is not a `TaskOptions`.
    ValueError: If the name is unknown, or the task does not take an option.
  """
  if options is None:
    options = options_lib.TaskOptions()
  if not isinstance(options, options_lib.TaskOptions):
    raise TypeError(
      f'Expected `options` to be a TaskOptions, found {type(options).__name__}.'
    )
  if references.is_reference(name):
    return options
  return options_lib.resolve(
    name, options, defaults(name), _OPTIONAL.get(name, ())
  )


def check_task(
  name: str,
  *,
  data_dir: str | None = None,
  cache_dir: str | None = None,
  seed: int = 0,
  options: options_lib.TaskOptions | None = None,
) -> None:
  """Checks the arguments of `tasks.build_task`, without TensorFlow.

  Contents of files, and files to be downloaded, are not looked at.

  Args:
    name: See `tasks.build_task`, as for all arguments.
    data_dir: Directory with the files of the task.
    cache_dir: Directory of cached client data.
    seed: Seed of all random choices.
    options: Chosen options.

  Raises:
    TypeError: If an argument is of the wrong type.
    ValueError: If the name is unknown, the seed out of range, an option not
      taken by the task, `cache_dir` not a directory, or `data_dir` or one of
      its files missing; of a user's function or model, if its module or file
      is missing.
  """
  if not references.is_reference(name):
    _check_name(name)
  if isinstance(seed, bool) or not isinstance(seed, int):
    raise TypeError(f'Expected `seed` to be an integer, found {seed!r}.')
  if not 0 <= seed < 2**32:
    raise ValueError(f'Expected `seed` from 0 to 2^32 - 1, found {seed}.')
  options = resolve_options(name, options)
  cache.cache_directory(cache_dir)
  if references.is_reference(name):
    references.source_file(name)
    _check_directory(data_dir)
    return
  files(name).check(name, data_dir)
  if name == 'folder':
    _check_folder(data_dir, options)


def _check_directory(data_dir: str | None) -> None:
  if data_dir and not os.path.isdir(os.path.expanduser(data_dir)):
    raise ValueError(
      f'Expected `data_dir` to be a directory, found none at {data_dir!r}: '
      'correct it.'
    )


def _check_folder(
  data_dir: str | None, options: options_lib.TaskOptions
) -> None:
  if options.keras_model is None:
    raise ValueError(
      "Expected `keras_model` with the task 'folder', found none: give "
      'module:function or a .keras file.'
    )
  user_models.source_file(options.keras_model)
  data_dir = options_lib.required(data_dir)
  client_files.find_files(data_dir, schema.read_schema(data_dir))


def _check_name(name: str) -> None:
  if name not in TASK_NAMES:
    raise ValueError(
      f'Expected a task of {TASK_NAMES}, or module:function, found {name!r}.'
    )
