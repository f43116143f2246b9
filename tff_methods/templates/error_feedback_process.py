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
"""Federated averaging by clients that remember what they did not send."""

from collections.abc import Sequence

import numpy as np
import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import encoders
from tff_methods import templates


def build_error_feedback_fed_avg(
  model_fn,
  client_optimizer_fn,
  server_optimizer_fn=None,
  *,
  model_aggregator: aggregators.ErrorFeedbackMeanFactory,
  warm_up: Sequence[tuple[int, aggregators.ErrorFeedbackMeanFactory]] = (),
  client_weighting=tff.learning.ClientWeighting.NUM_EXAMPLES,
  model_distributor=None,
  metrics_aggregator=None,
  loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
) -> templates.ClientStateProcess:
  """Builds federated averaging with any encoder and any client memory.

  `next: <S@SERVER, {B*}@CLIENTS, {C}@CLIENTS> -> <state=S@SERVER,
  metrics=M@SERVER, client_states={C}@CLIENTS>`, with `S` a
  `tff.learning.templates.LearningAlgorithmState` and `M` as in
  `tff.learning.algorithms.build_weighted_fed_avg`, with the measurements of
  `model_aggregator` under `aggregator`.

  Args:
    model_fn: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    client_optimizer_fn: As there.
    server_optimizer_fn: As there.
    model_aggregator: What clients send, and what they remember.
    warm_up: Numbers of rounds, and what is used in these first rounds instead.
      All have to remember alike.
    client_weighting: As there.
    model_distributor: As there.
    metrics_aggregator: As there.
    loop_implementation: As there, but iterating over the data set is the
      default: it halves the time of a round.

  Returns:
    A `templates.ClientStateProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  description = templates.describe(model_fn)
  weights_type = description.weights_type
  work_options = dict(
    optimizer=client_optimizer_fn,
    client_weighting=client_weighting,
    metrics_aggregator=metrics_aggregator
    or tff.learning.metrics.sum_then_finalize,
    loop_implementation=loop_implementation,
  )
  if isinstance(model_fn, tff.learning.models.FunctionalModel):
    client_work = (
      tff.learning.templates.build_functional_model_delta_client_work(
        model=model_fn, **work_options
      )
    )
  else:
    client_work = tff.learning.templates.build_model_delta_client_work(
      model_fn, **work_options
    )

  def create(factory):
    if not isinstance(factory, aggregators.ErrorFeedbackMeanFactory):
      raise TypeError(
        'Expected model_aggregator, and those of warm_up, to be a '
        f'ErrorFeedbackMeanFactory, found {type(factory).__name__}.'
      )
    return factory.create(weights_type.trainable, tff.TensorType(np.float32))

  return templates.compose_client_state_process(
    description.initial_weights_fn,
    model_distributor
    or tff.learning.templates.build_broadcast_process(weights_type),
    client_work,
    create(model_aggregator),
    tff.learning.templates.build_apply_optimizer_finalizer(
      server_optimizer_fn or tff.learning.optimizers.build_sgdm(1.0),
      weights_type,
    ),
    warm_up=[
      templates.WarmUp(num_rounds, create(factory))
      for num_rounds, factory in warm_up
    ],
  )


def error_feedback_top_k(
  memory: aggregators.ErrorFeedback,
  *,
  fraction: float,
  bits: int | None,
  scope: str,
  min_elements: int,
) -> aggregators.ErrorFeedbackMeanFactory:
  """Returns what sends the largest values, and remembers the rest.

  Args:
    memory: What clients remember.
    fraction: As in `aggregators.top_k_aggregator`, and what follows.
    bits: As there.
    scope: As there.
    min_elements: As there.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  encoders.check_sparsification(fraction=fraction, bits=bits)
  return aggregators.ErrorFeedbackMeanFactory(
    lambda spec, _: encoders.sparse_encoder(spec, fraction=fraction, bits=bits),
    memory,
    scope=scope,
    min_elements=min_elements,
  )
