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
"""Benchmarks of row retrieval by clients: time, and memory of a client."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_memory
from programs.benchmarks import bench_timing
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval
from tff_methods import runtime
from tff_methods import templates

NUM_CLIENTS, NUM_ROWS, DIMENSION, NUM_KEYS = 10, 10_000, 64, 1000
FEDERATED_SELECT = 'tff.federated_select alone'
MEMORY_CLASSES = (1000, 100_000)
MEMORY_CANDIDATES = 200


def time_retrievals(repeats: int) -> dict[str, float]:
  """Times the retrieval of rows by clients.

  Args:
    repeats: Number of timed retrievals of each candidate; they take turns.

  Returns:
    By candidate, the median seconds until `NUM_CLIENTS` clients have received
    `NUM_KEYS` of `NUM_ROWS` rows each.
  """
  runtime.set_local_context()
  row_model = build_row_model(NUM_ROWS)
  weights = tff.learning.models.ModelWeights(
    *map(tuple, row_model.full_model().initial_weights)
  )
  table, candidates = table_and_candidates()
  retrievals = {
    mode: _build_retrieval(row_model, mode)
    for mode in options_lib.RETRIEVAL_MODES
  }
  runs = {FEDERATED_SELECT: (build_bare_select(), table)}
  for mode, run in retrievals.items():
    runs[f'{mode!r}, as rounds have it'] = (run, weights)
  return bench_timing.medians(
    {
      name: lambda run=run, value=value: run(value, candidates)
      for name, (run, value) in runs.items()
    },
    repeats,
  )


def peak_client_bytes(num_classes: int) -> int:
  """Measures the peak memory of a client's training. Linux only.

  The client samples `MEMORY_CANDIDATES` candidates and trains the sub-model of
  their rows on batches of 32. The table of all rows is not in memory.

  Args:
    num_classes: Number of classes that candidates are sampled from.

  Returns:
    Bytes by which training raises the peak of the resident memory.
  """
  return bench_memory.peak_bytes(_prepare_client, num_classes)


def build_row_model(num_classes: int) -> models.RowModel:
  """Builds a model of `DIMENSION` features with a body of one multiplication.

  Its initial rows are zeros that are never read, so they take no memory.

  Args:
    num_classes: Number of rows.
  """

  @tf.function
  def predict_on_batch(weights, x, training=True):
    del training
    return x * weights[0][0]

  body = tff.learning.models.FunctionalModel(
    initial_weights=((np.ones([DIMENSION], np.float32),), ()),
    predict_on_batch_fn=predict_on_batch,
    loss_fn=lambda output, label, sample_weight=None: 0.0,
    input_spec=(
      tf.TensorSpec([None, DIMENSION], tf.float32),
      tf.TensorSpec([None], tf.int32),
    ),
  )
  return models.RowModel(body, np.zeros([num_classes, DIMENSION], np.float32))


def table_and_candidates() -> tuple[np.ndarray, list[models.Candidates]]:
  """Returns `float32[NUM_ROWS, DIMENSION]`, and each client's candidates."""
  rng = np.random.default_rng(0)
  return np.zeros([NUM_ROWS, DIMENSION], np.float32), [
    models.Candidates(
      np.sort(rng.choice(NUM_ROWS, NUM_KEYS, replace=False)).astype(np.int32),
      np.zeros([NUM_KEYS], np.float32),
      np.zeros([NUM_KEYS], bool),
    )
    for _ in range(NUM_CLIENTS)
  ]


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  seconds = time_retrievals(repeats)
  alone = seconds[FEDERATED_SELECT]
  table = [
    [
      f'{NUM_KEYS:,} of {NUM_ROWS:,} rows of '
      f'{DIMENSION} to each of {NUM_CLIENTS} clients',
      candidate,
      f'{1000 * value:.0f} ms',
      f'{value / alone:.3f} x tff.federated_select',
    ]
    for candidate, value in seconds.items()
  ]
  peaks = {
    n: [peak_client_bytes(n) for _ in range(min(repeats, 5))]
    for n in MEMORY_CLASSES
  }
  first = np.median(peaks[MEMORY_CLASSES[0]])
  for num_classes, values in peaks.items():
    table.append(
      [
        'peak memory of a client that trains '
        f'{MEMORY_CANDIDATES} rows of {DIMENSION}',
        f'of {num_classes:,} classes',
        f'{np.median(values) / 1e6:.2f} MB',
        f'{np.median(values) / first:.3f} x',
      ]
    )
  return table


