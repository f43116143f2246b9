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
"""Benchmark of clipped, private and secure sums, beside TFF's aggregators."""

from collections.abc import Mapping
import functools
from typing import Any, TypeAlias

import numpy as np
import tensorflow_federated as tff

# Not public: inside `tff.learning.ddp_secure_aggregator`, whose clip adapts.
from tensorflow_federated.python.aggregators import distributed_dp

from programs.benchmarks import bench_timing
from tff_methods import aggregators
from tff_methods import communication
from tff_methods import runtime

_SHAPES = ((500, 50), (50,))
_NUM_CLIENTS = 20
_CLIP = 2.0
_NOISE = 0.1  # In clipping norms.
# After these rounds, norms that start at 0.1 and adapt have adapted.
_NUM_FIRST_ROUNDS = 20
_MEASURED = 'a sum of 20 updates of 25,050 values'

Aggregator: TypeAlias = tff.aggregators.AggregationFactory


def updates() -> list[list[np.ndarray]]:
  """Returns updates of 20 clients: a common vector and as long a difference.

  Differences have heavy tails (Student t of three degrees of freedom). Norms
  are about 1.4.
  """
  rng = np.random.default_rng(0)

  def unit(draw):
    x = [draw(size=shape) for shape in _SHAPES]
    norm = np.sqrt(sum((part**2).sum() for part in x))
    return [part / norm for part in x]

  common = unit(rng.normal)
  heavy_tailed = functools.partial(rng.standard_t, 3)
  return [
    [
      (x + y).astype(np.float32)
      for x, y in zip(common, unit(heavy_tailed), strict=True)
    ]
    for _ in range(_NUM_CLIENTS)
  ]


def candidates() -> dict[str, Aggregator]:
  """Returns the aggregators that are compared, by name."""
  secure = {
    f'secure sketch, {bits} bits of {100 * fraction:g} %': (
      aggregators.secure_sketched_aggregator(
        clip=_CLIP,
        clients_per_round=_NUM_CLIENTS,
        bits=bits,
        fraction=fraction,
      )
    )
    for fraction in (1.0, 0.125)
    for bits in (8, 4, 2)
  }
  secure_dp = {
    f'secure sketch with noise, {bits} bits': (
      aggregators.secure_sketched_aggregator(
        clip=_CLIP,
        clients_per_round=_NUM_CLIENTS,
        bits=bits,
        noise_multiplier=_NOISE,
      )
    )
    for bits in (8, 4, 2)
  }
  dp = functools.partial(
    aggregators.dp_sketched_aggregator,
    noise_multiplier=_NOISE,
    clients_per_round=_NUM_CLIENTS,
    clip=_CLIP,
  )
  return {
    'TFF mean': tff.aggregators.UnweightedMeanFactory(),
    'TFF robust_aggregator': tff.learning.robust_aggregator(weighted=False),
    'TFF compression_aggregator': tff.learning.compression_aggregator(
      weighted=False
    ),
    'eden, 2 bits': aggregators.sketched_update_aggregator(weighted=False),
    'zeroing and clipping around eden, 2 bits': (
      tff.aggregators.zeroing_factory(
        10.0,
        tff.aggregators.clipping_factory(
          _CLIP, aggregators.sketched_update_aggregator(weighted=False)
        ),
      )
    ),
    'TFF secure_aggregator': tff.learning.secure_aggregator(weighted=False),
    **secure,
    'TFF gaussian_fixed': (
      tff.aggregators.DifferentiallyPrivateFactory.gaussian_fixed(
        _NOISE, float(_NUM_CLIENTS), _CLIP
      )
    ),
    'TFF ddp_secure_aggregator': tff.learning.ddp_secure_aggregator(
      _NOISE, _NUM_CLIENTS
    ),
    **{
      f'TFF distributed discrete Gaussian, {bits} bits': (
        tff.aggregators.UnweightedMeanFactory(
          distributed_dp.DistributedDpSumFactory(
            _NOISE,
            _NUM_CLIENTS,
            bits,
            _CLIP,
            mechanism='distributed_dgauss',
            rotation_type='hd',
          ),
          tff.aggregators.SecureSumFactory(1, 0),
        )
      )
      for bits in (20, 10)
    },
    **secure_dp,
    'dp sketch, float32': dp(bits=None),
    'dp sketch, 2 bits': dp(bits=2),
    'dp sketch, 2 bits of 12.5 %': dp(bits=2, fraction=0.125),
  }


