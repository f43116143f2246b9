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
"""Deep gradient compression, of the updates of federated averaging.

Lin et al., "Deep Gradient Compression: Reducing the Communication Bandwidth for
Distributed Training" (2018). There a worker sends, in each step, the largest
values of the gradients that it accumulated, with momentum. Here the update of a
client's local training takes the place of the gradient. Of the paper's four
remedies, momentum correction, momentum factor masking and the warm-up of the
density are here; for the clipping of local gradients take a client optimizer
that clips.
"""

from collections.abc import Sequence

from tff_methods import aggregators
from tff_methods import templates
from tff_methods.common import argument_checks
from tff_methods.templates import error_feedback_process

_WARM_UP_FRACTIONS = (0.25, 0.0625, 0.015625, 0.004)  # Section 3.3.


def build_dgc_fed_avg(
  model_fn,
  client_optimizer_fn,
  server_optimizer_fn=None,
  *,
  fraction: float = 0.001,
  momentum: float = 0.9,
  warm_up_fractions: Sequence[float] | None = None,
  rounds_per_warm_up_fraction: int = 1,
  scope: str = 'tensor',
  min_elements: int = 0,
  **options,
) -> templates.ClientStateProcess:
  """Builds federated averaging with deep gradient compression.

  Momentum is the clients'. Leave it out of the server's optimizer: that is what
  the momentum correction corrects.

  Args:
    model_fn: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    client_optimizer_fn: As there.
    server_optimizer_fn: As there.
    fraction: The part of the values that a client sends, in (0, 1].
    momentum: Of the clients' velocities, in [0, 1).
    warm_up_fractions: Fractions of the first rounds, above `fraction`; empty
      for no warm-up. By default the paper's 0.25, 0.0625, 0.015625 and 0.004,
      as far as they are above `fraction`.
    rounds_per_warm_up_fraction: For how many rounds each.
    scope: Among which values the largest are taken. `'tensor'`: among those of
      each tensor, as in the paper. `'model'`: among all of the model.
    min_elements: With the scope `'tensor'`: tensors of fewer elements are sent
      whole.
    **options: `client_weighting`, `model_distributor`, `metrics_aggregator` and
      `loop_implementation`, as in `build_error_feedback_fed_avg`.

  Returns:
    A `templates.ClientStateProcess`. Its `next` is that of the rounds after the
    warm-up; `next_after` tells that of any.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  aggregator, warm_up = dgc_aggregators(
    fraction=fraction,
    momentum=momentum,
    warm_up_fractions=warm_up_fractions,
    rounds_per_warm_up_fraction=rounds_per_warm_up_fraction,
    scope=scope,
    min_elements=min_elements,
  )
  return error_feedback_process.build_error_feedback_fed_avg(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn,
    model_aggregator=aggregator,
    warm_up=warm_up,
    **options,
  )


def dgc_aggregators(
  *,
  fraction: float = 0.001,
  momentum: float = 0.9,
  warm_up_fractions: Sequence[float] | None = None,
  rounds_per_warm_up_fraction: int = 1,
  scope: str = 'tensor',
  min_elements: int = 0,
) -> tuple[
  aggregators.ErrorFeedbackMeanFactory,
  list[tuple[int, aggregators.ErrorFeedbackMeanFactory]],
]:
  """Returns what clients send and keep, and what in how many first rounds.

  Arguments are those of the process.
  """
  argument_checks.check_int(
    'rounds_per_warm_up_fraction', rounds_per_warm_up_fraction, minimum=1
  )
  memory = aggregators.MomentumCorrection(momentum)

  def build(fraction):
    return error_feedback_process.error_feedback_top_k(
      memory,
      fraction=fraction,
      bits=None,
      scope=scope,
      min_elements=min_elements,
    )

  return build(fraction), [
    (rounds_per_warm_up_fraction, build(warm_up_fraction))
    for warm_up_fraction in _warm_up_fractions(warm_up_fractions, fraction)
  ]


def _warm_up_fractions(
  fractions: Sequence[float] | None, fraction: float
) -> list[float]:
  if fractions is None:
    return [f for f in _WARM_UP_FRACTIONS if f > fraction]
  for found in fractions:
    if found <= fraction:
      raise ValueError(
        f'Expected warm_up_fractions above fraction={fraction}, found {found}: '
        'a warm-up begins with more, not with less.'
      )
  return list(fractions)
