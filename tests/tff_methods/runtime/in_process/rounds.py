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
"""Rounds of small processes in all runtimes, for tests.

As a program, it runs all processes of one kind, and writes the results of each
to a file. TensorFlow can divide the CPU into several devices only before its
first op, hence a program of its own.

  python -m tests.tff_methods.runtime.in_process.rounds library directory
"""

import atexit
from collections.abc import Callable
import functools
import pathlib
import sys

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff
import tree

from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tests.tff_methods import row_models
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods.runtime import in_process
from tff_methods.runtime.in_process import context as context_lib

EXPECTED = 'one client at once'
CPP = 'C++'
# Noise for privacy is not reproducible in any runtime; this process adds a
# negligible amount.
NOISY = 'private'
_NUM_DEVICES = 4
_NUM_ROUNDS = 2
_SGD = tff.learning.optimizers.build_sgdm(0.1)

Run = Callable[[], list[np.ndarray]]


def _build_sketched_update(**kwargs):
  return algorithms.build_sketched_update_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.SketchOptions(
      bits=2, fraction=0.5, min_elements=10, **kwargs
    ),
  )


def _build_random_mask():
  return algorithms.build_random_mask_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.RandomMaskOptions(fraction=0.25, min_elements=10),
  )


def _build_low_rank():
  return algorithms.build_low_rank_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.LowRankOptions(rank=2, min_elements=10),
  )


def _build_terngrad():
  return algorithms.build_terngrad_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.TernGradOptions(min_elements=10),
  )


def _build_dhqc():
  return algorithms.build_dhqc_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.DhqcOptions(fraction=0.1),
  )


def _build_dgc():
  return algorithms.build_dgc_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.DgcOptions(fraction=0.1, warm_up_fractions=[0.5]),
  )


def _build_downlink():
  return algorithms.build_sketched_update_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.SketchOptions(bits=None),
    model_distributor=options_lib.DownlinkOptions(bits=4, min_elements=10),
  )


def _build_fed_ss(mode='select', **kwargs):
  return algorithms.build_fed_ss(
    row_models.row_model(),
    _SGD,
    options=options_lib.FedSsOptions(
      num_sampled_classes=6, retrieval_mode=mode
    ),
    **kwargs,
  )


def _build_lsh_select():
  return algorithms.build_lsh_select_fed_avg(
    row_models.row_model(),
    _SGD,
    options=options_lib.LshSelectOptions(row_budget=0.5),
  )


def _build_fed_avg(**kwargs):
  return tff.learning.algorithms.build_weighted_fed_avg(
    linear_model.model_fn, _SGD, **kwargs
  )


def _build_unweighted(**kwargs):
  return tff.learning.algorithms.build_unweighted_fed_avg(
    linear_model.model_fn, _SGD, **kwargs
  )


def _build_private():
  return _build_unweighted(
    # Not `tff.learning.dp_aggregator`, whose adaptive clipping adds noise that
    # is not negligible.
    model_aggregator=tff.aggregators.DifferentiallyPrivateFactory.gaussian_fixed(
      noise_multiplier=1e-9, clients_per_round=3, clip=1.0
    )
  )


def _build_secure():
  return _build_fed_avg(
    model_aggregator=tff.learning.secure_aggregator(),
    metrics_aggregator=tff.learning.metrics.secure_sum_then_finalize,
  )


def _build_fed_prox():
  return tff.learning.algorithms.build_weighted_fed_prox(
    linear_model.model_fn, 0.5, _SGD
  )


def _build_mime_lite():
  return tff.learning.algorithms.build_weighted_mime_lite(
    linear_model.model_fn, tff.learning.optimizers.build_sgdm(0.1, 0.9)
  )


def _build_fed_eval():
  return tff.learning.algorithms.build_fed_eval(linear_model.model_fn)


def _learning_rounds(process, clients) -> list[np.ndarray]:
  state, outputs = process.initialize(), []
  for _ in range(_NUM_ROUNDS):
    state, metrics = process.next(state, clients)
    outputs.append(metrics)
  return _arrays([process.get_model_weights(state), outputs])


def _client_state_rounds(process, clients) -> list[np.ndarray]:
  state = process.initialize()
  client_states = [process.initial_client_state()] * len(clients)
  for _ in range(_NUM_ROUNDS):
    output = process.next_after(process.num_rounds(state))(
      state, clients, client_states
    )
    state, client_states = output.state, output.client_states
  return _arrays([state, client_states, output.metrics])


def _on_clients(build, **kwargs) -> Run:
  process, clients = build(**kwargs), local_updates.clients()
  return lambda: _learning_rounds(process, clients)


def _on_rows(build, **kwargs) -> Run:
  process, clients = build(**kwargs), row_models.datasets()
  return lambda: _learning_rounds(process, clients)


def _with_client_states(build) -> Run:
  process, clients = build(), local_updates.clients()
  return lambda: _client_state_rounds(process, clients)


