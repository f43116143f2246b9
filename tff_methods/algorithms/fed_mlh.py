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
Efficient Federated Learning on Extreme Classification Tasks", algorithm 2. All
classes are hashed into the buckets of R tables; clients train one network for
each table, and the server averages each of them. Each class's score is the mean
of the log-probabilities of its buckets.
"""

import tensorflow_federated as tff

from tff_methods import label_hashing


def build_fed_mlh(
  model: label_hashing.HashedLabelModel,
  client_optimizer_fn,
  server_optimizer_fn=None,
  *,
  client_weighting=tff.learning.ClientWeighting.NUM_EXAMPLES,
  model_distributor=None,
  model_aggregator=None,
  metrics_aggregator=None,
  loop_implementation=tff.learning.LoopImplementation.DATASET_ITERATOR,
) -> tff.learning.templates.LearningProcess:
  """Builds a process of federated multiple label hashing.

  `next: <S@SERVER, {B*}@CLIENTS> -> <state=S@SERVER, metrics=M@SERVER>`, with
  `S`, `M` and model weights as in
  `tff.learning.algorithms.build_weighted_fed_avg` of
  `model.functional_model()`. Batches are what the network takes and labels
  `int32[batch, max_labels]`.

  The networks of the tables are in one model, whose weights are stacked. Their
  averages are independent of each other, as in the paper, unless an optimizer
  or `model_aggregator` mixes tensors' numbers, as clipping by a norm does. A
  sketched or structured update of stacked weights is one of all tables.

  Args:
    model: What is trained: the number of tables and buckets is of its
      `label_hash`.
    client_optimizer_fn: As in `tff.learning.algorithms.build_weighted_fed_avg`.
    server_optimizer_fn: As there.
    client_weighting: As there. The paper's algorithm has the plain mean,
      `tff.learning.ClientWeighting.UNIFORM`; the federated averaging that it is
      compared with weights by examples, which is the default here.
    model_distributor: As there.
    model_aggregator: As there: any.
    metrics_aggregator: As there.
    loop_implementation: As there, but iterating over the data set is the
      default.

  Returns:
    A `tff.learning.templates.LearningProcess`.

  Raises:
    TypeError: If `model` is no `HashedLabelModel`.
  """
  if not isinstance(model, label_hashing.HashedLabelModel):
    raise TypeError(
      'Expected a label_hashing.HashedLabelModel, found '
      f'{type(model).__name__}: make one of a network and a LabelHash.'
    )
  return tff.learning.algorithms.build_weighted_fed_avg(
    model.functional_model(),
    client_optimizer_fn,
    server_optimizer_fn,
    client_weighting=client_weighting,
    model_distributor=model_distributor,
    model_aggregator=model_aggregator,
    metrics_aggregator=metrics_aggregator,
    loop_implementation=loop_implementation,
  )
