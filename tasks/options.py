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
"""Options of tasks, validated when made; no TensorFlow import."""

from collections.abc import Collection, Mapping
import dataclasses
from typing import TypeVar

from tff_methods.common import argument_checks

PARTITIONS = ('iid', 'dirichlet')
LABEL_PARTITIONS = ('iid', 'frequent_labels', 'top_labels')
CLASS_PARTITIONS = ('classes', 'iid')
ALL_PARTITIONS = tuple(
  dict.fromkeys(PARTITIONS + LABEL_PARTITIONS + CLASS_PARTITIONS)
)
TOKEN_MODELS = ('transformer', 'lstm')
IMAGE_MODELS = ('cnn', 'small_cnn', 'all_cnn')
SPLITS = ('example', 'client')
# Attention heads of the Transformer.
NUM_HEADS = 8

_Value = TypeVar('_Value')

_INTEGERS = (
  'batch_size',
  'epochs',
  'max_client_examples',
  'num_clients',
  'vocab_size',
  'embedding_dim',
  'ffn_dim',
  'num_blocks',
  'feature_width',
  'hidden_width',
)
# Sizes of layers, for which there is memory.
_MAX_WIDTHS: Mapping[str, int] = dict.fromkeys(
  ('embedding_dim', 'ffn_dim', 'feature_width', 'hidden_width'), 2**20
)
_MAX_INTEGER = 2**31 - 1
_NUMBERS = ('partition_share', 'frequent_share')
# NumPy draws from a Beta distribution by rejection. Below, it rejects
# practically all draws, and never returns.
MIN_ALPHA = 1e-6
# Above, sums overflow in the end; distributions are uniform long before.
MAX_ALPHA = 1e12
_CHOICES = {
  'partition': ALL_PARTITIONS,
  'token_model': TOKEN_MODELS,
  'image_model': IMAGE_MODELS,
  'split': SPLITS,
}
_STRINGS = ('keras_model', 'output_layer')


@dataclasses.dataclass(frozen=True)
class TaskOptions:
  """Options of a task; `None` selects the default of the task.

  Attributes:
    batch_size: Batch size on clients, in examples.
    epochs: Passes of a client over its data in one round.
    max_client_examples: The most examples that a client uses in one round,
      counted after `epochs` passes; `None` is no limit. A client uses the same
      examples in the same order in each round: both follow from the seed alone.
    partition: One of `PARTITIONS`, where `'dirichlet'` is non-IID over labels.
      For multi-label tasks one of `LABEL_PARTITIONS`: see
      `tasks.many_labels.label_partition`.
    num_clients: Number of clients that share the training data.
    dirichlet_alpha: Concentration of the Dirichlet distribution that a client's
      label distribution is drawn from, from 1e-6 to 1e12; small values are far
      from IID. Only with `partition='dirichlet'`.
    only_digits: If true, keeps only the ten digits of EMNIST's 62 classes.
    vocab_size: Vocabulary size: the most frequent tokens.
    embedding_dim: Size of the embedding of a token, word or item.
    token_model: Next-token model, `'transformer'` or `'lstm'`.
    ffn_dim: Width of the Transformer's feed-forward networks.
    num_blocks: Number of the Transformer's blocks.
    tied_embeddings: If true, the rows of a text model's output also embed its
      input; if false, the input has a table of its own.
    image_model: Model of MNIST: `'cnn'`, 843,658 weights, or `'small_cnn'`,
      26,010, or `'all_cnn'`, 1,368,010.
    feature_width: Input width of multi-label models; a larger number of
      features is hashed to it.
    hidden_width: Width of each hidden layer of multi-label models.
    partition_share: With `partition='frequent_labels'`, all examples of a class
      are on one client if at least this share of the training examples have
      the class.
    frequent_share: Least share of the training examples that have a frequent
      class, in metrics that count frequent and infrequent classes apart.
    keras_model: Model of the task `'folder'`, as `'module:function'` or the
      path of a `.keras` file.
    output_layer: Name of that model's output layer, whose rows some methods
      select; by default the last layer.
    split: `'example'` holds out examples of each client of the task `'folder'`
      for testing, `'client'` entire clients.
    test_fraction: Fraction of examples or clients that is held out.
  """

  batch_size: int | None = None
  epochs: int | None = None
  max_client_examples: int | None = None
  partition: str | None = None
  num_clients: int | None = None
  dirichlet_alpha: float | None = None
  only_digits: bool | None = None
  vocab_size: int | None = None
  embedding_dim: int | None = None
  token_model: str | None = None
  ffn_dim: int | None = None
  num_blocks: int | None = None
  tied_embeddings: bool | None = None
  image_model: str | None = None
  feature_width: int | None = None
  hidden_width: int | None = None
  partition_share: float | None = None
  frequent_share: float | None = None
  keras_model: str | None = None
  output_layer: str | None = None
  split: str | None = None
  test_fraction: float | None = None

  def __post_init__(self) -> None:
    for name, value in list(vars(self).items()):
      if value is None:
        continue
      if name in _INTEGERS:
        value = _check_integer(name, value)
      elif name == 'dirichlet_alpha':
        value = check_alpha(f'`{name}`', value)
      elif name in _NUMBERS:
        value = argument_checks.check_positive(f'`{name}`', value)
      elif name in _CHOICES:
        argument_checks.check_choice(f'`{name}`', value, _CHOICES[name])
      elif name == 'test_fraction':
        value = _check_test_fraction(value)
      elif name in _STRINGS:
        if not isinstance(value, str):
          raise TypeError(
            f'Expected `{name}` to be a string, found {type(value).__name__}.'
          )
      elif not isinstance(value, bool):
        raise TypeError(
          f'Expected `{name}` to be a bool, found {type(value).__name__}.'
        )
      # Numbers of numpy become those of Python, which JSON can store.
      object.__setattr__(self, name, value)