def _kmeans() -> Run:
  process = tff.learning.algorithms.build_fed_kmeans(
    3, (linear_model.NUM_FEATURES,), random_seed=(1, 2)
  )
  clients = [
    dataset.unbatch().map(lambda x, y: x) for dataset in local_updates.clients()
  ]
  return lambda: _learning_rounds(process, clients)


def _histogram() -> Run:
  process = tff.analytics.build_hierarchical_histogram_process(
    lower_bound=0.0,
    upper_bound=8.0,
    num_bins=4,
    clip_mechanism='distinct',
    expected_clients_per_round=3,
  )
  clients = [[1.0, 3.0, 5.0], [1.5], [7.0, 1.0]]

  def run():
    state = process.initialize()
    for _ in range(_NUM_ROUNDS):
      state, result = process.next(state, clients)
    *histogram, unused_time = _arrays([state, result])
    return histogram

  return run


_partial = functools.partial
# By kind and name, functions that build a process and return a function that
# runs its rounds.
BUILDERS: dict[str, dict[str, Callable[[], Run]]] = {
  'library': {
    'sketched_update': _partial(_on_clients, _build_sketched_update),
    'client_rotation': _partial(
      _on_clients, _build_sketched_update, shared_rotation=False
    ),
    'random_mask': _partial(_on_clients, _build_random_mask),
    'low_rank': _partial(_on_clients, _build_low_rank),
    'terngrad': _partial(_on_clients, _build_terngrad),
    'dhqc': _partial(_with_client_states, _build_dhqc),
    'dgc': _partial(_with_client_states, _build_dgc),
    'fed_ss': _partial(_on_rows, _build_fed_ss),
    'fed_ss_broadcast': _partial(_on_rows, _build_fed_ss, mode='broadcast'),
    'fed_ss_downlink': _partial(
      _on_rows,
      _build_fed_ss,
      model_distributor=options_lib.DownlinkOptions(bits=4, min_elements=10),
    ),
    'lsh_select': _partial(_on_rows, _build_lsh_select),
    'downlink': _partial(_on_clients, _build_downlink),
  },
  'tff': {
    'fed_avg': _partial(_on_clients, _build_fed_avg),
    'iterator': _partial(
      _on_clients,
      _build_fed_avg,
      loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
    ),
    'unweighted': _partial(_on_clients, _build_unweighted),
    NOISY: _partial(_on_clients, _build_private),
    'secure': _partial(_on_clients, _build_secure),
    'robust': _partial(
      _on_clients,
      _build_fed_avg,
      model_aggregator=tff.learning.robust_aggregator(),
    ),
    'fed_prox': _partial(_on_clients, _build_fed_prox),
    'mime_lite': _partial(_on_clients, _build_mime_lite),
    'fed_eval': _partial(_on_clients, _build_fed_eval),
    'kmeans': _kmeans,
    'histogram': _histogram,
  },
}


def _share_native_forms() -> None:
  """Caches the native form of each computation for all contexts.

  The compilation takes most of the time here, and is the same in each context.
  """
  to_native, shared = context_lib._to_native, {}

  def shared_to_native(comp):
    if id(comp) not in shared:
      shared[id(comp)] = (
        comp,
        to_native(comp),
      )  # A reference, so that the id stays unique.
    return shared[id(comp)][1]

  context_lib._to_native = shared_to_native


def contexts(kind: str) -> dict[str, tff.framework.SyncContext]:
  """Returns the contexts to compare, by name; starts a worker process.

  Args:
    kind: Key of `BUILDERS`.
  """
  create_cpp_context = {
    'library': runtime.create_local_context,
    # The only context of the C++ runtime with secure sums.
    'tff': tff.backends.test.create_sync_test_cpp_execution_context,
  }
  devices = [d.name for d in tf.config.list_logical_devices('CPU')]
  return {
    EXPECTED: in_process.InProcessContext(devices[:1], 1),
    'four clients at once': in_process.InProcessContext(devices[:1], 4),
    'four devices': in_process.InProcessContext(devices, 4),
    CPP: create_cpp_context[kind](),
  }


def _arrays(values) -> list[np.ndarray]:
  return [
    np.asarray(x.flat_values if isinstance(x, tf.RaggedTensor) else x)
    for x in tree.flatten(values)
  ]


def main() -> None:
  """Runs all processes of a kind; writes their results."""
  kind, directory = sys.argv[1:]
  atexit.register(runtime.end_workers)
  (cpu,) = tf.config.list_physical_devices('CPU')
  tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * _NUM_DEVICES
  )
  _share_native_forms()
  named_contexts = contexts(kind)
  for name, build in BUILDERS[kind].items():
    run = build()
    arrays = {}
    for context_name, context in named_contexts.items():
      with tff.framework.get_context_stack().install(context):
        for i, array in enumerate(run()):
          arrays[f'{context_name}/{i}'] = array
    path = pathlib.Path(directory, name)
    np.savez(path.with_suffix('.unfinished.npz'), **arrays)
    path.with_suffix('.unfinished.npz').rename(path.with_suffix('.npz'))


if __name__ == '__main__':
  main()
