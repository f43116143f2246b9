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
"""What a caller may choose about a task, and each task's own choices."""

import dataclasses
import types

PARTITIONS = ('iid', 'dirichlet')
TOKEN_MODELS = ('transformer', 'lstm')


@dataclasses.dataclass(frozen=True)
class TaskOptions:
  """Choices that shape a task; `None` leaves the choice to the task.

  Attributes:
    batch_size: Examples in a batch of a client's training data.
    epochs: Passes of a client over its data in one round.
    max_client_examples: The most examples that a client uses in one round,
      counted after `epochs` passes; `None` is no limit. A client uses the same
      ones in the same order in each round: both follow from the seed alone.
    partition: `'iid'` or `'dirichlet'` (non-IID over labels).
    num_clients: Clients that share the training data.
    dirichlet_alpha: Concentration of the Dirichlet distribution that a
      client's labels are drawn from; small is far from IID. Only with
      `partition='dirichlet'`.
    only_digits: Whether to keep only the ten digits of EMNIST's 62 classes.
    vocab_size: Tokens that a model of text knows, the most frequent ones.
    token_model: `'transformer'` or `'lstm'`, which predicts the next token.
    ffn_dim: Units of the Transformer's feed-forward network.
    feature_width: Numbers of an example with many features: more features than
      that are hashed.
    hidden_width: Units of each hidden layer of the model of many labels.
    frequent_share: The share of the training examples that have a frequent
      class at least; a client has all examples of such a class.
  """

  batch_size: int | None = None
  epochs: int | None = None
  max_client_examples: int | None = None
  partition: str | None = None
  num_clients: int | None = None
  dirichlet_alpha: float | None = None
  only_digits: bool | None = None
  vocab_size: int | None = None
  token_model: str | None = None
  ffn_dim: int | None = None
  feature_width: int | None = None
  hidden_width: int | None = None
  frequent_share: float | None = None

  def __post_init__(self):
    for name in (
      'batch_size',
      'epochs',
      'max_client_examples',
      'num_clients',
      'vocab_size',
      'ffn_dim',
      'feature_width',
      'hidden_width',
    ):
      _check_number(name, getattr(self, name), int)
    for name in ('dirichlet_alpha', 'frequent_share'):
      _check_number(name, getattr(self, name), int | float)
    _check_choice('partition', self.partition, PARTITIONS)
    _check_choice('token_model', self.token_model, TOKEN_MODELS)
    if not isinstance(self.only_digits, bool | None):
      raise TypeError(
        'Expected `only_digits` to be a bool or None, '
        f'found {self.only_digits!r}.'
      )


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
  if value not in (None, *choices):
    raise ValueError(
      f'Expected `{name}` to be one of {choices}, found {value!r}.'
    )


def _check_number(
  name: str, value: object, kind: type | types.UnionType
) -> None:
  if value is None:
    return
  if isinstance(value, bool) or not isinstance(value, kind):
    expected = 'an integer' if kind is int else 'a number'
    raise TypeError(f'Expected `{name}` to be {expected}, found {value!r}.')
  if not 0 < value < float('inf'):
    raise ValueError(
      f'Expected `{name}` to be positive and finite, found {value!r}.'
    )


def resolve(
  task_name: str, options: TaskOptions, defaults: TaskOptions
) -> TaskOptions:
  """Fills what `options` leaves open with a task's `defaults`.

  Args:
    task_name: For messages.
    options: What the caller chose.
    defaults: What the task chooses. Where it says `None`, other than for
      `max_client_examples`, the task has no such option.

  Returns:
    The options to build the task with.

  Raises:
    ValueError: If `options` has one that the task does not take, a
      `dirichlet_alpha` for a partition without a Dirichlet distribution, or an
      `ffn_dim` for a model without that.
  """
  chosen = {k: v for k, v in vars(options).items() if v is not None}
  taken = {k for k, v in vars(defaults).items() if v is not None}
  taken.add('max_client_examples')
  for name in chosen:
    if name not in taken:
      raise ValueError(
        f'Task {task_name!r} takes the options {sorted(taken)}, '
        f'found `{name}={chosen[name]!r}`: leave it out.'
      )
  resolved = dataclasses.replace(defaults, **chosen)
  for name, of, value in (
    ('dirichlet_alpha', 'partition', 'dirichlet'),
    ('ffn_dim', 'token_model', 'transformer'),
  ):
    if name in chosen and (found := getattr(resolved, of)) != value:
      raise ValueError(
        f'`{name}` needs `{of}={value!r}`, found `{of}={found!r}`: set the one '
        'or leave out the other.'
      )
  return resolved
