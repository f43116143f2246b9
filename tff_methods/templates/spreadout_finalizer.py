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
"""Finalizer that pushes the rows of a table away from each other.

Yu et al. (2020), "Federated Learning with Only Positive Labels", section 4:
clients that know only their own classes pull rows towards their embeddings, and
nothing keeps rows apart. The server does so, after its step.
"""

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import encoders
from tff_methods.common import argument_checks

_ROWS_PER_CHUNK = 1024


def build_spreadout_finalizer(
  finalizer: tff.learning.templates.FinalizerProcess,
  *,
  dimension: int,
  rate: float,
  margin: float = 1.0,
) -> tff.learning.templates.FinalizerProcess:
  """Builds a finalizer that takes a step against the spreadout regularizer.

  The last trainable tensor is the table of rows `w_c`. After `finalizer`, it
  becomes `W - rate * gradient(reg(W))`, with

    reg(W) = sum over c and c' != c of max(0, margin - d(w_c, w_c'))^2

  and `d` the Euclidean distance of the rows scaled to length 1.

  Args:
    finalizer: Finalizer that takes the step of the round first.
    dimension: Number of leading elements of a row that are its vector. The
      others, its bias, are unchanged.
    rate: The paper's weight of the regularizer times its learning rate.
    margin: Distance beyond which rows do not repel each other, the paper's
      `nu`; above 0 and at most 2, the largest possible distance.

  Returns:
    A `tff.learning.templates.FinalizerProcess` of the same type signature.

  Raises:
    TypeError: If an argument is not a number.
    ValueError: If an argument is out of range.
  """
  rate = argument_checks.check_number('rate', rate)
  margin = argument_checks.check_number('margin', margin)
  if not 0 <= rate < float('inf'):
    raise ValueError(
      f'Expected the spreadout rate to be at least 0 and finite, found {rate}.'
    )
  if not 0 < margin <= 2:
    raise ValueError(
      f'Expected the spreadout margin above 0 and at most 2, found {margin}.'
    )

  @tff.tensorflow.computation(
    finalizer.next.type_signature.result.result.member
  )
  def spread(weights):
    *body, rows = weights.trainable
    gradient = spreadout_gradient(rows[:, :dimension], margin)
    rows -= rate * tf.pad(gradient, [[0, 0], [0, rows.shape[1] - dimension]])
    return tff.learning.models.ModelWeights(
      (*body, rows), weights.non_trainable
    )

  @tff.federated_computation(finalizer.next.type_signature.parameter)
  def next_fn(state, weights, update):
    output = finalizer.next(state, weights, update)
    return tff.templates.MeasuredProcessOutput(
      output.state,
      tff.federated_map(spread, output.result),
      output.measurements,
    )

  return tff.learning.templates.FinalizerProcess(
    finalizer.initialize,
    next_fn,
    get_hparams_fn=finalizer.get_hparams,
    set_hparams_fn=finalizer.set_hparams,
  )


def spreadout_gradient(rows: tf.Tensor, margin: float) -> tf.Tensor:
  """Returns the gradient of the regularizer.

  Computed in chunks: memory grows with n, not with n^2.

  Args:
    rows: `float32[n, d]`.
    margin: Margin of the regularizer.

  Returns:
    `float32[n, d]`.
  """
  num_rows = rows.shape[0]
  starts = range(0, num_rows, _ROWS_PER_CHUNK)
  gradients = encoders.map_in_sequence(
    lambda rows, start: _gradient_of_chunk(
      rows, start, min(_ROWS_PER_CHUNK, num_rows - start), margin
    ),
    [rows] * len(starts),
    starts,
  )
  return tf.concat(gradients, axis=0)


def _gradient_of_chunk(
  rows: tf.Tensor, start: int, size: int, margin: float
) -> tf.Tensor:
  """Returns the gradient with respect to `size` rows from `start`."""
  others = tf.math.l2_normalize(rows, axis=1)
  chunk = rows[start : start + size]
  with tf.GradientTape() as tape:
    tape.watch(chunk)
    cosine = tf.matmul(
      tf.math.l2_normalize(chunk, axis=1), others, transpose_b=True
    )
    # Equal rows have no direction to be pushed in; this keeps it finite.
    squared = tf.maximum(2.0 - 2.0 * cosine, 1e-12)
    hinge = tf.nn.relu(margin - tf.sqrt(squared))
    # No row is pushed away from itself.
    hinge = tf.linalg.set_diag(hinge, tf.zeros([size]), k=start)
    # Each pair is in the sum twice, and once in this chunk's gradient.
    total = 2.0 * tf.reduce_sum(hinge**2)
  return tape.gradient(total, chunk)
