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
r"""Trains one task with one method.

  python -m programs.train --task=digits --method=sketched_update --bits=2 \
    --output_dir=/tmp/run

Stopped by Ctrl-C, or killed, the same command goes on where it was. Finished,
it prints the results again; with more --rounds it adds those. What is in
--output_dir is told in `run_directory`. Exit codes: 0, 2 if what is asked for
cannot be done, 128 + N after a signal N to stop, as 130 after Ctrl-C.
"""

import asyncio
import atexit
import functools
import sys

from absl import flags
import tensorflow_federated as tff

from programs import common_flags
from programs import evaluation
from programs import methods
from programs import optimizers
from programs import reporting
from programs import run_directory
from programs import run_store
from programs import sampling
from programs import stop_signals
from programs import training_loop
from programs import usage
import tasks
from tff_methods import communication
from tff_methods import composers
from tff_methods import runtime

_TASK = flags.DEFINE_enum('task', None, tasks.TASK_NAMES, 'What to train.')
_METHOD = flags.DEFINE_enum(
  'method', None, list(methods.METHODS), 'How to train.'
)
_SEED = flags.DEFINE_integer(
  'seed', 0, 'Of all random choices.', lower_bound=0, upper_bound=2**32 - 1
)
_ROUNDS_PER_EVALUATION = flags.DEFINE_integer(
  'rounds_per_evaluation',
  10,
  'Rounds from one evaluation on held-out data to the next.',
  lower_bound=1,
)
_ROUNDS_PER_CHECKPOINT = flags.DEFINE_integer(
  'rounds_per_checkpoint',
  10,
  'Rounds from one checkpoint to the next: as many are repeated, at most, '
  'after the program was killed.',
  lower_bound=1,
)
_DRY_RUN = flags.DEFINE_bool(
  'dry_run', False, 'Only check the flags and --output_dir; change nothing.'
)

# Choices that a task has defaults for, by their names in `tasks.TaskOptions`.
_TASK_OPTIONS = {
  'batch_size': flags.DEFINE_integer(
    'batch_size', None, 'Examples in a batch of a client.', lower_bound=1
  ),
  'epochs': flags.DEFINE_integer(
    'client_epochs', None, "A client's passes in a round.", lower_bound=1
  ),
  'max_client_examples': flags.DEFINE_integer(
    'max_client_examples',
    None,
    'The most examples that a client uses in a round. They are the same ones, '
    'in the same order, in each round: both follow from --seed and the client.',
    lower_bound=1,
  ),
  'partition': flags.DEFINE_enum(
    'partition',
    None,
    ['iid', 'dirichlet'],
    'How clients share the data: alike, or each with other labels.',
  ),
  'num_clients': flags.DEFINE_integer(
    'num_clients', None, 'Clients that share the data.', lower_bound=1
  ),
  'dirichlet_alpha': flags.DEFINE_float(
    'dirichlet_alpha', None, 'How alike clients are, with a dirichlet partition'
  ),
  'only_digits': flags.DEFINE_bool(
    'only_digits', None, 'Whether to use only the digits of EMNIST.'
  ),
  'vocab_size': flags.DEFINE_integer(
    'vocab_size',
    None,
    'Tokens that a model of text knows, the most frequent ones.',
    lower_bound=1,
  ),
  'token_model': flags.DEFINE_enum(
    'token_model',
    None,
    ['transformer', 'lstm'],
    'Which model predicts the next token.',
  ),
  'ffn_dim': flags.DEFINE_integer(
    'ffn_dim',
    None,
    "Units of the Transformer's feed-forward network.",
    lower_bound=1,
  ),
  'feature_width': flags.DEFINE_integer(
    'feature_width',
    None,
    'Numbers of an example with many features: more are hashed.',
    lower_bound=1,
  ),
  'hidden_width': flags.DEFINE_integer(
    'hidden_width',
    None,
    'Units of each hidden layer of the model of many labels.',
    lower_bound=1,
  ),
  'frequent_share': flags.DEFINE_float(
    'frequent_share',
    None,
    'The share of the examples that have a frequent class, at least. All '
    'examples of such a class are with one client.',
  ),
}

for _positive_flag in ('dirichlet_alpha', 'frequent_share'):
  flags.register_validator(
    _positive_flag, usage.positive, 'Expected a positive number.'
  )
flags.adopt_module_key_flags(common_flags)
flags.adopt_module_key_flags(methods)
flags.adopt_module_key_flags(optimizers)
flags.adopt_module_key_flags(sampling)


def main() -> int:
  """Trains as the flags say; returns the exit code."""
  usage.check_given(_TASK, _METHOD, common_flags.OUTPUT_DIR)
  methods.check_flags(_METHOD.value)
  optimizers.check_flags()
  sampling.check_flags()
  directory = run_directory.RunDirectory(
    common_flags.OUTPUT_DIR.value, _configuration()
  )
  _check_rounds(run_store.saved_rounds(directory))
  summary = directory.read_summary()
  if summary is not None:
    _check_rounds(summary['rounds'])
  if _DRY_RUN.value:
    return 0
  if summary is None or summary['rounds'] < common_flags.ROUNDS.value:
    try:
      with stop_signals.StopSignals() as stop:
        summary = _train(directory, stop)
    except stop_signals.Stopped as e:
      print(
        f'train: stopped by {e}; the same command resumes.', file=sys.stderr
      )
      return e.exit_code
  reporting.print_summary(summary)
  return 0


