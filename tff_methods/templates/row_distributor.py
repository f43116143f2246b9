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
"""Distribution of the part of a row model that each client needs."""

import collections
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import models
from tff_methods import options as options_lib
from tff_methods import retrieval
from tff_methods.common import argument_checks
from tff_methods.common import seeds
from tff_methods.templates import client_salt
from tff_methods.templates import local_model
from tff_methods.templates import row_retrieval


class RowDistributionProcess(tff.templates.MeasuredProcess):
  """Distribution process that depends on the clients' data.

  `next: (<S@SERVER, V@SERVER, {B*}@CLIENTS> -> <state=S@SERVER,
  result={W}@CLIENTS, measurements=M@SERVER>)`, with `V` the weights of the full
  model and `W` those of its sub-model. (A
  `tff.learning.templates.DistributionProcess` does not receive the data.)

  In `next`, clients with the same data draw the same random rows. In
  `next_with_ids` their ids make them differ.
  """

  def __init__(
    self,
    initialize_fn: tff.Computation,
    next_fn: tff.Computation,
    *,
    select_next_fn: tff.Computation | None = None,
    next_with_ids_fn: tff.Computation | None = None,
  ) -> None:
    """Initializes the process.

    Args:
      initialize_fn: Computation `( -> S@SERVER)`.
      next_fn: Computation of the type of `next`, above.
      select_next_fn: Computation with the type signature and result of
        `next_fn` that uses `tff.federated_select`; by default `next_fn`.
      next_with_ids_fn: Computation of the type of `next_with_ids`; by default
        `next_fn`, without a use of the ids.
    """
    super().__init__(initialize_fn, next_fn, next_is_multi_arg=True)
    self._select_next_fn = select_next_fn or next_fn
    self._next_with_ids_fn = next_with_ids_fn or _ignoring_ids(next_fn)

  @property
  def select_next(self) -> tff.Computation:
    """The `next` that uses `tff.federated_select`, whose bytes count."""
    return self._select_next_fn

  @property
  def next_with_ids(self) -> tff.Computation:
    """`next` whose fourth argument are client ids, `{str}@CLIENTS`."""
    return self._next_with_ids_fn


