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
"""Benchmarks of label hashing, beside a model of all labels."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_memory
from programs.benchmarks import bench_timing
from programs.reports import tables
from tff_methods import label_hashing
from tff_methods import options as options_lib

# Numbers of classes, and of buckets in each of four tables, for data sets of
# Dai et al. (2021).
NUM_TABLES = 4
SIZES = {
  'EURLex-4K': (3_993, 250),
  'Wiki10-31K': (30_938, 1_000),
  'AmazonTitles-131K': (131_073, 4_000),
}
NETWORK = label_hashing.DenseNetwork(500, (256, 256))
BATCH_SIZE, MAX_LABELS = 100, 8
NUM_DECODED, NUM_TOP = 1_000, 5

ALL_LABELS = 'all labels'
HASHED_LABELS = 'hashed labels'


class Training(NamedTuple):
  """Cost of a local step: gradient of one batch, and one step of SGD.

  Attributes:
    seconds: Median time of a step.
    model_bytes: Size of the weights.
  """

  seconds: float
  model_bytes: int


def time_training(data_set: str, repeats: int) -> dict[str, Training]:
  """Times a local step with the labels of one of `SIZES`.

  Args:
    data_set: A key of `SIZES`.
    repeats: Number of timed steps of each model; they take turns.

  Returns:
    The costs of the models `ALL_LABELS` and `HASHED_LABELS`.
  """
  num_classes, num_buckets = SIZES[data_set]
  models = {
    ALL_LABELS: _model(label_hashing.LabelHash.identity(num_classes)),
    HASHED_LABELS: _model(
      label_hashing.LabelHash.draw(num_classes, NUM_TABLES, num_buckets, 0)
    ),
  }
  steps = {name: _build_step(m, num_classes) for name, m in models.items()}
  return {
    name: Training(
      float(seconds), sum(w.nbytes for w in models[name].initial_weights[0])
    )
    for name, seconds in bench_timing.medians(steps, repeats).items()
  }


def time_decoding(data_set: str, repeats: int) -> dict[str, float]:
  """Times the decoding of the `NUM_TOP` best classes of examples.

  Args:
    data_set: A key of `SIZES`.
    repeats: Number of timed runs of each reduction; they take turns.

  Returns:
    By reduction, the median seconds.
  """
  return bench_timing.medians(
    {
      reduction: _prepare_decoding(data_set, reduction)
      for reduction in options_lib.REDUCTIONS
    },
    repeats,
  )


def peak_decoding_bytes(data_set: str, reduction: str) -> int:
  """Measures the peak memory of decoding. Linux only.

  Args:
    data_set: A key of `SIZES`.
    reduction: One of `options.REDUCTIONS`.

  Returns:
    The peak, in bytes, in addition to the log-probabilities of the buckets.
  """
  return bench_memory.peak_bytes(_prepare_decoding, data_set, reduction)


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  table = []
  for data_set, sizes in SIZES.items():
    results = time_training(data_set, repeats)
    plain = results[ALL_LABELS]
    table.extend(
      [
        f'a local step: {sizes[0]:,} labels, as {data_set}',
        candidate,
        f'{1000 * result.seconds:.1f} ms',
        f'{plain.seconds / result.seconds:.2f} x as fast, model of '
        f'{tables.megabytes(result.model_bytes)} MB',
      ]
      for candidate, result in results.items()
    )
  data_set = list(SIZES)[-1]
  for reduction, seconds in time_decoding(data_set, repeats).items():
    peak = peak_decoding_bytes(data_set, reduction)
    table.append(
      [
        f'the best {NUM_TOP} labels of {NUM_DECODED:,} examples, as {data_set}',
        reduction,
        f'{1000 * seconds:.1f} ms',
        f'peak {tables.megabytes(peak)} MB',
      ]
    )
  return table


def _model(
  label_hash: label_hashing.LabelHash,
) -> tff.learning.models.FunctionalModel:
  return label_hashing.HashedLabelModel(
    NETWORK, label_hash, MAX_LABELS
  ).functional_model()


def _build_step(
  model: tff.learning.models.FunctionalModel, num_classes: int
) -> Callable[[], object]:
  rng = np.random.default_rng(0)
  x = rng.normal(size=[BATCH_SIZE, NETWORK.input_width]).astype(np.float32)
  labels = rng.integers(num_classes, size=[BATCH_SIZE, MAX_LABELS])
  x, labels = tf.constant(x), tf.constant(labels, tf.int32)
  weights = [tf.Variable(w) for w in model.initial_weights[0]]

  @tf.function
  def step():
    with tf.GradientTape() as tape:
      output = model.predict_on_batch((weights, ()), x)
      loss = model.loss(output, labels)
    for w, g in zip(weights, tape.gradient(loss, weights), strict=True):
      w.assign_sub(1e-3 * g)

  return step


def _prepare_decoding(data_set: str, reduction: str) -> Callable[[], object]:
  num_classes, num_buckets = SIZES[data_set]
  label_hash = label_hashing.LabelHash.draw(
    num_classes, NUM_TABLES, num_buckets, 0
  )
  rng = np.random.default_rng(0)
  logits = rng.standard_normal(
    [NUM_TABLES, NUM_DECODED, num_buckets], dtype=np.float32
  )
  # By numpy: TensorFlow's allocator keeps freed memory, which would hide later
  # allocations.
  log_probabilities = tf.constant(-np.logaddexp(0, -logits))
  return lambda: label_hashing.top_k(
    log_probabilities, label_hash, NUM_TOP, reduction=reduction
  )
