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
"""One listener of a recommender: all rows, selected rows, and 4 bits a value.

The model is that of the task `lastfm`, with a table of artists on both sides,
and the listener has 40 artists, as most of its listeners do.
"""

from collections.abc import Callable
import functools
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.benchmarks import bench_client_cost
from programs.methods import row_methods
from tasks.bags import bag_models
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import encoders
from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval

NUM_ARTISTS, DIMENSION, NUM_OWN, BATCH_SIZE = 17_632, 64, 40, 10
NUM_INPUT_ROWS, NUM_OUTPUT_ROWS = 40, 1000
BITS = 4
_KEY = (1, 2)
# Smaller tensors are sent as float32.
_MIN_ELEMENTS = options_lib.SketchOptions().min_elements


def measure_full() -> bench_client_cost.ClientCost:
  """Measures a client of federated averaging, which trains all rows."""
  return bench_client_cost.measure_fed_avg(
    _row_model().full_model(), _prepare_full
  )


def measure_selected(bits: int | None = None) -> bench_client_cost.ClientCost:
  """Measures a client that trains the rows of its artists, and random others.

  Args:
    bits: Bits of a value, up and down; `None` for `float32`.
  """
  sketch = None if bits is None else options_lib.SketchOptions(bits=bits)
  process = algorithms.build_fed_ss(
    _row_model(),
    tff.learning.optimizers.build_sgdm(bench_client_cost.LEARNING_RATE),
    options=options_lib.FedSsOptions(
      num_sampled_classes=NUM_OUTPUT_ROWS, num_input_rows=NUM_INPUT_ROWS
    ),
    model_distributor=(
      None if bits is None else options_lib.DownlinkOptions(bits=bits)
    ),
    **row_methods.build_aggregators(sketch, has_rows=True),
  )
  return bench_client_cost.measure(
    communication.traced_bytes(process.accounted_next(0)),
    _prepare_selected,
    bits,
  )


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of fresh processes whose median is shown.
  """
  selected = f'{NUM_INPUT_ROWS} and {NUM_OUTPUT_ROWS:,} rows'
  measures = {
    'all rows': measure_full,
    selected: measure_selected,
    f'{selected}, {BITS} bits': lambda: measure_selected(BITS),
  }
  measured = f'one listener, two tables of {NUM_ARTISTS:,} artists'
  return bench_client_cost.rows(measured, measures, repeats)


def _row_model() -> models.RowModel:
  return bag_models.row_model(0, NUM_ARTISTS, NUM_ARTISTS, DIMENSION)


def _listener() -> np.ndarray:
  """Returns the artists of the listener, `int64[NUM_OWN]`."""
  rng = np.random.default_rng(0)
  return rng.choice(NUM_ARTISTS, NUM_OWN, replace=False)


def _client_data() -> tf.data.Dataset:
  """Returns an example for each artist: the others, and the artist."""
  artists = _listener()
  others = np.array([np.delete(artists, i) for i in range(NUM_OWN)])
  return (
    tf.data.Dataset.from_tensor_slices((others, artists.astype(np.int32)))
    .batch(BATCH_SIZE)
    .map(lambda ids, y: (bag_models.bag_inputs(ids), y))
  )


def _prepare_full() -> Callable[[], object]:
  """Returns a function that receives and trains the full model."""
  row_model = _row_model()
  train = bench_client_cost.build_training(
    row_model.full_model(), _client_data()
  )
  weights = row_model.full_model().initial_weights[0]

  @tf.function
  def run(*weights):
    return train((tuple(map(_received, weights)), ()))

  return _call(run, weights)


def _prepare_selected(bits: int | None) -> Callable[[], object]:
  """Returns a function that receives, decodes, trains and encodes.

  Args:
    bits: Bits of a value; `None` for `float32`.
  """
  row_model = _row_model()
  model = row_model.sub_model(
    NUM_OUTPUT_ROWS, num_input_rows={bag_models.INPUT_TABLE: NUM_INPUT_ROWS}
  )
  train = bench_client_cost.build_training(model, _client_data())
  artists = tf.constant(_listener(), tf.int32)
  specs = [tf.TensorSpec(w.shape) for w in model.initial_weights[0]]
  uplink = [_codec(spec, bits) for spec in specs]
  downlink = [*uplink[:-2], *(_row_codec(spec, bits) for spec in specs[-2:])]
  key = tf.constant(_KEY)

  @tf.function
  def run(*received):
    *body, input_rows, rows = (
      codec.decode(value, key)
      for codec, value in zip(downlink, received, strict=True)
    )
    candidates = [
      retrieval.sample_candidates(key, artists, NUM_ARTISTS, num_rows)
      for num_rows in (NUM_INPUT_ROWS, NUM_OUTPUT_ROWS)
    ]
    updates = train(
      row_model.sub_weights((tuple(body), ()), [input_rows, rows], candidates)
    )
    return [
      codec.encode(value, key)
      for codec, value in zip(uplink, updates, strict=True)
    ]

  rng = np.random.default_rng(1)
  # Small, so that the softmax has no probabilities of 0.
  values = [
    tf.constant(0.1 * rng.standard_normal(spec.shape, np.float32))
    for spec in specs
  ]
  return _call(
    run,
    [
      codec.encode(value, key)
      for codec, value in zip(downlink, values, strict=True)
    ],
  )


class _Codec(NamedTuple):
  """Encoder of a tensor and its inverse, both with a key."""

  encode: Callable[[tf.Tensor, tf.Tensor], Any]
  decode: Callable[[Any, tf.Tensor], tf.Tensor]


_FLOAT32 = _Codec(lambda value, _: value, lambda value, _: _received(value))


def _codec(spec: tf.TensorSpec, bits: int | None) -> _Codec:
  """Returns the encoder of an update, or of a tensor of the received body."""
  if bits is None or spec.shape.num_elements() < _MIN_ELEMENTS:
    return _FLOAT32
  encoder = encoders.sketch_encoder(
    spec, options_lib.SketchOptions(bits=bits), (0,)
  )
  return _Codec(
    functools.partial(encoders.encode_with_key, encoder),
    functools.partial(encoders.decode_with_key, encoder),
  )


def _row_codec(spec: tf.TensorSpec, bits: int | None) -> _Codec:
  """Returns the encoder of received rows, one by one."""
  if bits is None:
    return _FLOAT32
  encoder = encoders.RowQuantization(
    spec.shape[1], options_lib.DownlinkOptions(bits=bits)
  )
  return _Codec(
    encoder.encode, lambda codes, key: encoder.decode(_received(codes), key)
  )


def _received(value: tf.Tensor) -> tf.Tensor:
  """Returns a value in a memory of its own, as a client receives it."""
  return bench_client_cost.receive(value, value.shape[0])


def _call(run: Callable[..., object], arguments: Any) -> Callable[[], object]:
  """Returns a call of `run`, after a first one that optimizes the graph."""
  arguments = tf.nest.map_structure(tf.constant, arguments)
  run(*arguments)
  return lambda: run(*arguments)