def build_class_sampling_distributor(
  row_model: models.RowModel,
  num_candidates: int,
  *,
  num_input_rows: Mapping[str, int] | None = None,
  with_negatives: bool = True,
  retrieval_mode: str = 'select',
  downlink: options_lib.DownlinkOptions | None = None,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> RowDistributionProcess:
  """Builds the distribution of FedSS: each client's classes, and random others.

  In a round:

  1.  The server broadcasts the key of the round and the body.
  2.  Each client samples candidates: its own classes, and random others. Of an
      input table, they are the ids in its data.
  3.  It sends their keys, and receives their rows.

  Measurements of a round: with `downlink` `payload_bytes_per_client`, the bytes
  of body and rows that a client receives; with input tables
  `num_missing_input_rows`, the ids in the clients' data beyond
  `num_input_rows`, whose rows they do not receive, as a sum over clients and
  tables. Otherwise there are none.

  Args:
    row_model: Model of the server.
    num_candidates: Number of rows that each client receives, the paper's `|S|`.
    num_input_rows: Number of rows of each input table that each client
      receives, by name. Padding fills up; of more ids in its data a client
      takes a random subset, drawn again in each round.
    with_negatives: If true, random other classes fill up; otherwise padding
      does.
    retrieval_mode: `'select'` or `'broadcast'`: see `build_row_retrieval`.
    downlink: Quantization of body and rows; `None` for none.
    seed_source: Source of a client's random choices. `'reproducible'`: a
      fingerprint of its first batch (in `next_with_ids`, also of its id), so
      that a repeated simulation gives the same bits. `'entropy'`: the operating
      system.
    base_seed: Seed of the process. Different seeds give independent choices.

  Returns:
    A `RowDistributionProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  base_seed = argument_checks.check_int('base_seed', base_seed)
  argument_checks.check_choice(
    'seed_source', seed_source, options_lib.SEED_SOURCES
  )
  base_key = seeds.key(base_seed, int.from_bytes(b'class_sampling'))
  full = local_model.describe(row_model.full_model())
  initial_state, next_state, to_round_key = _build_round_counter(base_key)
  num_rows = row_model.num_rows_of_tables(num_candidates, num_input_rows)

  @tff.tensorflow.computation(
    to_round_key.type_signature.result, full.data_type
  )
  def sample(round_key, dataset):
    key, (*of_inputs, classes) = key_and_own_rows(
      row_model, round_key, dataset, seed_source
    )
    inputs, num_missing = _input_candidates(row_model, key, of_inputs, num_rows)
    candidates = retrieval.sample_candidates(
      key,
      classes,
      row_model.num_classes,
      num_candidates,
      with_negatives=with_negatives,
    )
    return (*inputs, candidates), num_missing

  @tff.federated_computation
  def init_fn():
    return tff.federated_eval(initial_state, tff.SERVER)

  def build_distribute(mode):
    retrieve = row_retrieval.build_row_retrieval(
      row_model, num_rows, mode, downlink
    )

    def distribute(state, weights, client_data, client_ids):
      round_key = tff.federated_map(to_round_key, state)
      candidates, num_missing = tff.federated_map(
        sample, (broadcast_key(round_key, client_ids), client_data)
      )
      sub_weights, measurements = retrieve(weights, round_key, candidates)
      if row_model.input_tables:
        measurements = _with_missing_rows(measurements, num_missing)
      return tff.templates.MeasuredProcessOutput(
        tff.federated_map(next_state, state), sub_weights, measurements
      )

    return distribute

  return build_process(init_fn, full, build_distribute, retrieval_mode)


def _input_candidates(
  row_model: models.RowModel,
  key: tf.Tensor,
  ids: Sequence[tf.Tensor],
  num_rows: Sequence[int],
) -> tuple[list[models.Candidates], tf.Tensor]:
  """Returns candidates of each input table, and the number of ids beyond."""
  candidates, num_missing = [], tf.constant(0, tf.int64)
  for i, of_table in enumerate(ids):
    num_all, _ = list(row_model.table_shapes.values())[i]
    candidates.append(
      retrieval.sample_candidates(
        # The output draws from 0 and 1.
        seeds.fold_in(key, 2 + i),
        of_table,
        num_all,
        num_rows[i],
        with_negatives=False,
      )
    )
    num_beyond = tf.maximum(tf.size(of_table) - num_rows[i], 0)
    num_missing += tf.cast(num_beyond, tf.int64)
  return candidates, num_missing


def _with_missing_rows(measurements, num_missing):
  """Adds the missing rows to measurements, inside a federated computation."""
  added = collections.OrderedDict()
  for name, _ in tff.structure.iter_elements(
    measurements.type_signature.member
  ):
    added[name] = measurements[name]
  added['num_missing_input_rows'] = tff.federated_sum(num_missing)
  return tff.federated_zip(added)


def _build_round_counter(
  base_key: np.ndarray,
) -> tuple[tff.Computation, tff.Computation, tff.Computation]:
  """Builds the initial state, the next state, and the key of a round."""

  @tff.tensorflow.computation
  def initial_state():
    return collections.OrderedDict(round=tf.constant(0, tf.int32))

  state_type = initial_state.type_signature.result

  @tff.tensorflow.computation(state_type)
  def next_state(state):
    return collections.OrderedDict(round=state['round'] + 1)

  @tff.tensorflow.computation(state_type)
  def to_round_key(state):
    return seeds.fold_in(base_key, state['round'])

  return initial_state, next_state, to_round_key


def build_process(
  init_fn: tff.Computation,
  full: local_model.Description,
  build_distribute: Callable[[str], Callable[..., Any]],
  retrieval_mode: str,
) -> RowDistributionProcess:
  """Builds the process, with and without client ids and `tff.federated_select`.

  Args:
    init_fn: Computation `( -> S@SERVER)`.
    full: Description of the full model.
    build_distribute: Function from a retrieval mode to a function of state,
      weights, client data and client ids (or `None`) to the output of `next`,
      to be called inside a federated computation.
    retrieval_mode: Retrieval mode of the process.
  """
  arguments = (
    init_fn.type_signature.result,
    tff.FederatedType(full.weights_type, tff.SERVER),
    tff.FederatedType(full.data_type, tff.CLIENTS),
  )

  def build_next(distribute):
    return tff.federated_computation(
      lambda state, weights, data: distribute(state, weights, data, None),
      arguments,
    )

  distribute = build_distribute(retrieval_mode)
  is_select = retrieval_mode == 'select'
  return RowDistributionProcess(
    init_fn,
    build_next(distribute),
    select_next_fn=None
    if is_select
    else build_next(build_distribute('select')),
    next_with_ids_fn=tff.federated_computation(
      distribute, (*arguments, tff.FederatedType(np.str_, tff.CLIENTS))
    ),
  )


def broadcast_key(round_key: Any, client_ids: Any) -> Any:
  """Returns the key of the round at CLIENTS, folded with each client's id.

  Args:
    round_key: `int32[2]@SERVER`.
    client_ids: `{str}@CLIENTS`; `None` for the same key at all clients.
  """
  keys = tff.federated_broadcast(round_key)
  return keys if client_ids is None else client_salt.add_ids(keys, client_ids)


def _ignoring_ids(next_fn: tff.Computation) -> tff.Computation:
  """Returns `next` with client ids as another argument, which it ignores."""
  return tff.federated_computation(
    lambda state, weights, data, _: next_fn(state, weights, data),
    (
      *next_fn.type_signature.parameter,
      tff.FederatedType(np.str_, tff.CLIENTS),
    ),
  )


def key_and_own_rows(
  row_model: models.RowModel,
  round_key: tf.Tensor,
  dataset: tf.data.Dataset,
  seed_source: str,
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
  """Returns a client's key, by its first batch, and the rows that it needs.

  Both in one pass: to start an iteration over a client's data costs more than
  the iteration.

  Args:
    row_model: Model of the server.
    round_key: `int32[2]`, of the round and, where there are ids, of the client.
    dataset: The client's batches.
    seed_source: One of `options.SEED_SOURCES`.

  Returns:
    `int32[2]`, and `int64[?]`, distinct, of each table; the last are classes.
  """
  sizes = [num_rows for num_rows, _ in row_model.table_shapes.values()]
  nouns = [
    *((f'{name} ids', 'rows') for name in row_model.input_tables),
    ('labels', 'classes'),
  ]

  @tf.function
  def collect():
    key, is_first = round_key, tf.constant(True)
    rows = tuple(tf.zeros([0], tf.int64) for _ in sizes)
    # `for batch in dataset` would loop in an op of its own, ten times slower.
    for batch in iter(dataset):
      tf.autograph.experimental.set_loop_options(
        shape_invariants=[(rows, tuple(tf.TensorShape([None]) for _ in sizes))]
      )
      if is_first:
        key = seeds.client_key(round_key, batch, seed_source)
      is_first = tf.constant(False)
      rows = tuple(
        retrieval.distinct_classes(
          tf.concat([known, new], 0), size, noun=noun, noun_of_rows=noun_of_rows
        )
        for known, new, size, (noun, noun_of_rows) in zip(
          rows, row_model.keys_in(batch), sizes, nouns, strict=True
        )
      )
    return key, rows

  return collect()
