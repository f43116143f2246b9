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
"""Local training within an update space.

Konečný et al. (2016), section 2.
"""

import collections
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods import update_spaces
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.templates import client_salt
from tff_methods.templates import fed_avg
from tff_methods.templates import local_model


def build_structured_update_client_work(
  model_fn: local_model.Model,
  optimizer: tff.learning.optimizers.Optimizer,
  model_space: update_spaces.ModelSpace,
  *,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> tff.learning.templates.ClientWorkProcess:
  """Builds local training of a model restricted to an update space.

  A client draws a key, which fixes a linear map. It trains the map's
  parameters, zero at first: each batch's gradient at the weights `W +
  expand(parameters)` is pulled back to the parameters, from which the optimizer
  computes the next ones. So the optimizer's state, and its effects on weights
  (such as weight decay), concern the parameters. The model's own tensors are
  updated by the difference of each step, so no second copy of them is kept.

  `next: <S@SERVER, {ModelWeights}@CLIENTS, {B*}@CLIENTS> -> <state=S@SERVER,
  result={ClientResult}@CLIENTS, measurements=<train=M>@SERVER>`, the update of
  a client an `OrderedDict` of

  *   `key`: `int32[2]`, from which the map can be drawn again;
  *   `parameters`: a tuple of the parameters of all tensors, in the order of
      `model_space`, negated as TFF's updates are.

  If the parameters are not all finite, they are set to zero, and so are the
  weight and the metrics, as in TFF.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    optimizer: Optimizer of the parameters.
    model_space: Space of the updates of this model's trainable weights.
    client_weighting: Weights of the clients' updates: numbers of examples, or
      uniform.
    metrics_aggregator: Function from the model's metric finalizers to the
      aggregation of metrics; `tff.learning.metrics.sum_then_finalize` by
      default.
    loop_implementation: Loop over a client's batches. The default halves the
      time of a round, compared with TFF's default, `DATASET_REDUCE`.
    seed_source: Source of a client's key. `'reproducible'`: a fingerprint of
      its first batch, so that a repeated simulation gives the same bits.
      `'entropy'`: the operating system.
    base_seed: Seed of the process. Different seeds give independent keys.

  Returns:
    A `tff.learning.templates.ClientWorkProcess` with the hyperparameters of
    `optimizer`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If `seed_source` is not in `options.SEED_SOURCES`.
  """
  argument_checks.check_choice(
    'seed_source', seed_source, options_lib.SEED_SOURCES
  )
  salted = build_salted_structured_update_client_work(
    model_fn,
    optimizer,
    model_space,
    client_weighting=client_weighting,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
    base_seed=base_seed,
  )
  return client_salt.drawing_salts(salted, seed_source)


def build_salted_structured_update_client_work(
  model_fn: local_model.Model,
  optimizer: tff.learning.optimizers.Optimizer,
  model_space: update_spaces.ModelSpace,
  *,
  client_weighting: tff.learning.ClientWeighting,
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None,
  loop_implementation: tff.learning.LoopImplementation,
  base_seed: int,
) -> tff.learning.templates.ClientWorkProcess:
  """Builds local training in an update space drawn from clients' salts.

  Args:
    model_fn: See `build_structured_update_client_work`, also for the other
      arguments.
    optimizer: Optimizer of the parameters.
    model_space: Space of the updates of this model's trainable weights.
    client_weighting: Weights of the clients' updates.
    metrics_aggregator: Aggregation of metrics.
    loop_implementation: Loop over a client's batches.
    base_seed: Seed of the process.

  Returns:
    A salted client work: see `client_salt`.

  Raises:
    TypeError: If an argument is of a wrong type.
  """
  fed_avg.check_arguments(
    optimizer=optimizer,
    client_weighting=client_weighting,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )
  argument_checks.check_int('base_seed', base_seed)
  description = local_model.describe(model_fn)
  aggregate_metrics = (
    metrics_aggregator or tff.learning.metrics.sum_then_finalize
  )(description.metric_finalizers)
  server = _build_server_computations(
    optimizer,
    seeds.key(base_seed, int.from_bytes(b'structured_update')),
  )

  train = _build_train(
    model_fn,
    optimizer,
    model_space,
    server.to_clients.type_signature.result,
    description,
    client_weighting,
    loop_implementation,
  )

  @tff.federated_computation
  def init_fn():
    return tff.federated_eval(server.initial_state, tff.SERVER)

  @tff.federated_computation(
    init_fn.type_signature.result,
    tff.FederatedType(train.type_signature.parameter[1], tff.CLIENTS),
    tff.FederatedType(description.data_type, tff.CLIENTS),
  )
  def next_fn(state, salted_weights, client_data):
    from_server = tff.federated_broadcast(
      tff.federated_map(server.to_clients, state)
    )
    result, metrics = tff.federated_map(
      train, (from_server, salted_weights, client_data)
    )
    measurements = collections.OrderedDict(train=aggregate_metrics(metrics))
    return tff.templates.MeasuredProcessOutput(
      tff.federated_map(server.next_state, state),
      result,
      tff.federated_zip(measurements),
    )

  return tff.learning.templates.ClientWorkProcess(
    init_fn,
    next_fn,
    get_hparams_fn=server.get_hparams,
    set_hparams_fn=server.set_hparams,
  )


class _ServerComputations(NamedTuple):
  """Computations on the state, `S`, of the server.

  Attributes:
    initial_state: `( -> S)`.
    get_hparams: `(S -> H)`.
    set_hparams: `(<S, H> -> S)`.
    to_clients: `(S -> <H, int32[2]>)`, hyperparameters and the round's key.
    next_state: `(S -> S)`.
  """

  initial_state: tff.Computation
  get_hparams: tff.Computation
  set_hparams: tff.Computation
  to_clients: tff.Computation
  next_state: tff.Computation


def _build_server_computations(
  optimizer: tff.learning.optimizers.Optimizer, base_key: np.ndarray
) -> _ServerComputations:
  """Builds the computations on hyperparameters and the round number."""

  @tff.tensorflow.computation
  def initial_state():
    hparams = optimizer.get_hparams(optimizer.initialize(tf.TensorSpec([])))
    return collections.OrderedDict(
      hparams=hparams, round=tf.constant(0, tf.int32)
    )

  state_type = initial_state.type_signature.result

  @tff.tensorflow.computation(state_type)
  def get_hparams(state):
    return state['hparams']

  @tff.tensorflow.computation(state_type, state_type['hparams'])
  def set_hparams(state, hparams):
    return collections.OrderedDict(state, hparams=hparams)

  @tff.tensorflow.computation(state_type)
  def to_clients(state):
    return state['hparams'], seeds.fold_in(base_key, state['round'])

  @tff.tensorflow.computation(state_type)
  def next_state(state):
    return collections.OrderedDict(state, round=state['round'] + 1)

  return _ServerComputations(
    initial_state, get_hparams, set_hparams, to_clients, next_state
  )


def _build_train(
  model_fn: local_model.Model,
  optimizer: tff.learning.optimizers.Optimizer,
  model_space: update_spaces.ModelSpace,
  from_server_type: tff.Type,
  description: local_model.Description,
  client_weighting: tff.learning.ClientWeighting,
  loop_implementation: tff.learning.LoopImplementation,
) -> tff.Computation:
  """Builds the client's computation, to its result and its metrics."""

  @tff.tensorflow.computation(
    from_server_type,
    client_salt.salted_type(description.weights_type),
    description.data_type,
  )
  def train(from_server, salted_weights, dataset):
    hparams, round_key = from_server
    run = _build_training(
      local_model.build_local_model(model_fn),
      optimizer,
      model_space,
      tff.learning.loop_builder.build_training_loop(loop_implementation),
    )
    key = seeds.fold_salt(round_key, salted_weights['salt'])
    trained = run(key, hparams, salted_weights['weights'], dataset)
    return _client_result(key, trained, client_weighting), trained.metrics

  return train


class _Trained(NamedTuple):
  """Result of the local training of one client.

  Attributes:
    parameters: Negated parameters, zero if not all are finite.
    num_examples: `int64[]`, the number of examples.
    is_finite: `bool[]`, true if all parameters are finite.
    metrics: Unfinalized metrics of the model.
  """

  parameters: Any
  num_examples: tf.Tensor
  is_finite: tf.Tensor
  metrics: Any


def _client_result(
  key: tf.Tensor,
  trained: _Trained,
  client_weighting: tff.learning.ClientWeighting,
) -> tff.learning.templates.ClientResult:
  """Returns the update of a client and its weight."""
  weight = tf.constant(1.0)
  if client_weighting is tff.learning.ClientWeighting.NUM_EXAMPLES:
    weight = tf.cast(trained.num_examples, tf.float32)
  return tff.learning.templates.ClientResult(
    update=collections.OrderedDict(key=key, parameters=trained.parameters),
    update_weight=tf.where(trained.is_finite, weight, 0.0),
  )


def _build_training(
  model: local_model.LocalModel,
  optimizer: tff.learning.optimizers.Optimizer,
  model_space: update_spaces.ModelSpace,
  run_loop: Callable[..., Any],
) -> Callable[..., _Trained]:
  """Builds the local training of a client, given its key."""

  @tf.function
  def train(key, hparams, initial_weights, dataset):
    maps = model_space.draw(key)

    def first_state():
      optimizer_state = optimizer.set_hparams(
        optimizer.initialize(model_space.parameter_specs), hparams
      )
      return (
        model.start(initial_weights),
        model_space.zeros(),
        optimizer_state,
        tf.constant(0, tf.int64),
      )

    def train_on_batch(state, batch):
      carry, parameters, optimizer_state, num_examples = state
      outcome = model.gradients(carry, batch)
      gradients = tuple(
        m.pull_back(g) for m, g in zip(maps, outcome.gradients, strict=True)
      )
      optimizer_state, new_parameters = optimizer.next(
        optimizer_state, parameters, gradients
      )
      step = tf.nest.map_structure(tf.subtract, new_parameters, parameters)
      carry = model.apply_step(outcome.carry, maps, step)
      num_examples += outcome.num_examples
      return carry, new_parameters, optimizer_state, num_examples

    carry, parameters, _, num_examples = run_loop(
      train_on_batch, dataset, first_state
    )
    zeroed, has_non_finite = (
      tff.learning.tensor_utils.zero_all_if_any_non_finite(
        # Negated, as updates are in TFF: the server subtracts them.
        tf.nest.map_structure(tf.negative, parameters)
      )
    )
    is_finite = tf.equal(has_non_finite, 0)
    metrics = model.unfinalized_metrics(carry, is_finite)
    return _Trained(zeroed, num_examples, is_finite, metrics)

  return train
