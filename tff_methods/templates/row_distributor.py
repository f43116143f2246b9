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
"""Processes that send each client the part of a row model that it asks for."""

import collections

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval
from tff_methods import templates
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.templates import row_retrieval


class RowDistributionProcess(tff.templates.MeasuredProcess):
  """A distribution that sees the clients' data.

  `next: (<S@SERVER, V@SERVER, {B*}@CLIENTS> -> <state=S@SERVER,
  result={W}@CLIENTS, measurements=M@SERVER>)`, `V` the weights of the full
  model and `W` those of its sub-model. (A
  `tff.learning.templates.DistributionProcess` does not see the data.)
  """

  def __init__(
    self,
    initialize_fn: tff.Computation,
    next_fn: tff.Computation,
    *,
    select_next_fn: tff.Computation | None = None,
  ):
    """Initializes the process.

    Args:
      initialize_fn: `( -> S@SERVER)`.
      next_fn: See above.
      select_next_fn: Computation with the type signature and result of
        `next_fn` that uses `tff.federated_select`; by default `next_fn`.
    """
    super().__init__(initialize_fn, next_fn, next_is_multi_arg=True)
    self._select_next_fn = select_next_fn or next_fn

  @property
  def select_next(self) -> tff.Computation:
    """The `next` that uses `tff.federated_select`, whose bytes count."""
    return self._select_next_fn


def build_class_sampling_distributor(
  row_model: models.RowModel,
  num_candidates: int,
  *,
  with_negatives: bool = True,
  retrieval_mode: str = 'select',
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> RowDistributionProcess:
  """Builds the distribution of FedSS: each client's classes, and random others.

  Args:
    row_model: The model.
    num_candidates: The rows that each client gets, the paper's `|S|`.
    with_negatives: Whether random others fill up, or padding.
    retrieval_mode: As in `build_row_retrieval`.
    seed_source: Where a client's own random choices come from.
      `'reproducible'`: a fingerprint of its first batch, so that a simulation
      run again gives the same bits. `'entropy'`: the operating system.
    base_seed: Another seed gives other random choices.

  Returns:
    A `RowDistributionProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  argument_checks.check_int('base_seed', base_seed)
  argument_checks.check_choice(
    'seed_source', seed_source, options_lib.SEED_SOURCES
  )
  base_key = seeds.key(base_seed, int.from_bytes(b'class_sampling'))
  full = templates.describe(row_model.full_model())

  @tff.tensorflow.computation
  def initial_state():
    return collections.OrderedDict(round=tf.constant(0, tf.int32))

  state_type = initial_state.type_signature.result

  @tff.tensorflow.computation(state_type)
  def to_round_key(state):
    return seeds.fold_in(base_key, state['round'])

  @tff.tensorflow.computation(state_type)
  def next_state(state):
    return collections.OrderedDict(round=state['round'] + 1)

  @tff.tensorflow.computation(
    to_round_key.type_signature.result, full.data_type
  )
  def choose(round_key, dataset):
    key, classes = key_and_classes(row_model, round_key, dataset, seed_source)
    return retrieval.sample_candidates(
      key,
      classes,
      row_model.num_classes,
      num_candidates,
      with_negatives=with_negatives,
    )

  @tff.federated_computation
  def init_fn():
    return tff.federated_eval(initial_state, tff.SERVER)

  def build_next(mode):
    retrieve = row_retrieval.build_row_retrieval(
      row_model, num_candidates, mode
    )

    @tff.federated_computation(
      init_fn.type_signature.result,
      tff.FederatedType(full.weights_type, tff.SERVER),
      tff.FederatedType(full.data_type, tff.CLIENTS),
    )
    def next_fn(state, weights, client_data):
      round_key = tff.federated_broadcast(
        tff.federated_map(to_round_key, state)
      )
      candidates = tff.federated_map(choose, (round_key, client_data))
      return tff.templates.MeasuredProcessOutput(
        tff.federated_map(next_state, state),
        retrieve(weights, candidates),
        tff.federated_value((), tff.SERVER),
      )

    return next_fn

  next_fn = build_next(retrieval_mode)
  return RowDistributionProcess(
    init_fn,
    next_fn,
    select_next_fn=(
      next_fn if retrieval_mode == 'select' else build_next('select')
    ),
  )


def key_and_classes(row_model, round_key, dataset, seed_source):
  """Returns a client's key, by its first batch, and the classes it needs.

  In one pass: to begin to read a client's data costs more than to read it.
  """

  @tf.function
  def collect():
    key, classes = round_key, tf.zeros([0], tf.int64)
    # A loop over the data set itself would run inside it, ten times as long.
    for batch in iter(dataset):
      tf.autograph.experimental.set_loop_options(
        shape_invariants=[(classes, tf.TensorShape([None]))]
      )
      if tf.equal(tf.size(classes), 0):
        key = seeds.client_key(round_key, batch, seed_source)
      classes = retrieval.distinct_classes(
        tf.concat([classes, row_model.classes_in(batch)], 0),
        row_model.num_classes,
      )
    return key, classes

  return collect()