def _check_rounds(completed_rounds: int) -> None:
  if completed_rounds > common_flags.ROUNDS.value:
    raise usage.UsageError(
      f'Expected --rounds of at least {completed_rounds}, as many as '
      f'--output_dir={common_flags.OUTPUT_DIR.value} has, found '
      f'{common_flags.ROUNDS.value}; choose another directory for fewer.'
    )


def _configuration() -> dict[str, object]:
  """All that results depend on, the number of rounds aside."""
  holders = [
    _TASK,
    _METHOD,
    _SEED,
    *sampling.flags_in_use(),
    _ROUNDS_PER_EVALUATION,
    *optimizers.flags_in_use(),
    *_TASK_OPTIONS.values(),
    *methods.METHODS[_METHOD.value].own_flags,
  ]
  return {holder.name: holder.value for holder in holders}


def _train(
  directory: run_directory.RunDirectory, stop: stop_signals.StopSignals
) -> dict[str, object]:
  """Trains, writes all results, and returns their summary."""
  client_states = composers.ClientStateStore(directory.file('client_states'))
  with stop.interruptible():
    experiment = _build_experiment(client_states)
  directory.claim()
  has_client_states = isinstance(
    experiment.process, composers.StoredClientStates
  )
  store = run_store.RunStore(
    directory, client_states if has_client_states else None
  )
  schedule = training_loop.Schedule(
    common_flags.ROUNDS.value,
    _ROUNDS_PER_EVALUATION.value,
    _ROUNDS_PER_CHECKPOINT.value,
  )
  with reporting.Progress(schedule.rounds) as progress:
    state = asyncio.run(
      training_loop.train(
        experiment,
        schedule,
        store,
        stop,
        lambda state, is_evaluated: progress.update(
          int(state.round_num),
          state.metrics,
          int(state.uplink_bytes),
          is_evaluated,
        ),
      )
    )
  _check_rounds(int(state.round_num))
  store.write_weights(experiment.process.get_model_weights(state.server_state))
  summary = {
    'task': _TASK.value,
    'method': _METHOD.value,
    'rounds': int(state.round_num),
    'metrics': {name: float(value) for name, value in state.metrics.items()},
    'uplink_bytes': int(state.uplink_bytes),
    'downlink_bytes': int(state.downlink_bytes),
    'seconds': float(state.seconds),
  }
  directory.write_summary(summary)
  return summary


def _build_experiment(
  client_states: composers.ClientStateStore,
) -> training_loop.Experiment:
  """Builds what the flags ask for, before anything is written."""
  try:
    task = tasks.build_task(
      _TASK.value,
      data_dir=common_flags.DATA_DIR.value,
      cache_dir=common_flags.CACHE_DIR.value,
      seed=_SEED.value,
      options=tasks.TaskOptions(
        **{name: holder.value for name, holder in _TASK_OPTIONS.items()}
      ),
    )
    sample_clients = sampling.build_sampling_fn_from_flags(
      task.datasets.train_data.client_ids, _SEED.value
    )
    # After what may be refused, since it starts a worker, and says so.
    runtime.set_local_context(
      common_flags.DEVICE.value, common_flags.MAX_CONCURRENT_CLIENTS.value
    )
  except ValueError as e:
    raise usage.UsageError(str(e)) from e
  learning_process = methods.build_process(
    _METHOD.value,
    task,
    optimizers.build_client_optimizer(),
    optimizers.build_server_optimizer(),
    _SEED.value,
  )
  train_data = task.datasets.train_data.preprocess(
    task.datasets.train_preprocess_fn
  )
  return training_loop.Experiment(
    process=_run_on_ids(
      learning_process, train_data.dataset_computation, client_states
    ),
    sample_clients=sample_clients,
    count_bytes=_build_count_bytes(learning_process),
    evaluate=evaluation.build_evaluation_fn(task),
  )


def _run_on_ids(process, dataset_computation, client_states):
  """Returns the process with client ids in the place of their data."""
  if isinstance(process, composers.ClientStateProcess):
    return composers.StoredClientStates(
      process, dataset_computation, client_states
    )
  return tff.simulation.compose_dataset_computation_with_learning_process(
    dataset_computation, process
  )


def _build_count_bytes(process):
  """Returns `training_loop.Experiment.count_bytes` of a process."""
  if not isinstance(process, composers.ClientStateProcess):
    # Of what clients would get, where a simulation sends more.
    is_select = isinstance(process, composers.SelectProcess)
    next_fn = process.counted_next if is_select else process.next
    count = communication.build_round_bytes_fn(next_fn)
    return lambda _, metrics, num_clients: count(metrics, num_clients)
  build = functools.cache(communication.build_round_bytes_fn)
  return lambda round_num, metrics, num_clients: build(
    process.next_after(round_num - 1)
  )(metrics, num_clients)


if __name__ == '__main__':
  # Also where the flags are refused: what TFF's import made prints errors else.
  atexit.register(runtime.end_workers)
  usage.run(main)
