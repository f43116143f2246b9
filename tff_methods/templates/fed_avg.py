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
"""Arguments of federated averaging, checked in one place for all builders."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods.templates import local_model
from tff_methods.templates import sketched_distributor


class _Expected(NamedTuple):
  """Valid values of an argument.

  Attributes:
    is_valid: Predicate of valid values.
    description: Valid values, for the message.
    remedy: Way to get one, for the message.
    is_optional: If true, `None` is valid.
  """

  is_valid: Callable[[Any], bool]
  description: str
  remedy: str
  is_optional: bool = False


def _instance_of(cls: type) -> Callable[[Any], bool]:
  return lambda value: isinstance(value, cls)


def _expected_optimizer(*, is_optional: bool) -> _Expected:
  # TFF takes no Keras optimizers, nor functions, here: see
  # `tff.learning.algorithms.build_weighted_fed_avg`.
  return _Expected(
    _instance_of(tff.learning.optimizers.Optimizer),
    'a tff.learning.optimizers.Optimizer',
    'build it with tff.learning.optimizers, such as build_sgdm(0.1), instead '
    'of a Keras optimizer or a function',
    is_optional,
  )


def _expected_aggregator(default: str) -> _Expected:
  return _Expected(
    _instance_of(tff.aggregators.WeightedAggregationFactory),
    'a tff.aggregators.WeightedAggregationFactory',
    f'leave it out for {default}, or see tff.aggregators.as_weighted_aggregator'
    ' for unweighted factories',
    is_optional=True,
  )


_EXPECTED = {
  'client_optimizer_fn': _expected_optimizer(is_optional=False),
  'optimizer': _expected_optimizer(is_optional=False),
  'server_optimizer_fn': _expected_optimizer(is_optional=True),
  'client_work': _Expected(
    _instance_of(tff.learning.templates.ClientWorkProcess),
    'a tff.learning.templates.ClientWorkProcess',
    'build it with tff.learning.templates, such as '
    'build_model_delta_client_work',
  ),
  'client_weighting': _Expected(
    _instance_of(tff.learning.ClientWeighting),
    'a tff.learning.ClientWeighting',
    'give NUM_EXAMPLES or UNIFORM of it',
  ),
  'model_distributor': _Expected(
    lambda value: (
      isinstance(
        value,
        (
          tff.learning.templates.DistributionProcess,
          options_lib.DownlinkOptions,
        ),
      )
      and not isinstance(value, options_lib.DeltaDownlinkOptions)
    ),
    'a tff.learning.templates.DistributionProcess or options.DownlinkOptions',
    'leave it out for a broadcast, or see '
    'templates.build_delta_downlink_fed_avg for differences',
    is_optional=True,
  ),
  'model_aggregator': _expected_aggregator('a mean'),
  'rows_aggregator': _Expected(
    lambda value: (
      isinstance(value, tff.aggregators.WeightedAggregationFactory)
      or (callable(value) and not isinstance(value, type))
    ),
    'a tff.aggregators.WeightedAggregationFactory, or a function that returns '
    'one',
    'give aggregators.selected_rows_aggregator',
    is_optional=True,
  ),
  'metrics_aggregator': _Expected(
    callable,
    'a function of metric finalizers',
    'leave it out for tff.learning.metrics.sum_then_finalize',
    is_optional=True,
  ),
  'loop_implementation': _Expected(
    _instance_of(tff.learning.LoopImplementation),
    'a tff.learning.LoopImplementation',
    'give DATASET_ITERATOR or DATASET_REDUCE of it',
  ),
}


def check_arguments(**arguments: Any) -> None:
  """Checks arguments that the builders of learning processes have in common.

  A builder calls it before it traces anything. Valid values are those of
  `tff.learning.algorithms.build_weighted_fed_avg`.

  Args:
    **arguments: Values by the names of the arguments: `client_optimizer_fn`,
      `optimizer` (of a client work), `server_optimizer_fn`,
      `client_work`, `client_weighting`, `model_distributor`,
      `model_aggregator`, `rows_aggregator`, `metrics_aggregator` and
      `loop_implementation`.

  Raises:
    TypeError: If an argument is of a wrong type.
  """
  for name, value in arguments.items():
    expected = _EXPECTED[name]
    if expected.is_optional and value is None:
      continue
    if not expected.is_valid(value):
      raise TypeError(
        f'Expected {name} to be {expected.description}, found '
        f'{_describe(value)}: {expected.remedy}.'
      )


def build_finalizer(
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None,
  weights_type: tff.Type,
) -> tff.learning.templates.FinalizerProcess:
  """Builds the finalizer that applies the mean update.

  Args:
    server_optimizer_fn: Optimizer of the server; `None` for SGD with a learning
      rate of 1.
    weights_type: Type of the `tff.learning.models.ModelWeights`.

  Returns:
    A `tff.learning.templates.FinalizerProcess`.
  """
  return tff.learning.templates.build_apply_optimizer_finalizer(
    server_optimizer_fn or tff.learning.optimizers.build_sgdm(1.0), weights_type
  )


def build_weighted_fed_avg(
  model_fn: local_model.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  model_distributor: sketched_distributor.ModelDistributor | None = None,
  **kwargs: Any,
) -> tff.learning.templates.LearningProcess:
  """Builds TFF's federated averaging, after a check of the arguments.

  Args:
    model_fn: See `tff.learning.algorithms.build_weighted_fed_avg`, also for the
      other arguments.
    client_optimizer_fn: Optimizer of the clients.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    model_distributor: Process that sends the model to the clients, or options
      of its quantization; a broadcast by default.
    **kwargs: Keyword arguments of
      `tff.learning.algorithms.build_weighted_fed_avg`.

  Returns:
    A `tff.learning.templates.LearningProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
  """
  local_model.check_model(model_fn)
  check_arguments(
    client_optimizer_fn=client_optimizer_fn,
    server_optimizer_fn=server_optimizer_fn,
    model_distributor=model_distributor,
    **kwargs,
  )
  return tff.learning.algorithms.build_weighted_fed_avg(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn,
    model_distributor=sketched_distributor.build_model_distributor(
      model_fn, model_distributor
    ),
    **kwargs,
  )


def build_client_work(
  model_fn: local_model.Model,
  *,
  optimizer: tff.learning.optimizers.Optimizer,
  client_weighting: tff.learning.ClientWeighting,
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None,
  loop_implementation: tff.learning.LoopImplementation,
) -> tff.learning.templates.ClientWorkProcess:
  """Builds TFF's client work of federated averaging for either kind of model.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    optimizer: Optimizer of the clients.
    client_weighting: Weights of the clients' updates.
    metrics_aggregator: Function from the model's metric finalizers to the
      aggregation of metrics; `tff.learning.metrics.sum_then_finalize` if
      `None`.
    loop_implementation: Loop over a client's batches.

  Returns:
    A `tff.learning.templates.ClientWorkProcess`.
  """
  arguments = dict(
    optimizer=optimizer,
    client_weighting=client_weighting,
    metrics_aggregator=metrics_aggregator
    or tff.learning.metrics.sum_then_finalize,
    loop_implementation=loop_implementation,
  )
  if isinstance(model_fn, tff.learning.models.FunctionalModel):
    return tff.learning.templates.build_functional_model_delta_client_work(
      model=model_fn, **arguments
    )
  return tff.learning.templates.build_model_delta_client_work(
    model_fn, **arguments
  )


def _describe(value: Any) -> str:
  """Returns the class of a value, or the name of a class, for a message."""
  if isinstance(value, type):
    return f'the class {value.__name__}'
  return type(value).__name__