def measure_one(aggregator: Aggregator, repeats: int) -> Mapping[str, float]:
  """Measures one aggregator.

  Args:
    aggregator: An unweighted factory.
    repeats: Number of timed rounds.

  Returns:
    `bytes` that a client sends, `seconds` of CPU time of a round, and the
    `error` of the last round: the distance to the mean of the updates, divided
    by the norm of that mean.
  """
  values = updates()
  value_type = tff.to_type(
    [tff.TensorType(np.float32, shape) for shape in _SHAPES]
  )
  process = aggregator.create(value_type)
  state = process.initialize()
  for _ in range(_NUM_FIRST_ROUNDS):
    state = process.next(state, values).state
  output = process.next(state, values)
  seconds = bench_timing.medians(
    {'': functools.partial(process.next, state, values)},
    repeats,
    clock=bench_timing.wall_and_cpu_clock(),
  )['']
  mean = np.mean([_flat(value) for value in values], axis=0)
  error = np.linalg.norm(_flat(output.result) - mean) / np.linalg.norm(mean)
  return {
    'bytes': communication.traced_bytes(process.next).uplink,
    'seconds': seconds[1],
    'error': float(error),
  }


def scalar_quantization(bits: int) -> Mapping[str, float]:
  """Measures a secure sum of values that are quantized without rotation.

  That of "Reconciling Security and Communication Efficiency in Federated
  Learning", Prasad et al. 2022: each tensor has one range, here the tightest
  that cuts no value of any client, which clients could only learn from others.
  Rounding is stochastic, as that of secure sketches.

  Args:
    bits: Bits per value.

  Returns:
    `bytes` and `error`, as `measure_one` returns them.
  """
  rng = np.random.default_rng(1)
  values = updates()
  sums, exact = [], []
  for tensors in zip(*values, strict=True):
    x = np.stack(tensors).astype(np.float64)
    step = (x.max() - x.min()) / (2**bits - 1)
    codes = np.floor((x - x.min()) / step + rng.uniform(size=x.shape))
    sums.append(codes.sum(axis=0) * step + _NUM_CLIENTS * x.min())
    exact.append(x.sum(axis=0))
  modulus = _NUM_CLIENTS * (2**bits - 1) + 1
  num_bits = sum(x.size for x in sums) * (modulus - 1).bit_length()
  error = np.linalg.norm(_flat(sums) - _flat(exact))
  return {
    'bytes': -(-num_bits // 8),
    'error': float(error / np.linalg.norm(_flat(exact))),
  }


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  runtime.set_local_context('cpu')
  unrotated = {bits: scalar_quantization(bits) for bits in (8, 4, 2)}
  table = [
    [
      _MEASURED,
      f'scalar quantization, not rotated, {bits} bits',
      f'{found["bytes"]:,.0f} bytes',
      f'error {found["error"]:.3f}',
    ]
    for bits, found in unrotated.items()
  ]
  for name, aggregator in candidates().items():
    found = measure_one(aggregator, repeats)
    table.append(
      [
        _MEASURED,
        name,
        f'{found["bytes"]:,.0f} bytes',
        f'error {found["error"]:.3f}, {1000 * found["seconds"]:.0f} ms CPU',
      ]
    )
  return table


def _flat(value: Any) -> np.ndarray:
  return np.concatenate([np.ravel(x) for x in value]).astype(np.float64)
