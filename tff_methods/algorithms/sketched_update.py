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
"""Federated averaging with sketched updates.

Konecny et al., "Federated Learning: Strategies for Improving Communication
Efficiency" (2016), section 3. A round is that of federated averaging: clients
train on their own data and compute full updates; each rotates its update,
subsamples and quantizes it, and sends what is left; the server decodes,
averages and takes a step. Only the aggregator differs.
"""

import tensorflow_federated as tff

from tff_methods.aggregators import sketched_update


def build_sketched_update_fed_avg(
  model_fn,
  client_optimizer_fn,
  server_optimizer_fn=None,
  *,
  client_weighting=tff.learning.ClientWeighting.NUM_EXAMPLES,
  model_distributor=None,
  metrics_aggregator=None,
  loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
  bits: int | None = 2,
  fraction: float = 1.0,
  rotation: bool = True,
  quantizer: str = 'eden',
  min_elements: int = 256,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> tff.learning.templates.LearningProcess:
  """Builds a process of federated averaging with sketched updates.

  `next: <S@SERVER, {B*}@CLIENTS> -> <state=S@SERVER, metrics=M@SERVER>`, `S` a
  `tff.learning.templates.LearningAlgorithmState` and `M` as in
  `tff.learning.algorithms.build_weighted_fed_avg`, with the measurements of
  `aggregators.sketched_update_aggregator` under `aggregator`.

  Args:
    model_fn: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    client_optimizer_fn: As there.
    server_optimizer_fn: As there.
    client_weighting: As there.
    model_distributor: As there.
    metrics_aggregator: As there.
    loop_implementation: As there, but iterating over the data set is the
      default: it halves the time of a round.
    bits: Bits per sent value, or `None` for `float32` values. This and what
      follows as in `aggregators.sketched_update_aggregator`.
    fraction: The part of each tensor's values that is sent.
    rotation: Whether to rotate each tensor first.
    quantizer: `'eden'` or `'uniform'`.
    min_elements: Tensors of fewer elements are sent uncompressed.
    seed_source: `'reproducible'` or `'entropy'`.
    base_seed: Another seed gives other random choices.

  Returns:
    A `tff.learning.templates.LearningProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  return tff.learning.algorithms.build_weighted_fed_avg(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn,
    client_weighting=client_weighting,
    model_distributor=model_distributor,
    model_aggregator=sketched_update.sketched_update_aggregator(
      bits=bits,
      fraction=fraction,
      rotation=rotation,
      quantizer=quantizer,
      min_elements=min_elements,
      seed_source=seed_source,
      base_seed=base_seed,
    ),
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )
