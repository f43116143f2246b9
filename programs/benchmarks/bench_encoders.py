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
"""Benchmarks of encoders beside TensorFlow's: time, memory and error."""

from collections.abc import Callable, Sequence
import functools
import itertools
import math

from absl import logging
import numpy as np
import tensorflow as tf
from tensorflow_model_optimization.python.core.internal import tensor_encoding

from programs.benchmarks import bench_memory
from programs.benchmarks import bench_timing
from tff_methods import communication
from tff_methods import encoders
from tff_methods import options as options_lib

SHAPES = {
  'one vector of 10,000,000': [[10_000_000]],
  '20 tensors of 1000 x 500': 20 * [[1000, 500]],
}
COPY, LIBRARY = 'copy', 'TensorFlow'
SELECTION = 'tf.math.top_k'
_SPARSE_FRACTION = 0.01
_BITS = (1, 2, 4, 8)
# TensorFlow pads to a power of two and sends the padding.
_LENGTHS = (2**23, 10_000_000)


def sketch(
  spec: tf.TensorSpec, bits: int, quantizer: str, rotation: bool = True
) -> encoders.GatherEncoder:
  """Returns this project's encoder of one tensor.

  Args:
    spec: Spec of the tensor.
    bits: Bits per value.
    quantizer: One of `options.QUANTIZERS`.
    rotation: If true, the tensor is rotated at random first.
  """
  return encoders.sketch_encoder(
    spec,
    options_lib.SketchOptions(
      bits=bits, rotation=rotation, quantizer=quantizer
    ),
    seed=(0,),
  )


def library_encoder(
  spec: tf.TensorSpec, bits: int, rotation: bool = True
) -> encoders.GatherEncoder:
  """Returns the encoder of tensorflow-model-optimization for one tensor.

  Args:
    spec: Spec of the tensor.
    bits: Bits per value.
    rotation: If true, the tensor is rotated at random first.
  """
  build = (
    tensor_encoding.encoders.hadamard_quantization
    if rotation
    else tensor_encoding.encoders.uniform_quantization
  )
  return tensor_encoding.encoders.as_gather_encoder(build(bits), spec)


_ROUND = tf.TensorSpec([], tf.int32)

CANDIDATES = {
  'eden': lambda spec: sketch(spec, 2, 'eden'),
  'uniform': lambda spec: sketch(spec, 2, 'uniform'),
  LIBRARY: lambda spec: library_encoder(spec, 2),
}


def heavy_tailed(shapes: Sequence[Sequence[int]]) -> list[tf.Tensor]:
  """Returns tensors of Student's t distribution with 3 degrees of freedom.

  Args:
    shapes: Shapes of the tensors.
  """
  rng = np.random.default_rng(0)
  return [
    tf.constant(rng.standard_t(3, size=shape), tf.float32) for shape in shapes
  ]


def round_trip_fn(
  shapes: Sequence[Sequence[int]],
  build: Callable[[tf.TensorSpec], encoders.GatherEncoder],
) -> Callable[[list[tf.Tensor]], list[tf.Tensor]]:
  """Returns a function that encodes and decodes tensors.

  Args:
    shapes: Shapes of the tensors, which are encoded one by one.
    build: Function from the spec of a tensor to its encoder.
  """
  gather_encoders = [
    build(tf.TensorSpec(shape, tf.float32)) for shape in shapes
  ]

  def round_trip(x, encoder, round_num):
    state = tuple(round_num for _ in encoder.initial_state())
    encode_params, before_sum, after_sum = encoder.get_params(state)
    payload, _ = encoder.encode(x, encode_params)
    part = encoder.decode_before_sum(payload, before_sum)
    return encoder.decode_after_sum(part, after_sum, 1)

  @tf.function(autograph=False)
  def run(tensors, round_num):
    # Seeds depend on a tensor: as in a round, the graph cannot fold them.
    rounds = [round_num] * len(tensors)
    return encoders.map_in_sequence(
      round_trip, tensors, gather_encoders, rounds
    )

  traced = run.get_concrete_function([_spec(shape) for shape in shapes], _ROUND)
  return lambda tensors: traced(*tensors, tf.constant(0))


def time_round_trips(
  shapes: Sequence[Sequence[int]], repeats: int
) -> dict[str, float]:
  """Times encoding and decoding at 2 bits with rotation.

  Args:
    shapes: Shapes of the tensors, which are encoded one by one.
    repeats: Number of timed runs of each candidate; they take turns.

  Returns:
    By candidate, the median seconds. `COPY` is a copy of the input by numpy.
  """
  tensors = heavy_tailed(shapes)
  arrays = [tensor.numpy() for tensor in tensors]
  targets = [np.empty_like(array) for array in arrays]

  def copy():
    for target, array in zip(targets, arrays, strict=True):
      np.copyto(target, array)

  candidates: dict[str, Callable[[], object]] = {COPY: copy}
  for name, build in CANDIDATES.items():
    run = round_trip_fn(shapes, build)
    candidates[name] = functools.partial(run, tensors)
  return bench_timing.medians(candidates, repeats)


def time_sparse_round_trips(length: int, repeats: int) -> dict[str, float]:
  """Times encoding and decoding the 1 % of a vector of largest magnitude.

  Args:
    length: Length of the vector.
    repeats: Number of timed runs of each candidate; they take turns.

  Returns:
    By candidate, the median seconds. `SELECTION` is `tf.math.top_k` of the
    magnitudes, without encoding; `COPY` is a copy of the input by numpy.
  """
  (x,) = heavy_tailed([[length]])
  array, target = x.numpy(), np.empty([length], np.float32)
  k = round(_SPARSE_FRACTION * length)
  select = tf.function(lambda x: tf.math.top_k(tf.abs(x), k, sorted=False))
  candidates = {
    COPY: lambda: np.copyto(target, array),
    SELECTION: lambda: select(x),
  }
  for name, bits in (('top-k', None), ('top-k, 4 bits', 4)):
    run = round_trip_fn(
      [[length]],
      functools.partial(
        encoders.sparse_encoder,
        options=options_lib.SparseOptions(fraction=_SPARSE_FRACTION, bits=bits),
      ),
    )
    candidates[name] = functools.partial(run, [x])
  return bench_timing.medians(candidates, repeats)


def peak_arrays(shapes: Sequence[Sequence[int]], candidate: str) -> float:
  """Measures the peak memory of encoding and decoding. Linux only.

  Args:
    shapes: Shapes of the tensors, which are encoded one by one.
    candidate: One of `CANDIDATES`.

  Returns:
    The peak in addition to the input, in units of the size of the input.
  """
  num_bytes = 4 * sum(math.prod(shape) for shape in shapes)
  peak = bench_memory.peak_bytes(_prepare_round_trip, shapes, candidate)
  return peak / num_bytes


def normalized_errors(bits: int, length: int) -> dict[str, tuple[float, int]]:
  """Measures the errors of quantizers of a heavy-tailed vector.

  Args:
    bits: Bits per value.
    length: Length of the vector.

  Returns:
    By candidate, the squared error divided by the squared norm, and the bytes
    of the payload. TensorFlow's payloads include padding.
  """
  builds = {
    'eden, rotated': lambda spec: sketch(spec, bits, 'eden'),
    'uniform, rotated': lambda spec: sketch(spec, bits, 'uniform'),
    f'{LIBRARY}, rotated': lambda spec: library_encoder(spec, bits),
    'uniform': lambda spec: sketch(spec, bits, 'uniform', rotation=False),
    LIBRARY: lambda spec: library_encoder(spec, bits, rotation=False),
  }
  tensors = heavy_tailed([[length]])
  x = tensors[0].numpy().astype(np.float64)
  results = {}
  for name, build in builds.items():
    (decoded,) = round_trip_fn([[length]], build)(tensors)
    error = ((decoded.numpy() - x) ** 2).sum() / (x**2).sum()
    payload = communication.payload_bytes(build(_spec([length])))
    results[name] = float(error), payload
  return results


def measure_round_trips(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  rows = []
  for name, shapes in SHAPES.items():
    seconds = time_round_trips(shapes, repeats)
    library_seconds = seconds[LIBRARY]
    for candidate, value in seconds.items():
      comparison = [
        f'{library_seconds / value:.2f} x as fast as TensorFlow',
        f'{value / seconds[COPY]:.1f} copies',
      ]
      if candidate not in (COPY, LIBRARY):
        peak = peak_arrays(shapes, candidate)
        comparison.append(f'peak {peak:.1f} arrays')
      rows.append(
        [
          f'encode + decode at 2 bits, rotated: {name}',
          candidate,
          f'{1000 * value:.1f} ms',
          ', '.join(comparison),
        ]
      )
  return rows


def measure_errors(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Unused: errors are deterministic.
  """
  del repeats
  rows = []
  for length, bits in itertools.product(_LENGTHS, _BITS):
    results = normalized_errors(bits, length)
    for candidate, (error, payload) in results.items():
      library = LIBRARY
      if 'rotated' in candidate:
        library += ', rotated'
      library_error, library_payload = results[library]
      rows.append(
        [
          f'normalized error, bits: {bits}, heavy-tailed vector of {length:,}',
          candidate,
          f'{error:.6g}',
          f"{error / library_error:.3g} x TensorFlow's, in "
          f'{payload / library_payload:.3g} x its bytes',
        ]
      )
  return rows


def measure_sparse_round_trips(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  length = _LENGTHS[1]
  seconds = time_sparse_round_trips(length, repeats)
  selection = seconds[SELECTION]
  return [
    [
      f'encode + decode the largest 1 % of a vector of {length:,}',
      candidate,
      f'{1000 * value:.1f} ms',
      f'{value / selection:.2f} x tf.math.top_k, '
      f'{value / seconds[COPY]:.1f} copies',
    ]
    for candidate, value in seconds.items()
  ]


def _prepare_round_trip(
  shapes: Sequence[Sequence[int]], candidate: str
) -> Callable[[], object]:
  # TensorFlow's encoders log a warning at each use.
  logging.set_verbosity(logging.ERROR)
  build = CANDIDATES[candidate]
  small = [[10]]
  round_trip_fn(small, build)(heavy_tailed(small))  # Loads kernels.
  tensors = heavy_tailed(shapes)
  run = round_trip_fn(shapes, build)
  return lambda: run(tensors)


def _spec(shape: Sequence[int]) -> tf.TensorSpec:
  return tf.TensorSpec(shape, tf.float32)
