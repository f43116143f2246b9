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
"""The flags that say which task, with which choices."""

from absl import flags
import tensorflow_federated as tff

from programs.command_line import common_flags
from programs.command_line import runner
import tasks

TASK = flags.DEFINE_enum('task', None, tasks.TASK_NAMES, 'Model and data.')
SEED = flags.DEFINE_integer(
  'seed', 0, 'Of all random choices.', lower_bound=0, upper_bound=2**32 - 1
)
# Choices that a task has defaults for, by their names in `tasks.TaskOptions`.
OPTIONS = {
  'batch_size': flags.DEFINE_integer(
    'batch_size', None, 'Examples in a batch of a client.', lower_bound=1
  ),
  'epochs': flags.DEFINE_integer(
    'client_epochs', None, "A client's passes in a round.", lower_bound=1
  ),
  'max_client_examples': flags.DEFINE_integer(
    'max_client_examples',
    None,
    'The most examples that a client uses in a round. They are the same ones, '
    'in the same order, in each round: both follow from --seed and the client.',
    lower_bound=1,
  ),
  'partition': flags.DEFINE_enum(
    'partition',
    None,
    ['iid', 'dirichlet'],
    'How clients share the data: alike, or each with other labels.',
  ),
  'num_clients': flags.DEFINE_integer(
    'num_clients', None, 'Clients that share the data.', lower_bound=1
  ),
  'dirichlet_alpha': flags.DEFINE_float(
    'dirichlet_alpha', None, 'How alike clients are, with a dirichlet partition'
  ),
  'only_digits': flags.DEFINE_bool(
    'only_digits', None, 'Whether to use only the digits of EMNIST.'
  ),
  'vocab_size': flags.DEFINE_integer(
    'vocab_size',
    None,
    'Tokens that a model of text knows, the most frequent ones.',
    lower_bound=1,
  ),
  'token_model': flags.DEFINE_enum(
    'token_model',
    None,
    ['transformer', 'lstm'],
    'Which model predicts the next token.',
  ),
  'ffn_dim': flags.DEFINE_integer(
    'ffn_dim',
    None,
    "Units of the Transformer's feed-forward network.",
    lower_bound=1,
  ),
  'feature_width': flags.DEFINE_integer(
    'feature_width',
    None,
    'Numbers of an example with many features: more are hashed.',
    lower_bound=1,
  ),
  'hidden_width': flags.DEFINE_integer(
    'hidden_width',
    None,
    'Units of each hidden layer of the model of many labels.',
    lower_bound=1,
  ),
  'frequent_share': flags.DEFINE_float(
    'frequent_share',
    None,
    'The share of the examples that have a frequent class, at least. All '
    'examples of such a class are with one client.',
  ),
}

for _positive_flag in ('dirichlet_alpha', 'frequent_share'):
  flags.register_validator(
    _positive_flag, runner.positive, 'Expected a positive number.'
  )


def build_task(
  kind: type = tff.simulation.baselines.BaselineTask,
  expected: str = '',
  example: str = '',
  **defaults: object,
) -> tff.simulation.baselines.BaselineTask:
  """Builds --task.

  Args:
    kind: The class that it is to be of.
    expected: What that is, for the message.
    example: The name of one.
    **defaults: Of options, where their flags are not given.

  Raises:
    UsageError: If it cannot be built, or is of another kind.
  """
  given = {name: holder.value for name, holder in OPTIONS.items()}
  given = {name: value for name, value in given.items() if value is not None}
  try:
    task = tasks.build_task(
      TASK.value,
      data_dir=common_flags.DATA_DIR.value,
      cache_dir=common_flags.CACHE_DIR.value,
      seed=SEED.value,
      options=tasks.TaskOptions(**(defaults | given)),
    )
  except ValueError as e:
    raise runner.UsageError(str(e)) from e
  if not isinstance(task, kind):
    raise runner.UsageError(
      f'Expected a --task {expected}, found {TASK.value!r}; choose another, '
      f'such as {example}.'
    )
  return task