def check_alpha(name: str, alpha: float) -> float:
  """Checks a concentration of a Dirichlet distribution.

  Args:
    name: Name of the argument, for the message.
    alpha: Value of the argument.

  Returns:
    The value, as an int or float.

  Raises:
    TypeError: If `alpha` is not a number.
    ValueError: If `alpha` is not in the range of which samples can be drawn.
  """
  alpha = argument_checks.check_positive(name, alpha)
  if not MIN_ALPHA <= alpha <= MAX_ALPHA:
    bound, change = (
      ('least', 'raise') if alpha < MIN_ALPHA else ('most', 'lower')
    )
    limit = MIN_ALPHA if alpha < MIN_ALPHA else MAX_ALPHA
    raise ValueError(
      f'Expected {name} of at {bound} {limit:g}, found {alpha}: {change} it.'
    )
  return alpha


def _check_integer(name: str, value: int) -> int:
  value = argument_checks.check_int(f'`{name}`', value, minimum=1)
  largest = _MAX_WIDTHS.get(name, _MAX_INTEGER)
  if value > largest:
    raise ValueError(
      f'Expected `{name}` of at most {largest}, found {value}: lower it.'
    )
  return value


def _check_test_fraction(value: float) -> float:
  value = argument_checks.check_fraction(value, '`test_fraction`')
  if value == 1:
    raise ValueError(
      'Expected `test_fraction` below 1, found 1: lower it, so that examples '
      'are left to train on.'
    )
  return value


def resolve(
  task_name: str,
  options: TaskOptions,
  defaults: TaskOptions,
  optional: Collection[str] = (),
) -> TaskOptions:
  """Fills unset options with the defaults of a task.

  Args:
    task_name: Name of the task, for messages.
    options: Chosen options.
    defaults: Options of the task. One that is `None`, other than
      `max_client_examples`, is not taken by the task.
    optional: Further options that the task takes without a default.

  Returns:
    The options to build the task with.

  Raises:
    ValueError: If `options` has one that the task does not take, a partition
      of other tasks, `num_clients` where classes determine it or none where
      they do not, a `dirichlet_alpha` or `partition_share` for a partition
      without one, or an `ffn_dim` for a model without a feed-forward network.
  """
  chosen = {k: v for k, v in vars(options).items() if v is not None}
  taken = {k for k, v in vars(defaults).items() if v is not None}
  taken.update(['max_client_examples', *optional])
  for name, value in chosen.items():
    if name not in taken:
      raise ValueError(
        f'Task {task_name!r} takes the options {sorted(taken)}, '
        f'found `{name}={value!r}`: leave it out.'
      )
  if 'partition' in chosen:
    allowed = _partitions(defaults)
    argument_checks.check_choice('`partition`', chosen['partition'], allowed)
  resolved = dataclasses.replace(defaults, **chosen)
  for name, condition, required in (
    ('dirichlet_alpha', 'partition', 'dirichlet'),
    ('partition_share', 'partition', 'frequent_labels'),
    ('ffn_dim', 'token_model', 'transformer'),
    ('num_blocks', 'token_model', 'transformer'),
  ):
    found = getattr(resolved, condition)
    if name in chosen and found != required:
      raise ValueError(
        f'`{name}` needs `{condition}={required!r}`, found '
        f'`{condition}={found!r}`: set `{condition}` or leave out `{name}`.'
      )
  if defaults.partition == 'classes':
    _check_num_clients(resolved)
  has_heads = resolved.token_model == 'transformer'
  if has_heads and (resolved.embedding_dim or 0) % NUM_HEADS:
    raise ValueError(
      f'Expected `embedding_dim` as a multiple of {NUM_HEADS}, heads of the '
      f'Transformer, found {resolved.embedding_dim}: change it.'
    )
  return resolved


def _partitions(defaults: TaskOptions) -> tuple[str, ...]:
  """Returns the partitions of a task with these defaults."""
  if defaults.dirichlet_alpha is not None:
    return PARTITIONS
  return (
    CLASS_PARTITIONS if defaults.partition == 'classes' else LABEL_PARTITIONS
  )


def _check_num_clients(options: TaskOptions) -> None:
  """Raises `ValueError` unless `num_clients` fits one of `CLASS_PARTITIONS`."""
  is_needed = options.partition == 'iid'
  if is_needed != (options.num_clients is not None):
    raise ValueError(
      f'Expected {"" if is_needed else "no "}`num_clients` with '
      f'`partition={options.partition!r}`, found {options.num_clients}: '
      + ('give it.' if is_needed else 'leave it out.')
    )


def required(value: _Value | None) -> _Value:
  """Returns an option that resolved options of the task always have.

  Args:
    value: The option.

  Returns:
    `value`.

  Raises:
    ValueError: If the option is `None`.
  """
  if value is None:
    raise ValueError(
      'Expected an option that the task takes, found None: call `resolve`.'
    )
  return value
