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
"""Flags of the task."""

from typing import Any, TYPE_CHECKING

from absl import flags

from programs.command_line import common_flags
from programs.command_line import runner
from tasks import catalog
from tasks import data_fingerprint as data_fingerprint_lib
from tasks import options as options_lib
from tasks import references

if TYPE_CHECKING:
  import tensorflow_federated as tff


class _TaskParser(flags.EnumParser):
  """Parser of the name of a task, or of a reference to a function."""

  def parse(self, argument: str) -> str:
    """See base class."""
    if references.is_reference(argument):
      return argument
    return super().parse(argument)


TASK = flags.DEFINE(
  _TaskParser([*catalog.TASK_NAMES, 'MODULE:FUNCTION']),
  'task',
  None,
  'Task: model, client data and test data. folder: files of --data_dir, which '
  'its schema.json describes, with --keras_model. MODULE:FUNCTION: the result '
  'of a function, which gets those of data_dir, cache_dir, seed and options '
  'that it names as arguments.',
  serializer=flags.ArgumentSerializer(),
)
SEED = flags.DEFINE_integer(
  'seed',
  0,
  'Seed of all random choices, 0 to 2^32 - 1.',
  lower_bound=0,
  upper_bound=2**32 - 1,
)
OPTIONS = {
  'batch_size': flags.DEFINE_integer(
    'batch_size',
    None,
    'Batch size on clients, in examples.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'epochs': flags.DEFINE_integer(
    'client_epochs',
    None,
    'Passes of a client over its data in each round.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'max_client_examples': flags.DEFINE_integer(
    'max_client_examples',
    None,
    'Largest number of examples that a client trains on in a round: the same '
    'ones in the same order in each round, given by --seed and the client.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'partition': flags.DEFINE_enum(
    'partition',
    None,
    list(options_lib.ALL_PARTITIONS),
    'Partition of the data over clients: IID, or by a Dirichlet distribution '
    'over labels. For multi-label tasks: IID, all examples of a frequent label '
    'on one client, or clients of equal size, each with one of the most '
    'frequent labels. For omniglot and glyphs: 20 classes on each client, or '
    'IID.',
  ),
  'num_clients': flags.DEFINE_integer(
    'num_clients',
    None,
    'Number of clients that the data is partitioned over.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'dirichlet_alpha': flags.DEFINE_float(
    'dirichlet_alpha',
    None,
    'Concentration of --partition=dirichlet: clients are more alike if larger.',
  ),
  'only_digits': flags.DEFINE_bool(
    'only_digits', None, 'Use the digits of EMNIST only, 10 of 62 classes.'
  ),
  'vocab_size': flags.DEFINE_integer(
    'vocab_size',
    None,
    'Vocabulary size: the most frequent tokens or words.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'embedding_dim': flags.DEFINE_integer(
    'embedding_dim',
    None,
    'Size of the embedding of a token, word or item.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'token_model': flags.DEFINE_enum(
    'token_model',
    None,
    list(options_lib.TOKEN_MODELS),
    'Model of the next token.',
  ),
  'image_model': flags.DEFINE_enum(
    'image_model',
    None,
    list(options_lib.IMAGE_MODELS),
    'Model of MNIST: 843,658 weights (cnn), 26,010 (small_cnn), or 1,368,010 '
    '(all_cnn, that of cifar10 for smaller images).',
  ),
  'ffn_dim': flags.DEFINE_integer(
    'ffn_dim',
    None,
    "Units of the Transformer's feed-forward networks.",
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'num_blocks': flags.DEFINE_integer(
    'num_blocks',
    None,
    'Blocks of the Transformer.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'tied_embeddings': flags.DEFINE_bool(
    'tied_embeddings',
    None,
    'Embed the input of a text model by the rows of its output, instead of a '
    'table of its own.',
  ),
  'feature_width': flags.DEFINE_integer(
    'feature_width',
    None,
    'Dimension of the input of tasks with many features; more features are '
    'hashed to it.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'hidden_width': flags.DEFINE_integer(
    'hidden_width',
    None,
    'Units of each hidden layer of the multi-label model.',
    lower_bound=1,
    upper_bound=common_flags.MAX_INT,
  ),
  'partition_share': flags.DEFINE_float(
    'partition_share',
    None,
    'With --partition=frequent_labels, smallest share of the training examples '
    'of a class whose examples are all on one client.',
  ),
  'frequent_share': flags.DEFINE_float(
    'frequent_share',
    None,
    'Smallest share of the training examples of a frequent class. Metrics '
    'count frequent and infrequent classes apart.',
  ),
  'keras_model': flags.DEFINE_string(
    'keras_model',
    None,
    'Model of --task=folder: module:function, which gets those of num_classes '
    'and seed that it names as arguments, or a .keras file.',
  ),
  'output_layer': flags.DEFINE_string(
    'output_layer',
    None,
    'Name of the output layer of --keras_model, a Dense layer, for methods '
    'that select rows. Default: the last layer.',
  ),
  'split': flags.DEFINE_enum(
    'split',
    None,
    list(options_lib.SPLITS),
    'With --task=folder, hold out examples of each client for testing, or '
    'entire clients.',
  ),
  'test_fraction': flags.DEFINE_float(
    'test_fraction',
    None,
    'With --task=folder, fraction of examples or clients that is held out.',
  ),
}

# Options of the clients' local training; the others shape the task.
CLIENT_OPTIONS = ('batch_size', 'epochs', 'max_client_examples')

for _positive_flag in ('dirichlet_alpha', 'partition_share', 'frequent_share'):
  flags.register_validator(
    _positive_flag, runner.positive, 'Expected a positive number.'
  )


def options(**defaults: Any) -> options_lib.TaskOptions:
  """Returns the options that the flags give.

  Args:
    **defaults: Options for flags that are not given.
  """
  given = {name: holder.value for name, holder in OPTIONS.items()}
  given = {name: value for name, value in given.items() if value is not None}
  return options_lib.TaskOptions(**(defaults | given))


def check_flags(**defaults: Any) -> None:
  """Raises `UsageError` for options or data files that the task refuses.

  Args:
    **defaults: Options for flags that are not given.
  """
  runner.check_given(TASK)
  try:
    catalog.check_task(TASK.value, options=options(**defaults), **_arguments())
  except (TypeError, ValueError) as e:
    raise runner.UsageError(str(e)) from e


def num_clients(**defaults: object) -> int | None:
  """Returns the number of clients, `None` if only the data tell it.

  Args:
    **defaults: Options for flags that are not given.
  """
  return catalog.resolve_options(TASK.value, options(**defaults)).num_clients


def data_fingerprint() -> str:
  """Returns the SHA-256 of the contents of the task's data files."""
  try:
    return data_fingerprint_lib.data_fingerprint(
      TASK.value,
      data_dir=common_flags.DATA_DIR.value,
      keras_model=OPTIONS['keras_model'].value,
    )
  except ValueError as e:
    raise runner.UsageError(str(e)) from e


def build_task(
  kind: type | None = None,
  expected: str = '',
  example: str = '',
  **defaults: Any,
) -> 'tff.simulation.baselines.BaselineTask':
  """Builds the task of `--task`.

  Args:
    kind: Required class of the task; `None` accepts any.
    expected: Description of that class, for the message.
    example: Name of a task of that class, for the message.
    **defaults: Options for flags that are not given.

  Raises:
    UsageError: If the task cannot be built, or is not of the class.
  """
  import tasks  # Imports TensorFlow: only once the flags are checked.

  try:
    task = tasks.build_task(
      TASK.value, options=options(**defaults), **_arguments()
    )
  except ValueError as e:
    raise runner.UsageError(str(e)) from e
  if kind is not None and not isinstance(task, kind):
    raise runner.UsageError(
      f'Expected a --task {expected}, found {TASK.value!r}; choose another, '
      f'such as {example}.'
    )
  return task


def _arguments() -> dict[str, Any]:
  return dict(
    data_dir=common_flags.DATA_DIR.value,
    cache_dir=common_flags.CACHE_DIR.value,
    seed=SEED.value,
  )
