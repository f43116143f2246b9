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
"""What a method is to programs, and what the modules of methods share."""

from collections.abc import Callable
import dataclasses

from absl import flags
import tensorflow_federated as tff

from tff_methods import algorithms
from tff_methods import options
from tff_methods import templates

SEED_SOURCE = flags.DEFINE_enum(
  'seed_source',
  'reproducible',
  list(options.SEED_SOURCES),
  'Where clients take randomness from: --seed, or the machine, which makes '
  'runs differ.',
)


@dataclasses.dataclass(frozen=True)
class Method:
  """A way to train.

  Attributes:
    build: From a task, the clients' and the server's optimizer, and a seed to
      the learning process, or to one with client states.
    own_flags: The flags that this method takes, besides those of all methods.
    check: Raises `ValueError` unless these flags go together.
    check_task: Raises `UsageError` unless the method can train a task.
    evaluated_model_fn: From a task and a seed to a function that makes the
      model whose weights are trained, with metrics to evaluate it by.
  """

  build: Callable[
    [
      tff.simulation.baselines.BaselineTask,
      tff.learning.optimizers.Optimizer,
      tff.learning.optimizers.Optimizer,
      int,
    ],
    tff.learning.templates.LearningProcess | templates.ClientStateProcess,
  ]
  own_flags: tuple[flags.FlagHolder, ...] = ()
  check: Callable[[], object] = lambda: None
  check_task: Callable[[tff.simulation.baselines.BaselineTask], object] = (
    lambda task: None
  )
  evaluated_model_fn: Callable[
    [tff.simulation.baselines.BaselineTask, int],
    Callable[[], tff.learning.models.VariableModel],
  ] = lambda task, seed: task.model_fn


def builder(
  name: str,
  options_fn: Callable[[], dict[str, object]],
  *,
  is_random: bool = True,
):
  """Returns `Method.build` of a function of `processes`.

  Args:
    name: The function's, which takes a model function and two optimizers.
    options_fn: Its other arguments, as the flags say.
    is_random: Whether it takes a `base_seed` too.
  """

  def build(task, client_optimizer, server_optimizer, seed):
    options = options_fn() | ({'base_seed': seed} if is_random else {})
    return getattr(algorithms, name)(
      task.model_fn, client_optimizer, server_optimizer, **options
    )

  return build


def given(**flag_values) -> dict[str, object]:
  """Returns those that are given, for a function with defaults of its own."""
  return {n: value for n, value in flag_values.items() if value is not None}
