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

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tff_methods import templates
from tff_methods.templates import learning_round

_SERVER_OPTIMIZER = tff.learning.optimizers.build_sgdm(0.5, 0.9)


class _Parts:
  """Parts of federated averaging; all but the distributor have a state."""

  def __init__(self) -> None:
    description = templates.describe(linear_model.model_fn)
    weights_type = description.weights_type
    self.initial_weights_fn = description.initial_weights_fn
    self.distributor = tff.learning.templates.build_broadcast_process(
      weights_type
    )
    self.client_work = tff.learning.templates.build_model_delta_client_work(
      linear_model.model_fn,
      tff.learning.optimizers.build_sgdm(0.1),
      tff.learning.ClientWeighting.NUM_EXAMPLES,
    )
    self.aggregator = tff.aggregators.MeanFactory().create(
      weights_type.trainable, tff.TensorType(np.float32)
    )
    self.finalizer = tff.learning.templates.build_apply_optimizer_finalizer(
      _SERVER_OPTIMIZER, weights_type
    )


def _compose_with_tff(parts):
  return tff.learning.templates.compose_learning_process(
    parts.initial_weights_fn,
    parts.distributor,
    parts.client_work,
    parts.aggregator,
    parts.finalizer,
  )


def _compose_next(parts, state_type, seen):
  """Composes `next`; `seen` receives the types that `aggregate` is given."""

  @tff.federated_computation(
    state_type, parts.client_work.next.type_signature.parameter[2]
  )
  def next_fn(state, client_data):
    def aggregate(aggregator_state, result, distributed):
      seen.append((result.type_signature, distributed.type_signature))
      return parts.aggregator.next(
        aggregator_state, result.update, result.update_weight
      )

    new_state, metrics, aggregated = learning_round.compose_round(
      state,
      client_data,
      distribute=parts.distributor.next,
      client_work=parts.client_work,
      aggregate=aggregate,
      finalizer=parts.finalizer,
    )
    return new_state, metrics, aggregated.result

  return next_fn


class ComposeRoundTest(tf.test.TestCase):
  def test_types_and_rounds_are_those_of_the_composer_of_tff(self):
    parts, seen = _Parts(), []
    expected = _compose_with_tff(parts)
    next_fn = _compose_next(
      parts, expected.initialize.type_signature.result, seen
    )
    signature = expected.next.type_signature
    self.assertEqual(
      next_fn.type_signature.parameter[0], signature.parameter[0]
    )
    self.assertEqual(next_fn.type_signature.result[0], signature.result.state)
    self.assertEqual(next_fn.type_signature.result[1], signature.result.metrics)
    self.assertEqual(
      seen,
      [
        (
          parts.client_work.next.type_signature.result.result,
          parts.distributor.next.type_signature.result.result,
        )
      ],
    )

    state = expected_state = expected.initialize()
    for _ in range(2):
      before = state.global_model_weights.trainable
      state, metrics, update = next_fn(state, local_updates.clients())
      output = expected.next(expected_state, local_updates.clients())
      expected_state = output.state
      tf.nest.map_structure(
        lambda x, y: self.assertEqual(
          np.asarray(x).tobytes(), np.asarray(y).tobytes()
        ),
        tuple(state),
        tuple(expected_state),
      )
      self.assertAllClose(metrics, output.metrics, atol=0.0)
    # The server's step: v <- 0.9 v + update, w <- w - 0.5 v.
    velocity = tf.nest.flatten(state.finalizer)
    for w, previous in zip(
      state.global_model_weights.trainable, before, strict=True
    ):
      v = next(
        x for x in velocity if np.shape(x) == np.shape(w) and np.ndim(x) > 0
      )
      self.assertAllClose(w, previous - 0.5 * v, atol=1e-6)
    self.assertEqual([np.shape(x) for x in update], [(20, 4), (4,)])


if __name__ == '__main__':
  tf.test.main()
