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
"""Federated averaging with structured updates.

Konecny et al., "Federated Learning: Strategies for Improving Communication
Efficiency" (2016), section 2. A round is that of federated averaging, but each
client's update lives in a space of few dimensions from the start: the client
draws a key, trains the few parameters of the space that the key fixes, and
sends key and parameters. The server draws the space again, expands and averages
the updates, and takes a step. What the client trains is exactly what it sends,
unless the parameters are quantized on top, which the paper leaves untried.
"""

import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import encoders
from tff_methods import templates
from tff_methods import update_spaces


def build_random_mask_fed_avg(
  model_fn,
  client_optimizer_fn,
  server_optimizer_fn=None,
  *,
  fraction: float,
  min_elements: int = 256,
  **options,
) -> tff.learning.templates.LearningProcess:
  """Builds federated averaging of updates at random coordinates.

  Each client draws, each round, a part of the coordinates of each tensor, and
  trains only those. With `fraction=1.0` this is federated averaging.

  Args:
    model_fn: As in `build_structured_update_fed_avg`.
    client_optimizer_fn: As there.
    server_optimizer_fn: As there.
    fraction: The part of each tensor's coordinates that a client trains and
      sends, in (0, 1].
    min_elements: Tensors of fewer elements are trained and sent whole, and not
      quantized.
    **options: As there.

  Returns:
    A `tff.learning.templates.LearningProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  return build_structured_update_fed_avg(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn,
    update_space=update_spaces.RandomMask(fraction, min_elements=min_elements),
    min_elements=min_elements,
    **options,
  )


def build_low_rank_fed_avg(
  model_fn,
  client_optimizer_fn,
  server_optimizer_fn=None,
  *,
  rank: int | None = None,
  fraction: float | None = None,
  min_elements: int = 256,
  **options,
) -> tff.learning.templates.LearningProcess:
  """Builds federated averaging of updates of low rank.

  Each client draws, each round, the left factor of each matrix's update, and
  trains only the right factor. Rates have to be lower than without restriction:
  see `update_spaces.LowRank`.

  Args:
    model_fn: As in `build_structured_update_fed_avg`.
    client_optimizer_fn: As there.
    server_optimizer_fn: As there.
    rank: The rank of the updates; give either this or `fraction`.
    fraction: The rank as a part of each matrix's smaller dimension, in (0, 1].
    min_elements: Tensors of fewer elements are trained and sent whole, and not
      quantized.
    **options: As there.

  Returns:
    A `tff.learning.templates.LearningProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range, or not exactly one of `rank` and
      `fraction` is given.
  """
  return build_structured_update_fed_avg(
    model_fn,
    client_optimizer_fn,
    server_optimizer_fn,
    update_space=update_spaces.LowRank(
      rank=rank, fraction=fraction, min_elements=min_elements
    ),
    min_elements=min_elements,
    **options,
  )


def build_structured_update_fed_avg(
  model_fn,
  client_optimizer_fn,
  server_optimizer_fn=None,
  *,
  update_space: update_spaces.UpdateSpace,
  client_weighting=tff.learning.ClientWeighting.NUM_EXAMPLES,
  model_distributor=None,
  metrics_aggregator=None,
  loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
  bits: int | None = None,
  min_elements: int = 256,
  seed_source: str = 'reproducible',
  base_seed: int = 0,
) -> tff.learning.templates.LearningProcess:
  """Builds federated averaging of updates that live in a space.

  `next: <S@SERVER, {B*}@CLIENTS> -> <state=S@SERVER, metrics=M@SERVER>`, `S` a
  `tff.learning.templates.LearningAlgorithmState` and `M` as in
  `tff.learning.algorithms.build_weighted_fed_avg`, with `payload_bytes` under
  `aggregator`: the bytes of the keys and parameters that arrived in the round,
  of all clients together.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    client_optimizer_fn: A `tff.learning.optimizers.Optimizer` of the clients'
      parameters.
    server_optimizer_fn: A `tff.learning.optimizers.Optimizer` of the model; by
      default SGD with a rate of 1.
    update_space: How the update of each tensor is restricted.
    client_weighting: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    model_distributor: As there.
    metrics_aggregator: As there.
    loop_implementation: As there, but iterating over the data set is the
      default: it halves the time of a round.
    bits: Bits per sent parameter, 1 to 16: parameters are rotated and quantized
      as by `aggregators.sketched_update_aggregator`. `None` sends them as they
      are.
    min_elements: The parameters of tensors of fewer elements are not quantized.
    seed_source: Where a client's own random choices come from.
      `'reproducible'`: a fingerprint of its first batch, so that a simulation
      run again gives the same bits. `'entropy'`: the operating system.
    base_seed: Another seed gives other random choices.

  Returns:
    A `tff.learning.templates.LearningProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
    ValueError: If an argument is out of range.
  """
  description = templates.describe(model_fn)
  weights_type = description.weights_type
  model_space = update_spaces.ModelSpace(
    update_space, tff.types.type_to_tf_tensor_specs(weights_type.trainable)
  )
  client_work = templates.build_structured_update_client_work(
    model_fn,
    client_optimizer_fn,
    model_space,
    client_weighting=client_weighting,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
    seed_source=seed_source,
    base_seed=base_seed,
  )
  aggregator = aggregators.StructuredUpdateFactory(
    model_space, _build_encoder_fn(model_space, bits, min_elements, seed_source)
  ).create(
    client_work.next.type_signature.result.result.member.update,
    client_work.next.type_signature.result.result.member.update_weight,
  )
  return tff.learning.templates.compose_learning_process(
    description.initial_weights_fn,
    model_distributor
    or tff.learning.templates.build_broadcast_process(weights_type),
    client_work,
    aggregator,
    tff.learning.templates.build_apply_optimizer_finalizer(
      server_optimizer_fn or tff.learning.optimizers.build_sgdm(1.0),
      weights_type,
    ),
  )


def _build_encoder_fn(model_space, bits, min_elements, seed_source):
  if bits is None:
    return None

  def encoder_fn(spec, index):
    tensor = model_space.tensor_spaces[index].spec
    if tensor.shape.num_elements() < min_elements:
      return encoders.identity_encoder(spec)
    return encoders.sketch_encoder(
      spec,
      bits=bits,
      fraction=1.0,
      rotation=True,
      quantizer='eden',
      seed_source=seed_source,
      seed=(index,),
    )

  return encoder_fn
