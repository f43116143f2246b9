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
"""Validation data: examples of each training client that are held out.

Settings are chosen on them, so that test data are looked at once, at the end.
"""

from collections.abc import Callable

import tensorflow as tf
import tensorflow_federated as tff

Transform = Callable[[tf.data.Dataset], tf.data.Dataset]

_NUM_HASHES = 2**30


class SharedExampleDatasets(tff.simulation.baselines.BaselineTaskDatasets):
  """Data of serialized examples that can be on several clients each."""


def hold_out(
  datasets: tff.simulation.baselines.BaselineTaskDatasets, fraction: float
) -> tff.simulation.baselines.BaselineTaskDatasets:
  """Returns data of a task with validation data in place of its test data.

  Each client holds out examples that are evenly spaced in the order of its
  data, never the first one: it always has an example to train on.

  Of `SharedExampleDatasets` examples are held out by a hash of their contents,
  on all clients alike: no client trains on validation data of another one. Each
  is then evaluated once. A client with few examples can be left without any.

  Args:
    datasets: Data of a task.
    fraction: Fraction of each client's examples that is held out, in (0, 1); of
      shared examples, of all examples in expectation.

  Raises:
    ValueError: If no client has enough examples to hold one out.
  """
  is_shared = isinstance(datasets, SharedExampleDatasets)
  build_part = _build_part_by_content if is_shared else _build_part
  keep, train = build_part(fraction, False), datasets.train_preprocess_fn
  held_out = _held_out(datasets.train_data, build_part(fraction, True))
  if is_shared:
    held_out = held_out.unique()
  if not any(True for _ in held_out.take(1)):
    raise ValueError(
      'Expected clients with enough examples to hold some out for validation, '
      f'found none with a fraction of {fraction}; raise it.'
    )
  return tff.simulation.baselines.BaselineTaskDatasets(
    train_data=datasets.train_data,
    test_data=held_out,
    train_preprocess_fn=lambda dataset: train(keep(dataset)),
    eval_preprocess_fn=datasets.eval_preprocess_fn,
  )


def _held_out(
  train_data: tff.simulation.datasets.ClientData, select: Transform
) -> tf.data.Dataset:
  clients = tf.data.Dataset.from_tensor_slices(train_data.client_ids)
  return clients.flat_map(
    lambda client_id: select(train_data.serializable_dataset_fn(client_id))
  )


def _build_part(fraction: float, is_held_out: bool) -> Transform:
  """Returns a function from the examples of a client to one part of them."""

  def num_held_out(num_examples):
    return tf.floor(tf.cast(num_examples, tf.float64) * fraction)

  def is_in_part(index, _):
    # `==` compares identities in the graphs that TFF builds.
    return tf.equal(num_held_out(index + 1) > num_held_out(index), is_held_out)

  return lambda dataset: (
    dataset.enumerate().filter(is_in_part).map(lambda _, example: example)
  )


def _build_part_by_content(fraction: float, is_held_out: bool) -> Transform:
  """Returns the same for serialized examples, by a hash of their contents."""
  num_held_out = round(fraction * _NUM_HASHES)

  def is_in_part(serialized):
    hashed = tf.strings.to_hash_bucket_fast(serialized, _NUM_HASHES)
    return tf.equal(hashed < num_held_out, is_held_out)

  return lambda dataset: dataset.filter(is_in_part)
