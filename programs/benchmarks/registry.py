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
"""Benchmarks by the name of the part of `programs.bench` that runs them."""

from collections.abc import Callable, Sequence
import functools

import numpy as np

from programs.benchmarks import bench_bag_client
from programs.benchmarks import bench_client_states
from programs.benchmarks import bench_common_rotation
from programs.benchmarks import bench_cross_entropy
from programs.benchmarks import bench_downlink
from programs.benchmarks import bench_encoders
from programs.benchmarks import bench_expansion
from programs.benchmarks import bench_index
from programs.benchmarks import bench_label_hashing
from programs.benchmarks import bench_label_rounds
from programs.benchmarks import bench_lsh_select
from programs.benchmarks import bench_private_sums
from programs.benchmarks import bench_rounds
from programs.benchmarks import bench_row_client
from programs.benchmarks import bench_runtime
from programs.benchmarks import bench_scale
from programs.benchmarks import bench_select
from programs.benchmarks import bench_start
from programs.benchmarks import bench_vectorized_step
from programs.benchmarks import bench_workers
from programs.benchmarks import bench_xc_files
from programs.benchmarks import scale_sizes

# From the number of timed runs to rows of the table of `programs.bench`.
Measure = Callable[[int], list[list[str]]]


def measures(
  searched_rows: np.ndarray | None = None,
  sizes: scale_sizes.Sizes | None = None,
  rows_of_client: Sequence[int] = bench_row_client.SIZES,
) -> dict[str, Measure]:
  """Returns the functions that run the benchmarks, by part.

  Args:
    searched_rows: `float32[n, d]`, the rows that `index` searches; `None` for
      synthetic rows.
    sizes: Sizes that `scale` measures; `None` for the defaults.
    rows_of_client: Sizes of the models that `row_client` measures.
  """
  return {
    'encoders': bench_encoders.measure_round_trips,
    'errors': bench_encoders.measure_errors,
    'common_rotation': bench_common_rotation.measure,
    'sparse': bench_encoders.measure_sparse_round_trips,
    'expansion': bench_expansion.measure,
    'rounds': bench_rounds.measure,
    'method_rounds': bench_rounds.measure_methods,
    'vectorized_step': bench_vectorized_step.measure,
    'downlink': bench_downlink.measure,
    'runtime': bench_runtime.measure,
    'scale': functools.partial(
      bench_scale.measure, sizes=sizes or scale_sizes.Sizes()
    ),
    'workers': bench_workers.measure,
    'private_sums': bench_private_sums.measure,
    'start': bench_start.measure,
    'client_states': bench_client_states.measure,
    'select': bench_select.measure,
    'cross_entropy': bench_cross_entropy.measure,
    'index': functools.partial(
      bench_index.measure, searched_rows=searched_rows
    ),
    'lsh_select': bench_lsh_select.measure,
    'row_client': functools.partial(
      bench_row_client.measure, sizes=rows_of_client
    ),
    'bag_client': bench_bag_client.measure,
    'label_hashing': bench_label_hashing.measure,
    'label_rounds': bench_label_rounds.measure,
    'xc_files': bench_xc_files.measure,
  }