def _build_retrieval(row_model: models.RowModel, mode: str) -> tff.Computation:
  """Builds a computation in which clients retrieve rows and read them."""
  retrieve = templates.build_row_retrieval(row_model, [NUM_KEYS], mode)
  table_type, _, tables_type = retrieve.type_signature.parameter
  candidates_type = tff.FederatedType(tables_type.member[0], tff.CLIENTS)
  weights_type = retrieve.type_signature.result[0].member

  @tff.tensorflow.computation(weights_type)
  def sum_rows(weights):
    return tf.reduce_sum(weights.trainable[-1])

  @tff.tensorflow.computation
  def zero_key():
    return tf.zeros([2], tf.int32)

  @tff.federated_computation(table_type, candidates_type)
  def run(weights, candidates):
    # Rows are sent as they are: nothing is drawn from the key.
    round_key = tff.federated_eval(zero_key, tff.SERVER)
    sub_weights, _ = retrieve(
      weights, round_key, tff.federated_zip((candidates,))
    )
    return tff.federated_sum(tff.federated_map(sum_rows, sub_weights))

  return run


def build_bare_select() -> tff.Computation:
  """Builds a computation that retrieves rows by `tff.federated_select` alone.

  Returns:
    A computation from the table at the server and the clients' candidates to
    the sum of all elements that clients received.
  """
  table_type = tff.TensorType(np.float32, [NUM_ROWS, DIMENSION])
  candidates_type = tff.FederatedType(
    tff.types.tensorflow_to_type(models.Candidates.spec(NUM_KEYS)),
    tff.CLIENTS,
  )

  @tff.tensorflow.computation(table_type, np.int32)
  def select_row(table, key):
    return tf.gather(table, key)

  @tff.tensorflow.computation(
    tff.SequenceType(tff.TensorType(np.float32, [DIMENSION]))
  )
  def sum_rows(rows):
    stacked = rows.batch(NUM_KEYS, drop_remainder=True).get_single_element()
    return tf.reduce_sum(stacked)

  @tff.federated_computation(
    tff.FederatedType(table_type, tff.SERVER), candidates_type
  )
  def run(table, candidates):
    rows = tff.federated_select(
      candidates.keys,
      tff.federated_value(NUM_ROWS, tff.SERVER),
      table,
      select_row,
    )
    return tff.federated_sum(tff.federated_map(sum_rows, rows))

  return run


def client_data(num_classes: int) -> tuple[tf.data.Dataset, np.ndarray]:
  """Returns the batches of a client with 20 classes, and their labels.

  Args:
    num_classes: Number of classes that the client's are drawn from.
  """
  rng = np.random.default_rng(0)
  x = rng.normal(size=[320, DIMENSION]).astype(np.float32)
  labels = rng.choice(num_classes, 20)[rng.integers(20, size=320)]
  labels = labels.astype(np.int32)
  return tf.data.Dataset.from_tensor_slices((x, labels)).batch(32), labels


def build_training(
  model: tff.learning.models.FunctionalModel, dataset: tf.data.Dataset
) -> Callable[..., object]:
  """Builds a function that trains a sub-model of `build_row_model`.

  Args:
    model: The sub-model.
    dataset: Batches of `client_data`.

  Returns:
    A `tf.function` from rows and `models.Candidates` to the trained weights of
    the body and the trained rows.
  """

  @tf.function
  def train(rows, candidates):
    body = tf.ones([DIMENSION])
    for batch in iter(dataset):
      with tf.GradientTape() as tape:
        tape.watch((body, rows))
        output = model.predict_on_batch(((body, rows), candidates), batch[0])
        loss = model.loss(output, batch[1])
      gradients = tape.gradient(loss, (body, rows))
      body -= 0.1 * gradients[0]
      rows -= 0.1 * gradients[1]
    return body, rows

  return train


def _prepare_client(num_classes: int) -> Callable[[], object]:
  """Returns a function that samples candidates and trains, ten times."""
  row_model = build_row_model(num_classes)
  dataset, labels = client_data(num_classes)
  train = build_training(row_model.sub_model(MEMORY_CANDIDATES), dataset)

  @tf.function
  def sample_and_train(key, rows):
    classes = retrieval.distinct_classes(
      tf.constant(labels, tf.int32), num_classes
    )
    candidates = retrieval.sample_candidates(
      key, classes, num_classes, MEMORY_CANDIDATES
    )
    return train(rows, candidates)

  arguments = tf.constant([1, 2]), tf.ones([MEMORY_CANDIDATES, DIMENSION])
  sample_and_train.get_concrete_function(*arguments)

  def run():
    for _ in range(10):
      sample_and_train(*arguments)

  return run
