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
"""Methods that the programs can train with, by name."""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any

from google.protobuf.internal import api_implementation
import numpy as np
import tensorflow_federated as tff

from programs.methods import aggregation_flags
from programs.methods import label_methods
from programs.methods import row_methods
from programs.methods import unused_assertions
from tff_methods import aggregators
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods import templates

Process = tff.learning.templates.LearningProcess | templates.ClientStateProcess
# See `Method.build`.
_Build = Callable[..., Process]


@dataclasses.dataclass(frozen=True)
class Method:
  """Builder of a method's process, and its demands on the task.

  Attributes:
    build: Function from task, client optimizer, server optimizer, options,
      quantization of the model that clients receive (`None` for none), and
      optionally the keyword argument `client_weighting`, to the learning
      process.
    check_task: Raises `UsageError` unless the method can train a task with the
      options.
    build_evaluated_model_fn: Function from task and options to a `model_fn`,
      with evaluation metrics, of the model whose weights are trained.
    build_outputs_fn: Function from task and options to the function from that
      model's predictions to the outputs of an exported model, as in
      `tasks.Serving`; `None` for those of the task.
    constants: Function from task and options to arrays by name that the
      trained weights depend on, such as hash functions.
  """

  build: _Build
  check_task: Callable[[tff.simulation.baselines.BaselineTask, Any], None] = (
    lambda task, options: None
  )
  build_evaluated_model_fn: Callable[
    [tff.simulation.baselines.BaselineTask, Any],
    Callable[[], tff.learning.models.VariableModel],
  ] = lambda task, options: task.model_fn
  build_outputs_fn: Callable[
    [tff.simulation.baselines.BaselineTask, Any],
    Callable[[Any], Mapping[str, Any]] | None,
  ] = lambda task, options: None
  constants: Callable[
    [tff.simulation.baselines.BaselineTask, Any], Mapping[str, np.ndarray]
  ] = lambda task, options: {}


def _build_fed_avg(
  task, client_optimizer, server_optimizer, options, downlink, **weighting
):
  assert options is None  # Those that there are have an aggregator.
  return tff.learning.algorithms.build_weighted_fed_avg(
    task.model_fn,
    client_optimizer,
    server_optimizer,
    model_distributor=templates.build_model_distributor(
      task.model_fn, downlink
    ),
    loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
    **weighting,
  )


def _build_unweighted_aggregator(
  options: object,
) -> tff.aggregators.UnweightedAggregationFactory:
  """Returns the aggregator of noise, secure sums or TFF."""
  match options:
    case options_lib.DpSketchOptions():
      return aggregators.dp_sketched_aggregator(**dataclasses.asdict(options))
    case options_lib.SecureSketchOptions():
      return aggregators.secure_sketched_aggregator(
        **dataclasses.asdict(options)
      )
    case aggregation_flags.TffAggregatorOptions(name='robust'):
      return tff.learning.robust_aggregator(weighted=False)
    case aggregation_flags.TffAggregatorOptions(name='compression'):
      return tff.learning.compression_aggregator(weighted=False)
    case aggregation_flags.TffAggregatorOptions(name='secure'):
      return tff.learning.secure_aggregator(weighted=False)
    case aggregation_flags.TffAggregatorOptions(name='ddp_secure'):
      assert options.noise_multiplier is not None
      _lift_nesting_limit()
      return tff.learning.ddp_secure_aggregator(
        options.noise_multiplier, options.clients_per_round
      )
    case _:
      raise ValueError(
        f'Expected options of an unweighted mean, found {options!r}.'
      )


def _lift_nesting_limit() -> None:
  """Lets protobuf parse messages that nest deeper than by default.

  Within federated averaging, TFF's `ddp_secure_aggregator` does.
  """
  protobuf: Any = api_implementation
  protobuf._c_module.SetAllowOversizeProtos(True)  # pylint: disable=protected-access


def _build_unweighted_fed_avg(
  task, client_optimizer, server_optimizer, options, downlink, **weighting
):
  """Builds federated averaging with the unweighted mean of the options.

  Under secure sums, training metrics are secure sums, too.
  """
  del weighting  # All weigh the same.
  is_secure = isinstance(options, options_lib.SecureSketchOptions) or (
    isinstance(options, aggregation_flags.TffAggregatorOptions)
    and options.is_secure
  )
  with unused_assertions.hidden():
    return tff.learning.algorithms.build_unweighted_fed_avg(
      task.model_fn,
      client_optimizer,
      server_optimizer,
      model_distributor=templates.build_model_distributor(
        task.model_fn, downlink
      ),
      model_aggregator=_build_unweighted_aggregator(options),
      metrics_aggregator=(
        tff.learning.metrics.secure_sum_then_finalize if is_secure else None
      ),
      loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
    )


