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
"""Mean of the updates of a row model: body and rows."""

import collections

import tensorflow_federated as tff

from tff_methods.aggregators import value_types


class RowModelUpdateFactory(tff.aggregators.WeightedAggregationFactory):
  """`WeightedAggregationFactory` for updates of the body and of some rows.

  The created process has `next: <S@SERVER, {<body=B, rows=R>}@CLIENTS,
  {float32}@CLIENTS> -> <state=S@SERVER, result=V@SERVER,
  measurements=<body=..., rows=...>@SERVER>`, with `B` a tuple of tensors, `R`
  a structure of keys and values, and `V` the tuple of `B`'s tensors and the
  mean update of the table: an update of all trainable weights of the model.
  """

  def __init__(
    self,
    body_factory: tff.aggregators.WeightedAggregationFactory,
    rows_factory: tff.aggregators.WeightedAggregationFactory,
  ):
    """Initializes the factory.

    Args:
      body_factory: Aggregator of the body, such as any aggregator of a model.
      rows_factory: Aggregator of keys and values, such as
        `selected_rows_aggregator`.

    Raises:
      TypeError: If a factory is not a `WeightedAggregationFactory`.
    """
    for name, factory in (('body', body_factory), ('rows', rows_factory)):
      if not isinstance(factory, tff.aggregators.WeightedAggregationFactory):
        raise TypeError(
          'Expected a tff.aggregators.WeightedAggregationFactory for the '
          f'{name}, found {type(factory).__name__}: see '
          'tff.aggregators.as_weighted_aggregator.'
        )
    self._body_factory = body_factory
    self._rows_factory = rows_factory

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
      TypeError: If `value_type` is not a struct of body and rows.
    """
    value_type = value_types.check_value_type(value_type)
    if not isinstance(
      value_type, tff.StructType
    ) or tff.structure.name_list_with_nones(value_type) != ['body', 'rows']:
      raise TypeError(
        f'Expected <body=...,rows=...>, found {value_type}: give the updates '
        'of the two parts of a row model.'
      )
    body = self._body_factory.create(value_type['body'], weight_type)
    rows = self._rows_factory.create(value_type['rows'], weight_type)

    @tff.federated_computation
    def init_fn():
      return tff.federated_zip((body.initialize(), rows.initialize()))

    @tff.tensorflow.computation(
      body.next.type_signature.result.result.member,
      rows.next.type_signature.result.result.member,
    )
    def join(body_update, table_update):
      return (*body_update, table_update)

    @tff.federated_computation(
      init_fn.type_signature.result,
      tff.FederatedType(value_type, tff.CLIENTS),
      tff.FederatedType(weight_type, tff.CLIENTS),
    )
    def next_fn(state, value, weight):
      body_output = body.next(state[0], value['body'], weight)
      rows_output = rows.next(state[1], value['rows'], weight)
      return tff.templates.MeasuredProcessOutput(
        tff.federated_zip((body_output.state, rows_output.state)),
        tff.federated_map(join, (body_output.result, rows_output.result)),
        tff.federated_zip(
          collections.OrderedDict(
            body=body_output.measurements, rows=rows_output.measurements
          )
        ),
      )

    return tff.templates.AggregationProcess(init_fn, next_fn)
