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
"""DHQC: the largest values of an update, quantized, the rest kept.

Jiang et al., "Deep Hierarchy Quantization Compression algorithm based on
Dynamic Sampling" (2022), algorithm 1. A client adds what it kept in earlier
rounds to its update, as one vector, sends the values of largest magnitude, each
as a sign and an interval between the smallest and the largest of them, and
keeps the rest for its next round. The paper's dynamic sampling is a matter of
who runs the rounds: `programs/train.py --sampling=exponential`.
"""

from tff_methods import aggregators
from tff_methods import templates
from tff_methods.templates import error_feedback_process


def build_dhqc_fed_avg(
  model_fn,
  client_optimizer_fn,
  server_optimizer_fn=None,
  *,
  fraction: float = 0.01,
  bits: int | None = 4,
  feedback: str = 'residual',
  scope: str = 'model',
  min_elements: int = 0,
  **options,
) -> templates.ClientStateProcess:
  """Builds federated averaging with sparse updates and error feedback.

  Args:
    model_fn: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    client_optimizer_fn: As there.
    server_optimizer_fn: As there.
    fraction: The part of the values that a client sends, in (0, 1]; the paper's
      k.
    bits: Bits per sent value, 2 to 16; `None` sends `float32` values.
    feedback: What a client keeps: `'unsent_values'`, those it does not send,
      as in the paper, or `'residual'`, also by how much
      the others were rounded.
    scope: Among which values the largest are taken. `'model'`: among all of the
      model, as one vector, as in the paper. `'tensor'`: among those of each
      tensor.
    min_elements: With the scope `'tensor'`: tensors of fewer elements are sent
      whole.
    **options: `client_weighting`, `model_distributor`, `metrics_aggregator` and
      `loop_implementation`, as in `build_error_feedback_fed_avg`.

  Returns:
    A `templates.ClientStateProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  return error_feedback_process.build_error_feedback_fed_avg(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn,
    model_aggregator=dhqc_aggregator(
      fraction=fraction,
      bits=bits,
      feedback=feedback,
      scope=scope,
      min_elements=min_elements,
    ),
    **options,
  )


def dhqc_aggregator(
  *,
  fraction: float = 0.01,
  bits: int | None = 4,
  feedback: str = 'residual',
  scope: str = 'model',
  min_elements: int = 0,
) -> aggregators.ErrorFeedbackMeanFactory:
  """Returns what clients send and keep; arguments as of the process."""
  return error_feedback_process.error_feedback_top_k(
    aggregators.ResidualFeedback(feedback),
    fraction=fraction,
    bits=bits,
    scope=scope,
    min_elements=min_elements,
  )
