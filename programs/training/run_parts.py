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
"""Parts of a training run, built from its checked flags."""

from collections.abc import Callable, Mapping
import dataclasses
from typing import NamedTuple

import tensorflow as tf
import tensorflow_federated as tff

from programs.command_line import execution
from programs.command_line import runner
from programs.command_line import task_flags
from programs.methods import method_flags
from programs.methods import registry
from programs.runs import saved_weights
from programs.training import data_source
from programs.training import early_stopping
from programs.training import evaluation
from programs.training import evaluation_data
from programs.training import federated_evaluation
from programs.training import initial_weights
from programs.training import lost_updates
from programs.training import model_export
from programs.training import processes
from programs.training import program_logic
from programs.training import run_privacy
from programs.training import sampling
from programs.training import weights_format
from tff_methods import simulation


@dataclasses.dataclass(frozen=True)
class Request:
  """Checked flags of a run.

  Attributes:
    choice: Method, its options, and its downlink.
    rounds: Number of rounds.
    rounds_per_evaluation: Rounds between two evaluations.
    rounds_per_checkpoint: Rounds between two checkpoints.
    configuration: Everything that the results depend on, the number of rounds
      aside.
    measures_client: If true, `summary.json` also has `client_seconds`, the time
      of one client.
  """

  choice: method_flags.Choice
  rounds: int
  rounds_per_evaluation: int
  rounds_per_checkpoint: int
  configuration: Mapping[str, object]
  measures_client: bool = False


class Parts(NamedTuple):
  """Parts of a run that its request determines.

  Attributes:
    process: Process to train.
    data_source: Source of the clients of each round.
    num_clients: Number of clients of the task, from which rounds sample.
    evaluate: Evaluation of the model.
    schedule: Rounds, evaluations and checkpoints.
    privacy: Privacy of the run.
    count_batches: Function from a client id to the number of its batches.
    initial_weights: Weights to start from; `None` for those of the process.
    weights_format: Names of the weights in files.
    export: Exporter of the trained model; `None` if it cannot be saved.
  """

  process: simulation.ClientIdProcess
  data_source: tff.program.FederatedDataSource
  num_clients: int
  evaluate: evaluation.Evaluation | federated_evaluation.FederatedEvaluation
  schedule: program_logic.Schedule
  privacy: run_privacy.RunPrivacy
  count_batches: Callable[[str], int]
  initial_weights: tff.learning.models.ModelWeights | None
  weights_format: saved_weights.WeightsFormat
  export: model_export.ModelExport | None


def build(
  request: Request,
  task: tff.simulation.baselines.BaselineTask,
  client_states: simulation.ClientStateStore,
) -> Parts:
  """Builds the parts of a run; writes nothing.

  Args:
    request: Checked flags.
    task: The task.
    client_states: Store of the states of clients.

  Returns:
    The parts. The default context is then that of the run.

  Raises:
    UsageError: If the request cannot be carried out.
  """
  method = registry.METHODS[request.choice.name]
  method.check_task(task, request.choice.options)
  datasets = evaluation_data.datasets_of(task)
  train_data = datasets.train_data
  training_ids, held_out_ids = evaluation_data.divide_clients(
    train_data.client_ids, task_flags.SEED.value
  )
  model_fn = method.build_evaluated_model_fn(task, request.choice.options)
  central = evaluation.Evaluation(
    task, model_fn, None if datasets is task.datasets else datasets
  )
  evaluate = central
  if held_out_ids:
    held_out = train_data.preprocess(datasets.eval_preprocess_fn)
    evaluate = federated_evaluation.FederatedEvaluation(
      central, model_fn, held_out, held_out_ids
    )
  schedule = program_logic.Schedule(
    request.rounds,
    request.rounds_per_evaluation,
    request.rounds_per_checkpoint,
    sampling.cohort_size_fn_from_flags(),
    early_stopping.from_flags(evaluate.metric_names),
  )
  model = central.model
  untrained = weights_format.current(model)
  num_weights = sum(array.size for array in untrained.trainable)
  privacy = _build_privacy(request, schedule, len(training_ids), num_weights)
  names = weights_format.of_model(
    model, method.constants(task, request.choice.options)
  )
  initial = initial_weights.load(names, untrained)
  export = model_export.build_or_report(
    task, model, method.build_outputs_fn(task, request.choice.options)
  )
  # Last of the steps that may refuse, since it starts a worker and says so.
  execution.set_context()
  preprocessed = train_data.preprocess(datasets.train_preprocess_fn)
  process = simulation.compose_client_id_process(
    processes.build_process(task, request.choice),
    preprocessed.dataset_computation,
    client_states,
  )
  _check_mergeable(process, evaluate)
  return Parts(
    process=process,
    data_source=data_source.SampledClientsDataSource(
      training_ids, privacy.cohort_seed(task_flags.SEED.value)
    ),
    num_clients=len(training_ids),
    evaluate=evaluate,
    schedule=schedule,
    privacy=privacy,
    count_batches=lost_updates.build_count_batches(preprocessed),
    initial_weights=initial and tff.learning.models.ModelWeights(*initial),
    weights_format=names,
    export=export,
  )


def _build_privacy(
  request: Request,
  schedule: program_logic.Schedule,
  num_clients: int,
  num_weights: int,
) -> run_privacy.RunPrivacy:
  """Builds the privacy of a run; refuses cohorts without a guarantee."""
  privacy = run_privacy.RunPrivacy(
    request.choice.options,
    schedule.cohort_size,
    num_clients=num_clients,
    num_weights=num_weights,
  )
  try:
    privacy.describe(request.rounds, request.rounds)
  except ValueError as e:
    raise runner.UsageError(str(e)) from e
  if privacy.has_noise:
    # The margins of clips do not cover its rounding.
    tf.config.experimental.enable_tensor_float_32_execution(False)
  return privacy


def _check_mergeable(
  process: simulation.ClientIdProcess,
  evaluate: evaluation.Evaluation | federated_evaluation.FederatedEvaluation,
) -> None:
  execution.check_mergeable(process.mergeable_next)
  if isinstance(evaluate, federated_evaluation.FederatedEvaluation):
    execution.check_mergeable(evaluate.next)
