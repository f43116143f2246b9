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
"""Sub-models: the body of a `RowModel` with the rows of a client's candidates.

Weights of a sub-model are a pair of tuples. The trainable ones are those of the
body, then the rows of each table, `float32[k, row_size]`. The non-trainable
ones are those of the body, then the three tensors of the `Candidates` of each
table.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tff_methods.models import candidates as candidates_lib
from tff_methods.models import example_losses
from tff_methods.models import sampled_softmax


class SubModelOutput(NamedTuple):
  """Predictions of a client's sub-model.

  The logits come first: TFF takes the size of the first axis of the first
  tensor as the number of examples.

  Attributes:
    logits: `float32[..., k]`, of the candidates.
    candidates: The `k` `Candidates`.
  """

  logits: tf.Tensor
  candidates: candidates_lib.Candidates


def join_weights(
  body: Any,
  rows: Sequence[tf.Tensor],
  candidates: Sequence[candidates_lib.Candidates],
) -> tuple[tuple, tuple]:
  """Returns the weights of a sub-model.

  Args:
    body: Pair of trainable and non-trainable weights of the body.
    rows: `float32[k, row_size]` of each table.
    candidates: The `k` candidates of these rows, of each table.
  """
  trainable, non_trainable = body
  tensors = [x for of_table in candidates for x in of_table]
  return (*trainable, *rows), (*non_trainable, *tensors)


def split_candidates(
  sub_weights: Any, num_tables: int
) -> tuple[tuple[tuple, tuple], tuple[candidates_lib.Candidates, ...]]:
  """Returns a sub-model's weights without its candidates, and these.

  Args:
    sub_weights: Pair of trainable and non-trainable weights.
    num_tables: Number of tables.
  """
  trainable, non_trainable = sub_weights
  size = len(candidates_lib.Candidates._fields)
  start = len(non_trainable) - size * num_tables
  candidates = tuple(
    candidates_lib.Candidates(*non_trainable[i : i + size])
    for i in range(start, len(non_trainable), size)
  )
  return (trainable, tuple(non_trainable[:start])), candidates


def predict(
  scores: tf.Tensor, candidates: candidates_lib.Candidates
) -> SubModelOutput:
  """Returns the predictions from the scores `float32[..., k]`."""
  return SubModelOutput(sampled_softmax.adjust(scores, candidates), candidates)


def build_example_losses_fn(
  use_other_positives: bool,
) -> example_losses.ExampleLossesFn:
  """Builds the sampled softmax loss of examples.

  Args:
    use_other_positives: If true, the client's classes are negatives of each
      other.
  """

  def sub_model_example_losses(output, labels):
    output = SubModelOutput(*output)
    candidates = candidates_lib.Candidates(*output.candidates)
    logits = output.logits
    positions, is_candidate = candidates.positions(labels)
    if not use_other_positives:
      logits = sampled_softmax.without_other_positives(
        logits, candidates, positions
      )
    # The accuracy is that of the scores: their corrections favor negatives.
    scores = output.logits + candidates.log_probability
    return example_losses.ExampleLosses(
      sampled_softmax.candidate_cross_entropy(logits, positions, is_candidate),
      is_candidate
      & tf.equal(tf.argmax(scores, -1, positions.dtype), positions),
      is_candidate,
    )

  return sub_model_example_losses
