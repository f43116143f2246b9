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
"""Mean of the updates of a row model: body and tables of rows."""

import collections
from collections.abc import Mapping

import tensorflow_federated as tff

from tff_methods.aggregators import value_types


class RowModelUpdateFactory(tff.aggregators.WeightedAggregationFactory):
  """`WeightedAggregationFactory` for updates of the body and of some rows.

  The created process has `next: <S@SERVER, {<body=B, rows=R>}@CLIENTS,
  {float32}@CLIENTS> -> <state=S@SERVER, result=V@SERVER,
  measurements=<body=..., rows=...>@SERVER>`, with `B` a tuple of tensors, `R`
  a structure of keys and values, and `V` the tuple of `B`'s tensors and the
  mean update of the table: an update of all trainable weights of the model.
  Input tables are between `body` and `rows`, each of the form of `R`.
  """

  def __init__(
    self,
    body_factory: tff.aggregators.WeightedAggregationFactory,
    rows_factory: tff.aggregators.WeightedAggregationFactory,
    input_factories: Mapping[str, tff.aggregators.WeightedAggregationFactory]
    | None = None,
  ):
    """Initializes the factory.

    Args:
      body_factory: Aggregator of the body, such as any aggregator of a model.
      rows_factory: Aggregator of keys and values, such as
        `selected_rows_aggregator`.
      input_factories: Aggregator of keys and values of each input table, by
        name.

    Raises:
      TypeError: If a factory is not a `WeightedAggregationFactory`.
    """
    factories = {
      'body': body_factory,
      **(input_factories or {}),
      'rows': rows_factory,
    }
    for name, factory in factories.items():
      if not isinstance(factory, tff.aggregators.WeightedAggregationFactory):
        raise TypeError(
          'Expected a tff.aggregators.WeightedAggregationFactory for the '
          f'{name}, found {type(factory).__name__}: see '
          'tff.aggregators.as_weighted_aggregator.'
        )
    self._factories = factories

  def create(
    self, value_type: tff.Type, weight_type: tff.Type
  ) -> tff.templates.AggregationProcess:
    """Creates the process.

    Args:
      value_type: `<body=B, rows=R>`.
      weight_type: Type of a client's weight.

    Returns:
      A `tff.templates.AggregationProcess`.

    Raises:
      TypeError: If `value_type` is not a struct of body and tables.
    """
    value_type = value_types.check_value_type(value_type)
    names = list(self._factories)
    if (
      not isinstance(value_type, tff.StructType)
      or tff.structure.name_list_with_nones(value_type) != names
    ):
      raise TypeError(
        f'Expected <{",".join(f"{name}=..." for name in names)}>, found '
        f'{value_type}: give the updates of the parts of a row model.'
      )
    parts = {
      name: factory.create(value_type[name], weight_type)
      for name, factory in self._factories.items()
    }

    @tff.federated_computation
    def init_fn():
      return tff.federated_zip(tuple(p.initialize() for p in parts.values()))

    @tff.tensorflow.computation(
      tuple(p.next.type_signature.result.result.member for p in parts.values())
    )
    def join(updates):
      body_update, *table_updates = updates
      return (*body_update, *table_updates)

    @tff.federated_computation(
      init_fn.type_signature.result,
      tff.FederatedType(value_type, tff.CLIENTS),
      tff.FederatedType(weight_type, tff.CLIENTS),
    )
    def next_fn(state, value, weight):
      outputs = {
        name: part.next(state[i], value[name], weight)
        for i, (name, part) in enumerate(parts.items())
      }
      return tff.templates.MeasuredProcessOutput(
        tff.federated_zip(tuple(o.state for o in outputs.values())),
        tff.federated_map(join, tuple(o.result for o in outputs.values())),
        tff.federated_zip(
          collections.OrderedDict(
            (name, o.measurements) for name, o in outputs.items()
          )
        ),
      )

    return tff.templates.AggregationProcess(init_fn, next_fn)
