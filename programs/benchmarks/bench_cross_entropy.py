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
"""Benchmark of the cross-entropy loss with many classes."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from programs.benchmarks import bench_timing
from tff_methods import models

NUM_EXAMPLES = 1280  # 64 sentences of 20 tokens.
CLASS_COUNTS = (1000, 20_000)
TENSORFLOW = "TensorFlow's sparse_softmax_cross_entropy_with_logits"
_LOSS_FNS = {
  TENSORFLOW: tf.nn.sparse_softmax_cross_entropy_with_logits,
  'softmax_cross_entropy': models.softmax_cross_entropy,
}


def time_losses(num_classes: int, repeats: int) -> dict[str, float]:
  """Times losses with their gradients.

  Args:
    num_classes: Number of logits of each of `NUM_EXAMPLES` examples.
    repeats: Number of timed runs of each candidate; they take turns.

  Returns:
    By candidate, the median seconds.
  """
  rng = np.random.default_rng(0)
  size = (NUM_EXAMPLES, num_classes)
  logits = tf.constant(rng.normal(size=size), tf.float32)
  labels = tf.constant(rng.integers(num_classes, size=NUM_EXAMPLES), tf.int32)
  return bench_timing.medians(
    {
      name: _loss_and_gradient(loss_fn, labels, logits)
      for name, loss_fn in _LOSS_FNS.items()
    },
    repeats,
  )


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  table = []
  for num_classes in CLASS_COUNTS:
    seconds = time_losses(num_classes, repeats)
    library_seconds = seconds[TENSORFLOW]
    table.extend(
      [
        f'loss and gradient of {NUM_EXAMPLES:,} examples, '
        f'{num_classes:,} classes',
        candidate,
        f'{1000 * value:.1f} ms',
        f'{library_seconds / value:.2f} x as fast as TensorFlow',
      ]
      for candidate, value in seconds.items()
    )
  return table


def _loss_and_gradient(
  loss_fn: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
  labels: tf.Tensor,
  logits: tf.Tensor,
) -> Callable[[], object]:
  """Returns a function that computes both, safe from constant folding."""

  @tf.function
  def run(labels, logits):
    with tf.GradientTape() as tape:
      tape.watch(logits)
      loss = tf.reduce_mean(loss_fn(labels, logits))
    return loss, tf.reduce_sum(tape.gradient(loss, logits), axis=1)

  return lambda: run(labels, logits)
