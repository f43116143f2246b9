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

Konečný et al., "Federated Learning: Strategies for Improving Communication
Efficiency" (2016), section 2. A round is that of federated averaging, but each
client's update lives in a space of few dimensions from the start: the client
draws a key, trains the few parameters of the space that the key fixes, and
sends key and parameters. The server draws the space again, expands and averages
the updates, and takes a step. A client sends exactly the parameters that it
trained, unless they are also quantized, which the paper leaves untried.
"""

from collections.abc import Sequence
import functools

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import aggregators
from tff_methods import encoders
from tff_methods import options as options_lib
from tff_methods import templates
from tff_methods import update_spaces
from tff_methods.aggregators import encoded_sum
from tff_methods.common import argument_checks
from tff_methods.templates import fed_avg
from tff_methods.templates import salted_process
from tff_methods.templates import (
  structured_update_client_work as client_work_lib,
)


def build_structured_update_fed_avg(
  model_fn: templates.Model,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  update_space: update_spaces.UpdateSpace,
  options: options_lib.StructuredUpdateOptions | None = None,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: templates.ModelDistributor | None = None,
  metrics_aggregator: tff.learning.metrics.MetricsAggregatorType | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> tff.learning.templates.LearningProcess:
  """Builds federated averaging of updates from a space of few dimensions.

  `next: <S@SERVER, {B*}@CLIENTS> -> <state=S@SERVER, metrics=M@SERVER>`, `S` a
  `tff.learning.templates.LearningAlgorithmState` and `M` as in
  `tff.learning.algorithms.build_weighted_fed_avg`, with `payload_bytes` under
  `aggregator`: the bytes of the keys and parameters that arrived in the round,
  summed over the clients.

  Args:
    model_fn: A function that returns a `tff.learning.models.VariableModel`, or
      a `tff.learning.models.FunctionalModel`.
    client_optimizer_fn: Optimizer of the parameters that clients train.
    server_optimizer_fn: Optimizer of the server; SGD with a learning rate of 1
      by default.
    update_space: Restriction of the update of each tensor.
    options: Quantization of the parameters, random choices, bounds and noise;
      `StructuredUpdateOptions()` by default. Its `min_elements` applies to the
      quantization; give it to `update_space` too.
    client_weighting: Weights of the clients' updates: numbers of examples, or
      uniform. With `noise` in the options, they are uniform.
    model_distributor: Process that sends the model to the clients, or options
      of its quantization; a broadcast by default.
    metrics_aggregator: Function from the model's metric finalizers to the
      aggregation of metrics; `tff.learning.metrics.sum_then_finalize` by
      default.
    loop_implementation: Loop over a client's batches. The default halves the
      time of a round, compared with TFF's default, `DATASET_REDUCE`.

  Returns:
    A `tff.learning.templates.LearningProcess`.

  Raises:
    TypeError: If an argument is of a wrong type.
  """
  options = argument_checks.check_options(
    options,
    options_lib.StructuredUpdateOptions,
    default=options_lib.StructuredUpdateOptions(),
  )
  fed_avg.check_arguments(
    client_optimizer_fn=client_optimizer_fn,
    server_optimizer_fn=server_optimizer_fn,
    client_weighting=client_weighting,
    model_distributor=model_distributor,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )
  if not isinstance(update_space, update_spaces.UpdateSpace):
    raise TypeError(
      'Expected update_space to be an update_spaces.UpdateSpace, found '
      f'{type(update_space).__name__}: give RandomMask or LowRank.'
    )
  description = templates.describe(model_fn)
  weights_type = description.weights_type
  if options.whole_outer_layers:
    update_space = update_spaces.InnerLayers(update_space)
  model_space = update_spaces.ModelSpace(
    update_spaces.Scaled(update_space, options.step_scale),
    tff.types.type_to_tf_tensor_specs(weights_type.trainable),
  )
  client_work = client_work_lib.build_salted_structured_update_client_work(
    model_fn,
    client_optimizer_fn,
    model_space,
    client_weighting=client_weighting,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
    base_seed=options.base_seed,
  )
  update_type = client_work.next.type_signature.result.result.member
  aggregator = _build_aggregator_factory(model_space, options).create(
    update_type.update, update_type.update_weight
  )
  return salted_process.compose_salted_process(
    description.initial_weights_fn,
    templates.build_model_distributor(model_fn, model_distributor),
    client_work,
    aggregator,
    fed_avg.build_finalizer(server_optimizer_fn, weights_type),
    seed_source=options.seed_source,
  )


def _build_aggregator_factory(
  model_space: update_spaces.ModelSpace,
  options: options_lib.StructuredUpdateOptions,
) -> tff.aggregators.WeightedAggregationFactory:
  encoder_fn = _build_encoder_fn(model_space, options)
  if options.noise is not None:
    return tff.aggregators.as_weighted_aggregator(
      aggregators.DpStructuredUpdateFactory(
        model_space, options.noise, encoder_fn
      )
    )
  return aggregators.StructuredUpdateFactory(
    model_space, encoder_fn, options.bounds
  )


def _build_encoder_fn(
  model_space: update_spaces.ModelSpace,
  options: options_lib.StructuredUpdateOptions,
) -> encoded_sum.EncoderFn | None:
  """Builds the quantization of parameters; `None` without quantization."""
  if options.bits is None:
    return None
  sketch = options_lib.SketchOptions(
    bits=options.bits, seed_source=options.seed_source
  )

  specs = [space.spec for space in model_space.tensor_spaces]
  outer = update_spaces.outer_tensors(specs)
  return functools.partial(
    _build_encoder,
    is_plain=[
      spec.shape.num_elements() < options.min_elements
      or (options.whole_outer_layers and i in outer)
      for i, spec in enumerate(specs)
    ],
    sketch=sketch,
  )


def _build_encoder(
  spec: tf.TensorSpec,
  index: int,
  *,
  is_plain: Sequence[bool],
  sketch: options_lib.SketchOptions,
) -> encoders.GatherEncoder:
  if is_plain[index]:
    return encoders.identity_encoder(spec)
  return encoders.sketch_encoder(spec, sketch, (index,))
