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
"""Salts of clients, and client works that take them.

A client's salt, `int32[2]`, makes its random choices differ from those of other
clients. It is a fingerprint of the client's first batch and, where there are
client ids, of its id: data that no kernel has touched, so that all processors
and runtimes draw the same.

A salted client work is a `tff.learning.templates.ClientWorkProcess` with `next:
<S@SERVER, {<W, salt=int32[2]>}@CLIENTS, {B*}@CLIENTS> -> ...`.
"""

import collections
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods.common import seeds

SALT_TYPE = tff.TensorType(np.int32, [2])


def build_client_salt(
  data_type: tff.SequenceType, seed_source: str
) -> tff.Computation:
  """Builds `(B* -> int32[2])`, the salt of a client without an id.

  Args:
    data_type: Type of a client's data set, `B*`.
    seed_source: One of `options.SEED_SOURCES`.
  """

  @tff.tensorflow.computation(data_type)
  def client_salt(dataset):
    return _first_batch_salt(dataset, seed_source)

  return client_salt


def add_ids(salts: Any, client_ids: Any) -> Any:
  """Returns the salts of clients with ids, all at CLIENTS."""
  return tff.federated_map(_add_id, (salts, client_ids))


@tff.tensorflow.computation(SALT_TYPE, np.str_)
def _add_id(salt, client_id):
  return seeds.fold_salt(salt, seeds.client_salt(client_id, 'reproducible'))


@tf.function
def _first_batch_salt(dataset: tf.data.Dataset, seed_source: str) -> tf.Tensor:
  """Returns a client's salt, from its first batch if it has any."""
  # A sixth of the time that `dataset.take(1).reduce` takes.
  first = iter(dataset).get_next_as_optional()
  return tf.cond(
    first.has_value(),
    lambda: seeds.client_salt(first.get_value(), seed_source),
    lambda: tf.constant(seeds.NO_SALT),
  )


def with_salt(
  client_work: tff.learning.templates.ClientWorkProcess,
) -> tff.learning.templates.ClientWorkProcess:
  """Returns a salted client work, from one that draws no random numbers.

  Its updates are `<salt=int32[2], value=V>`, with `V` those of `client_work`.

  Args:
    client_work: Client work, such as those of `tff.learning.templates`.
  """
  state_type, weights_type, data_type = (
    client_work.next.type_signature.parameter
  )
  result_type = client_work.next.type_signature.result.result.member

  @tff.tensorflow.computation(result_type, SALT_TYPE)
  def add_salt(result, salt):
    return tff.learning.templates.ClientResult(
      update=collections.OrderedDict(salt=salt, value=result.update),
      update_weight=result.update_weight,
    )

  @tff.federated_computation(
    state_type,
    tff.FederatedType(salted_type(weights_type.member), tff.CLIENTS),
    data_type,
  )
  def next_fn(state, salted_weights, client_data):
    output = client_work.next(state, salted_weights[0], client_data)
    return tff.templates.MeasuredProcessOutput(
      output.state,
      tff.federated_map(add_salt, (output.result, salted_weights['salt'])),
      output.measurements,
    )

  return _like(client_work, next_fn)


def drawing_salts(
  client_work: tff.learning.templates.ClientWorkProcess, seed_source: str
) -> tff.learning.templates.ClientWorkProcess:
  """Returns a client work that makes the salts of a salted one.

  Args:
    client_work: Salted client work.
    seed_source: One of `options.SEED_SOURCES`.
  """
  state_type, salted_type, data_type = client_work.next.type_signature.parameter
  client_salt = build_client_salt(data_type.member, seed_source)

  @tff.federated_computation(
    state_type,
    tff.FederatedType(salted_type.member[0], tff.CLIENTS),
    data_type,
  )
  def next_fn(state, weights, client_data):
    salts = tff.federated_map(client_salt, client_data)
    return client_work.next(state, zip_salts(weights, salts), client_data)

  return _like(client_work, next_fn)


def zip_salts(weights: Any, salts: Any) -> Any:
  """Returns the second argument of a salted client work, `<W, salt>`."""
  return tff.federated_zip(collections.OrderedDict(weights=weights, salt=salts))


def salted_type(weights_type: tff.Type) -> tff.Type:
  """Returns the type `<W, salt>` of weights with a salt."""
  return tff.types.to_type(
    collections.OrderedDict(weights=weights_type, salt=SALT_TYPE)
  )


def _like(
  client_work: tff.learning.templates.ClientWorkProcess, next_fn: Any
) -> tff.learning.templates.ClientWorkProcess:
  """Returns a client work with another `next`."""
  return tff.learning.templates.ClientWorkProcess(
    client_work.initialize,
    next_fn,
    get_hparams_fn=client_work.get_hparams,
    set_hparams_fn=client_work.set_hparams,
  )
