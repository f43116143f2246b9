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
"""Federated multiple label hashing (FedMLH).

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH): Communication
Efficient Federated Learning on Extreme Classification Tasks", algorithm 2:

1.  All classes are hashed into the buckets of R tables.
2.  Clients train one network for each table, on the labels of its buckets.
3.  The server averages each network over the clients.
4.  The score of a class is the mean of the log-probabilities of its buckets.
"""

from collections.abc import Callable

import tensorflow_federated as tff

from tff_methods import label_hashing
from tff_methods import templates
from tff_methods.templates import fed_avg


def build_fed_mlh(
  model: label_hashing.HashedLabelModel,
  client_optimizer_fn: tff.learning.optimizers.Optimizer,
  server_optimizer_fn: tff.learning.optimizers.Optimizer | None = None,
  *,
  client_weighting: tff.learning.ClientWeighting = (
    tff.learning.ClientWeighting.NUM_EXAMPLES
  ),
  model_distributor: templates.ModelDistributor | None = None,
  model_aggregator: tff.aggregators.WeightedAggregationFactory | None = None,
  metrics_aggregator: Callable[..., tff.Computation] | None = None,
  loop_implementation: tff.learning.LoopImplementation = (
    tff.learning.LoopImplementation.DATASET_ITERATOR
  ),
) -> tff.learning.templates.LearningProcess:
  """Builds federated multiple label hashing.

  `next: <S@SERVER, {B*}@CLIENTS> -> <state=S@SERVER, metrics=M@SERVER>`, with
  `S`, `M` and model weights of
  `tff.learning.algorithms.build_weighted_fed_avg` for
  `model.functional_model()`. A batch is a pair of the network's input and
  labels `int32[batch, max_labels]`.

  The networks of the tables are one model with stacked weights. Their averages
  are independent of each other, as in the paper, unless an optimizer or
  `model_aggregator` mixes the elements of tensors, as clipping by a norm does.
  A sketched or structured update of stacked weights spans all tables.

  Args:
    model: Model, with its tables and buckets in `label_hash`.
    client_optimizer_fn: Client optimizer.
    server_optimizer_fn: Server optimizer; by default
      `tff.learning.optimizers.build_sgdm` with a learning rate of 1.
    client_weighting: Weights of clients in the mean. The paper's algorithm has
      `tff.learning.ClientWeighting.UNIFORM`, as its authors' code has for
      federated averaging, too; by default clients are weighted by examples.
    model_distributor: Process that sends the model to the clients, or options
      of its quantization; a broadcast by default.
    model_aggregator: Aggregator of the updates, any weighted one; by default
      `tff.aggregators.MeanFactory`.
    metrics_aggregator: See `tff.learning.algorithms.build_weighted_fed_avg`.
    loop_implementation: Implementation of the training loop. The default here
      iterates over the data set.

  Returns:
    A `tff.learning.templates.LearningProcess`.

  Raises:
    TypeError: If `model` is not a `HashedLabelModel`.
  """
  if not isinstance(model, label_hashing.HashedLabelModel):
    raise TypeError(
      'Expected a label_hashing.HashedLabelModel, found '
      f'{type(model).__name__}: make one from a network and a '
      'LabelHash.'
    )
  return fed_avg.build_weighted_fed_avg(
    model.functional_model(),
    client_optimizer_fn,
    server_optimizer_fn,
    client_weighting=client_weighting,
    model_distributor=model_distributor,
    model_aggregator=model_aggregator,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )
