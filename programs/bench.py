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
"""Measures what the documentation claims, ours beside TFF's own, in one run.

  python -m programs.bench

Candidates take turns, and each time is a median, so that what else runs on the
machine touches all of them alike. Times of different machines do not compare;
their ratios do.
"""

import itertools
import math
import os

from absl import flags
from absl import logging
import numpy as np
import rich.progress

from programs import bench_client_states
from programs import bench_cross_entropy
from programs import bench_encoders
from programs import bench_expansion
from programs import bench_index
from programs import bench_label_hashing
from programs import bench_rounds
from programs import bench_runtime
from programs import bench_select
from programs import reporting
from programs import saved_weights
from programs import usage

_PART_NAMES = [
  'encoders',
  'errors',
  'sparse',
  'expansion',
  'rounds',
  'runtime',
  'client_states',
  'select',
  'cross_entropy',
  'index',
  'label_hashing',
]
_REPEATS = flags.DEFINE_integer(
  'repeats', 11, 'How often everything is timed.', lower_bound=1
)
_PARTS = flags.DEFINE_multi_enum(
  'part',
  _PART_NAMES,
  _PART_NAMES,
  'What to measure; give it more than once for more parts.',
)
_INDEX_WEIGHTS = flags.DEFINE_string(
  'index_weights',
  None,
  'Of --part=index: the model_weights.npz of a run whose last trainable tensor '
  'has the rows to search; by default they are drawn.',
)

_BITS = (1, 2, 4, 8)
# TensorFlow pads to a power of two, and sends the padding.
_LENGTHS = (2**23, 10_000_000)
_WORKLOADS = {
  'digits, 151,306 weights': bench_rounds.digits_workload,
  'CNN, 843,658 weights': bench_rounds.cnn_workload,
}
_HEADER = ['measured', 'candidate', 'value', 'beside it']


def main() -> int:
  """Measures, and prints one table."""
  logging.set_verbosity(logging.ERROR)  # TensorFlow's encoders warn each time.
  measure = {
    'encoders': _encoder_rows,
    'errors': _error_rows,
    'sparse': _sparse_rows,
    'expansion': _expansion_rows,
    'rounds': _round_rows,
    'runtime': _runtime_rows,
    'client_states': _client_state_rows,
    'select': _select_rows,
    'cross_entropy': _cross_entropy_rows,
    'index': _index_rows,
    'label_hashing': _label_hashing_rows,
  }
  rows = []
  for part in rich.progress.track(_PARTS.value, 'Measuring'):
    rows.extend(measure[part](_REPEATS.value))
  reporting.print_table(_HEADER, rows)
  print(f'{os.cpu_count()} cores; medians of {_REPEATS.value}; no GPU used.')
  return 0


def _encoder_rows(repeats: int) -> list[list[str]]:
  rows = []
  for name, shapes in bench_encoders.SHAPES.items():
    seconds = bench_encoders.time_round_trips(shapes, repeats)
    library_seconds = seconds[bench_encoders.LIBRARY]
    for candidate, value in seconds.items():
      beside = [
        f'{library_seconds / value:.2f} x as fast as TensorFlow',
        f'{value / seconds[bench_encoders.COPY]:.1f} copies',
      ]
      if candidate not in (bench_encoders.COPY, bench_encoders.LIBRARY):
        peak = bench_encoders.peak_arrays(shapes, candidate)
        beside.append(f'peak {peak:.1f} arrays')
      rows.append(
        [
          f'encode + decode at 2 bits, rotated: {name}',
          candidate,
          f'{1000 * value:.1f} ms',
          ', '.join(beside),
        ]
      )
  return rows


def _error_rows(repeats: int) -> list[list[str]]:
  del repeats  # The error is the same each time.
  rows = []
  for length, bits in itertools.product(_LENGTHS, _BITS):
    results = bench_encoders.normalized_errors(bits, length)
    for candidate, (error, payload) in results.items():
      library = bench_encoders.LIBRARY
      if 'rotated' in candidate:
        library += ', rotated'
      library_error, library_payload = results[library]
      rows.append(
        [
          f'normalized error at {bits} bits: heavy-tailed vector of {length:,}',
          candidate,
          f'{error:.6g}',
          f"{error / library_error:.3g} x TensorFlow's, in "
          f'{payload / library_payload:.3g} x its bytes',
        ]
      )
  return rows


def _sparse_rows(repeats: int) -> list[list[str]]:
  length = _LENGTHS[1]
  seconds = bench_encoders.time_sparse_round_trips(length, repeats)
  selection = seconds[bench_encoders.SELECTION]
  return [
    [
      f'encode + decode the largest 1 % of a vector of {length:,}',
      candidate,
      f'{1000 * value:.1f} ms',
      f'{value / selection:.2f} x tf.math.top_k, '
      f'{value / seconds[bench_encoders.COPY]:.1f} copies',
    ]
    for candidate, value in seconds.items()
  ]


def _expansion_rows(repeats: int) -> list[list[str]]:
  seconds = bench_expansion.time_clients(repeats)
  dense = seconds[bench_expansion.DENSE]
  num_weights = math.prod(bench_expansion.SHAPE)
  return [
    [
      f'the server, for each of {bench_expansion.NUM_CLIENTS} clients: '
      f'{num_weights:,} weights',
      candidate,
      f'{1000 * value:.2f} ms',
      f'{value / dense:.2f} x TFF mean',
    ]
    for candidate, value in seconds.items()
  ]


def _round_rows(repeats: int) -> list[list[str]]:
  rows = []
  for name, build_workload in _WORKLOADS.items():
    seconds = bench_rounds.time_rounds(build_workload(), repeats)
    plain_wall, plain_cpu = seconds[bench_rounds.PLAIN]
    for candidate, (wall, cpu) in seconds.items():
      rows.append(
        [
          f'a round of 10 clients: {name}',
          candidate,
          f'{1000 * wall:.0f} ms',
          f'{wall / plain_wall:.3f} x TFF mean, '
          f'{cpu / plain_cpu:.3f} x its CPU time',
        ]
      )
  return rows


def _runtime_rows(repeats: int) -> list[list[str]]:
  rows = []
  for measured, measure in bench_runtime.MEASURES.items():
    medians = measure(repeats)
    own_wall, own_cpu = medians[bench_runtime.IN_PROCESS]
    for candidate, (wall, cpu) in medians.items():
      rows.append(
        [
          measured,
          candidate,
          f'{1000 * wall:.0f} ms, {1000 * cpu:.0f} ms of CPU',
          f'{wall / own_wall:.2f} x in-process, {cpu / own_cpu:.2f} x its CPU '
          'time',
        ]
      )
  cohorts = bench_runtime.time_cohorts(repeats)
  for size, (seconds, held) in cohorts.items():
    rows.append(
      [
        f'a round of clients of {bench_runtime.NUM_REGISTERED:,}, in-process',
        f'{size:,} clients',
        f'{1000 * seconds:.0f} ms',
        f'{1e6 * seconds / size:.0f} us a client, {held / 1e6:+.1f} MB held',
      ]
    )
  return rows


def _client_state_rows(repeats: int) -> list[list[str]]:
  seconds = bench_client_states.time_rounds(repeats)
  dictionary = seconds[bench_client_states.DICTIONARY]
  return [
    [
      f'a round of {bench_client_states.NUM_CLIENTS} clients with states: CNN, '
      '843,658 weights',
      candidate,
      f'{1000 * value:.0f} ms',
      f'{value / dictionary:.3f} x in a dictionary',
    ]
    for candidate, value in seconds.items()
  ]


def _select_rows(repeats: int) -> list[list[str]]:
  seconds = bench_select.time_retrievals(repeats)
  alone = seconds[bench_select.FEDERATED_SELECT]
  rows = [
    [
      f'{bench_select.NUM_KEYS:,} of {bench_select.NUM_ROWS:,} rows of '
      f'{bench_select.DIMENSION} to each of {bench_select.NUM_CLIENTS} clients',
      candidate,
      f'{1000 * value:.0f} ms',
      f'{value / alone:.3f} x tff.federated_select',
    ]
    for candidate, value in seconds.items()
  ]
  peaks = {
    n: [bench_select.peak_client_bytes(n) for _ in range(min(repeats, 5))]
    for n in bench_select.MEMORY_CLASSES
  }
  first = np.median(peaks[bench_select.MEMORY_CLASSES[0]])
  for num_classes, values in peaks.items():
    rows.append(
      [
        'peak memory of a client that trains '
        f'{bench_select.MEMORY_CANDIDATES} rows of {bench_select.DIMENSION}',
        f'of {num_classes:,} classes',
        f'{np.median(values) / 1e6:.2f} MB',
        f'{np.median(values) / first:.3f} x',
      ]
    )
  return rows


def _cross_entropy_rows(repeats: int) -> list[list[str]]:
  rows = []
  for num_classes in bench_cross_entropy.CLASS_COUNTS:
    seconds = bench_cross_entropy.time_losses(num_classes, repeats)
    library_seconds = seconds[bench_cross_entropy.TENSORFLOW]
    rows.extend(
      [
        f'loss and gradient of {bench_cross_entropy.NUM_EXAMPLES:,} examples, '
        f'{num_classes:,} classes',
        candidate,
        f'{1000 * value:.1f} ms',
        f'{library_seconds / value:.2f} x as fast as TensorFlow',
      ]
      for candidate, value in seconds.items()
    )
  return rows


def _index_rows(repeats: int) -> list[list[str]]:
  rows = []
  for measured, seconds in (
    ('the server builds an index', bench_index.time_builds(repeats)),
    (
      f'a client with {bench_index.NUM_VECTORS:,} vectors searches an index',
      bench_index.time_searches(repeats),
    ),
  ):
    # For clients that is exact search.
    *_, last = seconds
    rows.extend(
      [
        f'{measured}: {bench_index.NUM_TIMED_ROWS:,} rows of '
        f'{bench_index.DIMENSION}',
        candidate,
        f'{1000 * value:.1f} ms',
        f'{value / seconds[last]:.3f} x {last}',
      ]
      for candidate, value in seconds.items()
    )
  table, vectors = _searched_rows_and_vectors()
  budgets = ' / '.join(f'{100 * budget:g}' for budget in bench_index.BUDGETS)
  for candidate, found in bench_index.measure_recalls(table, vectors).items():
    recalls = ' / '.join(f'{100 * recall:.1f}' for recall in found.recalls)
    rows.append(
      [
        f"a vector's {bench_index.NUM_BEST} best rows, found among the best "
        f'{budgets} % of {len(table):,}',
        candidate,
        f'{recalls} %',
        f'{found.downlink_bytes / 1000:,.1f} kB down, '
        f'{found.uplink_bytes / 1000:,.1f} kB up, '
        f'{found.num_dropped:,} entries dropped',
      ]
    )
  return rows


def _label_hashing_rows(repeats: int) -> list[list[str]]:
  rows = []
  for data_set, sizes in bench_label_hashing.SIZES.items():
    results = bench_label_hashing.time_training(data_set, repeats)
    plain = results[bench_label_hashing.ALL_LABELS]
    rows.extend(
      [
        f'a local step: {sizes[0]:,} labels, as {data_set}',
        candidate,
        f'{1000 * result.seconds:.1f} ms',
        f'{plain.seconds / result.seconds:.2f} x as fast, model of '
        f'{reporting.megabytes(result.model_bytes)} MB',
      ]
      for candidate, result in results.items()
    )
  data_set = list(bench_label_hashing.SIZES)[-1]
  for decoding, seconds in bench_label_hashing.time_decoding(
    data_set, repeats
  ).items():
    peak = bench_label_hashing.peak_decoding_bytes(data_set, decoding)
    rows.append(
      [
        f'the best {bench_label_hashing.NUM_TOP} labels of '
        f'{bench_label_hashing.NUM_DECODED:,} examples, as {data_set}',
        decoding,
        f'{1000 * seconds:.1f} ms',
        f'peak {reporting.megabytes(peak)} MB',
      ]
    )
  return rows


def _searched_rows_and_vectors() -> tuple[np.ndarray, np.ndarray]:
  if _INDEX_WEIGHTS.value is None:
    return bench_index.synthetic_data(
      bench_index.NUM_ROWS, bench_index.NUM_VECTORS
    )
  trainable = saved_weights.load(_INDEX_WEIGHTS.value).trainable
  if not trainable or trainable[-1].ndim != 2:
    raise usage.UsageError(
      'Expected weights that end in rows in --index_weights, found others in '
      f'{_INDEX_WEIGHTS.value}; give those of a run with a row model.'
    )
  rows = trainable[-1]
  return rows, bench_index.noisy_rows(rows, bench_index.NUM_VECTORS)


if __name__ == '__main__':
  usage.run(main)
