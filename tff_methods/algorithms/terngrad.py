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
"""TernGrad: each value of an update is sent as -u, 0 or u.

Wen et al., "TernGrad: Ternary Gradients to Reduce Communication in Distributed
Deep Learning" (2017), with the update of a client's local training in the place
of a worker's gradient.
"""

import tensorflow_federated as tff

from tff_methods import aggregators


def build_terngrad_fed_avg(
  model_fn,
  client_optimizer_fn,
  server_optimizer_fn=None,
  *,
  clip_factor: float | None = 2.5,
  min_elements: int = 256,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
  loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
  **options,
) -> tff.learning.templates.LearningProcess:
  """Builds federated averaging with ternary updates.

  Args:
    model_fn: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    client_optimizer_fn: As there.
    server_optimizer_fn: As there.
    clip_factor: Cuts magnitudes off at this many standard deviations of their
      tensor first, which is the paper's 2.5; `None` does not.
    min_elements: Tensors of fewer elements are sent uncompressed.
    seed_source: As in `aggregators.ternary_aggregator`.
    base_seed: Another seed gives other random choices.
    loop_implementation: As in `build_weighted_fed_avg`, but iterating over the
      data set is the default: it halves the time of a round.
    **options: Others of `tff.learning.algorithms.build_weighted_fed_avg`.

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
    model_aggregator=aggregators.ternary_aggregator(
      clip_factor=clip_factor,
      min_elements=min_elements,
      seed_source=seed_source,
      base_seed=base_seed,
    ),
    loop_implementation=loop_implementation,
    **options,
  )