def _of_model_fn(build_process: Callable[..., Process]) -> _Build:
  """Returns the `build` of a builder that takes a `model_fn` and `options`."""

  def build(
    task, client_optimizer, server_optimizer, options, downlink, **weighting
  ):
    return build_process(
      task.model_fn,
      client_optimizer,
      server_optimizer,
      options=options,
      model_distributor=downlink,
      **weighting,
    )

  return build


def _of_deltas(
  build_aggregator: Callable[
    [Any], tff.aggregators.WeightedAggregationFactory | None
  ],
) -> _Build:
  """Returns the `build` of a method with `--downlink_deltas`.

  Args:
    build_aggregator: Function from the options of the method to its aggregator.
  """

  def build(
    task, client_optimizer, server_optimizer, options, downlink, **weighting
  ):
    return templates.build_delta_downlink_fed_avg(
      task.model_fn,
      client_optimizer,
      server_optimizer,
      options=downlink,
      model_aggregator=build_aggregator(options),
      **weighting,
    )

  return build


def _has_deltas(options: object, downlink: object) -> bool:
  del options
  return isinstance(downlink, options_lib.DeltaDownlinkOptions)


def _is_unweighted(options: object, downlink: object) -> bool:
  """Returns true for options of noise, secure sums or TFF's aggregators."""
  del downlink
  return isinstance(options, aggregation_flags.UNWEIGHTED_OPTIONS)


def _alternatives(
  default: _Build, *others: tuple[Callable[[object, object], bool], _Build]
) -> Method:
  """Returns the method with a `build` for each kind of options and downlink.

  Args:
    default: The `build` of all other options.
    *others: Pairs of a predicate of options and downlink, and the `build` that
      takes them. The first that is true counts.
  """

  def build(*arguments, **weighting):
    *_, options, downlink = arguments
    chosen = next(
      (b for takes, b in others if takes(options, downlink)), default
    )
    return chosen(*arguments, **weighting)

  return Method(build)


_FED_MLH = Method(
  label_methods.build_fed_mlh,
  label_methods.check_fed_mlh_task,
  label_methods.build_evaluated_model_fn,
  label_methods.build_outputs_fn,
  label_methods.constants,
)

METHODS = {
  'fed_avg': _alternatives(
    _build_fed_avg,
    (_has_deltas, _of_deltas(lambda options: None)),
    (_is_unweighted, _build_unweighted_fed_avg),
  ),
  'sketched_update': _alternatives(
    _of_model_fn(algorithms.build_sketched_update_fed_avg),
    (
      _has_deltas,
      _of_deltas(
        lambda options: aggregators.sketched_update_aggregator(
          **dataclasses.asdict(options)
        )
      ),
    ),
    (_is_unweighted, _build_unweighted_fed_avg),
  ),
  'random_mask': Method(_of_model_fn(algorithms.build_random_mask_fed_avg)),
  'low_rank': Method(_of_model_fn(algorithms.build_low_rank_fed_avg)),
  'dhqc': Method(_of_model_fn(algorithms.build_dhqc_fed_avg)),
  'dgc': Method(_of_model_fn(algorithms.build_dgc_fed_avg)),
  'terngrad': _alternatives(
    _of_model_fn(algorithms.build_terngrad_fed_avg),
    (
      _has_deltas,
      _of_deltas(
        lambda options: aggregators.ternary_aggregator(
          clip_factor=options.clip_factor,
          min_elements=options.min_elements,
          seed_source=options.seed_source,
          base_seed=options.base_seed,
        )
      ),
    ),
  ),
  'qsgd': _alternatives(
    _of_model_fn(algorithms.build_qsgd_fed_avg),
    (
      _has_deltas,
      _of_deltas(
        lambda options: aggregators.qsgd_aggregator(
          **dataclasses.asdict(options)
        )
      ),
    ),
  ),
  'ef_sign': Method(_of_model_fn(algorithms.build_ef_sign_fed_avg)),
  'fetch_sgd': Method(_of_model_fn(algorithms.build_fetch_sgd_fed_avg)),
  'fed_ss': Method(
    row_methods.build_fed_ss,
    row_methods.check_fed_ss_task,
    row_methods.build_evaluated_model_fn,
  ),
  'lsh_select': Method(
    row_methods.build_lsh_select,
    row_methods.check_lsh_select_task,
    row_methods.build_evaluated_model_fn,
  ),
  'fed_mlh': _FED_MLH,
  # The control of `fed_mlh`: what the mean over networks gains by itself.
  'fed_avg_ensemble': _FED_MLH,
}
