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
"""Local training within a space of updates (Konecny et al. 2016, section 2)."""

import collections

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods import update_spaces
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.templates import local_model


def build_structured_update_client_work(
  model_fn: local_model.Model,
  optimizer: tff.learning.optimizers.Optimizer,
  model_space: update_spaces.ModelSpace,
  *,
  client_weighting=tff.learning.ClientWeighting.NUM_EXAMPLES,
  metrics_aggregator=None,
  loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> tff.learning.templates.ClientWorkProcess:
  """Builds local training that moves a model within a space only.

  A client draws a key, which fixes a linear map. It trains the map's
  parameters, zero at first: each batch's gradient at the weights `W +
  expand(parameters)` is pulled back to the parameters, of which the optimizer
  makes the next ones. So the optimizer's state, and what it does to weights
  (their decay, say), is of and to the parameters. The model's own tensors are
  moved by each step's difference, so that no second copy of them is kept.

  `next: <S@SERVER, {ModelWeights}@CLIENTS, {B*}@CLIENTS> -> <state=S@SERVER,
  result={ClientResult}@CLIENTS, measurements=<train=M>@SERVER>`, the update of
  a client an `OrderedDict` of

  *   `key`: `int32[2]`, by which the map can be drawn again;
  *   `parameters`: a tuple of the (negated, as TFF's updates are) parameters of
      all tensors, in the order of `model_space`.

  If they are not all finite they are zeroed, and weight and metrics with them,
  as TFF does.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    optimizer: Of the parameters.
    model_space: The space of the updates of this model's trainable weights.
    client_weighting: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    metrics_aggregator: As there.
    loop_implementation: As there.
    seed_source: Where a client's key comes from. `'reproducible'`: a
      fingerprint of its first batch, so that a simulation run again gives the
      same bits. `'entropy'`: the operating system.
    base_seed: Another seed gives other keys.

  Returns:
    A `tff.learning.templates.ClientWorkProcess` with the hyperparameters of
    `optimizer`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If `seed_source` is out of range.
  """
  if not isinstance(client_weighting, tff.learning.ClientWeighting):
    raise TypeError(
      'Expected a tff.learning.ClientWeighting, found '
      f'{type(client_weighting).__name__}.'
    )
  if not isinstance(optimizer, tff.learning.optimizers.Optimizer):
    raise TypeError(
      'Expected a tff.learning.optimizers.Optimizer for clients, found '
      f'{type(optimizer).__name__}: build it with tff.learning.optimizers.'
    )
  argument_checks.check_int('base_seed', base_seed)
  argument_checks.check_choice(
    'seed_source', seed_source, options_lib.SEED_SOURCES
  )
  base_key = seeds.key(base_seed, int.from_bytes(b'structured_update'))
  description = local_model.describe(model_fn)
  aggregate_metrics = (
    metrics_aggregator or tff.learning.metrics.sum_then_finalize
  )(description.metric_finalizers)

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

  @tff.tensorflow.computation(
    to_clients.type_signature.result,
    description.weights_type,
    description.data_type,
  )
  def train(from_server, initial_weights, dataset):
    hparams, round_key = from_server
    run = _build_training(
      local_model.build_local_model(model_fn),
      optimizer,
      model_space,
      tff.learning.loop_builder.build_training_loop(loop_implementation),
    )
    key = _draw_key(round_key, dataset, seed_source)
    parameters, num_examples, is_finite, metrics = run(
      key, hparams, initial_weights, dataset
    )
    weight = tf.constant(1.0)
    if client_weighting is tff.learning.ClientWeighting.NUM_EXAMPLES:
      weight = tf.cast(num_examples, tf.float32)
    result = tff.learning.templates.ClientResult(
      update=collections.OrderedDict(key=key, parameters=parameters),
      update_weight=tf.where(is_finite, weight, 0.0),
    )
    return result, metrics

  @tff.federated_computation
  def init_fn():
    return tff.federated_eval(initial_state, tff.SERVER)

  @tff.federated_computation(
    init_fn.type_signature.result,
    tff.FederatedType(description.weights_type, tff.CLIENTS),
    tff.FederatedType(description.data_type, tff.CLIENTS),
  )
  def next_fn(state, weights, client_data):
    from_server = tff.federated_broadcast(tff.federated_map(to_clients, state))
    result, metrics = tff.federated_map(
      train, (from_server, weights, client_data)
    )
    measurements = collections.OrderedDict(train=aggregate_metrics(metrics))
    return tff.templates.MeasuredProcessOutput(
      tff.federated_map(next_state, state),
      result,
      tff.federated_zip(measurements),
    )

  return tff.learning.templates.ClientWorkProcess(
    init_fn, next_fn, get_hparams_fn=get_hparams, set_hparams_fn=set_hparams
  )


@tf.function
def _draw_key(round_key, dataset, seed_source):
  """Returns the key of a client, by its first batch if it has any."""
  # A sixth of the time that `dataset.take(1).reduce` takes.
  first = iter(dataset).get_next_as_optional()
  return tf.cond(
    first.has_value(),
    lambda: seeds.client_key(round_key, first.get_value(), seed_source),
    lambda: round_key,
  )


def _build_training(model, optimizer, model_space, run_loop):
  """Builds what a client does once it has a key."""

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
      optimizer_state, moved = optimizer.next(
        optimizer_state, parameters, gradients
      )
      step = tf.nest.map_structure(tf.subtract, moved, parameters)
      carry = model.move(outcome.carry, maps, step)
      num_examples += outcome.num_examples
      return carry, moved, optimizer_state, num_examples

    carry, parameters, _, num_examples = run_loop(
      train_on_batch, dataset, first_state
    )
    zeroed, has_non_finite = (
      tff.learning.tensor_utils.zero_all_if_any_non_finite(
        # Negated, as updates are in TFF: what the server subtracts.
        tf.nest.map_structure(tf.negative, parameters)
      )
    )
    is_finite = tf.equal(has_non_finite, 0)
    metrics = model.unfinalized_metrics(carry, is_finite)
    return zeroed, num_examples, is_finite, metrics

  return train
