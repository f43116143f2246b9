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
"""Tests for federated_evaluation."""

import asyncio
import types

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from programs.training import evaluation
from programs.training import federated_evaluation
from tests.tff_methods import linear_model
from tff_methods import runtime

_SIZES = {'a': 5, 'b': 0, 'c': 11, 'd': 8}


def _examples(client_id: str) -> tuple[np.ndarray, np.ndarray]:
  rng = np.random.default_rng(ord(client_id))
  num_examples = _SIZES[client_id]
  return (
    rng.normal(size=[num_examples, linear_model.NUM_FEATURES]).astype(
      np.float32
    ),
    rng.integers(linear_model.NUM_CLASSES, size=num_examples, dtype=np.int32),
  )


def _client_data() -> tff.simulation.datasets.ClientData:
  """Returns clients of 5, 0, 11 and 8 examples, in batches of 3."""

  @tf.function
  def dataset_fn(client_id):
    parts = [
      tf.data.Dataset.from_tensor_slices(_examples(c)).filter(
        lambda x, y, c=c: tf.equal(client_id, c)
      )
      for c in _SIZES
      if _SIZES[c]
    ]
    dataset = parts[0]
    for part in parts[1:]:
      dataset = dataset.concatenate(part)
    return dataset.batch(3)

  return tff.simulation.datasets.ClientData.from_clients_and_tf_fn(
    list(_SIZES), dataset_fn
  )


def _weights(container=list) -> tff.learning.models.ModelWeights:
  rng = np.random.default_rng(7)
  shapes = [
    (linear_model.NUM_FEATURES, linear_model.NUM_CLASSES),
    (linear_model.NUM_CLASSES,),
  ]
  return tff.learning.models.ModelWeights(
    container(rng.normal(size=s).astype(np.float32) for s in shapes),
    container(),
  )


def _expected(client_ids: str) -> dict[str, float]:
  """Returns the metrics of all examples of the clients, with NumPy."""
  xs, ys = zip(*map(_examples, client_ids), strict=True)
  x, y = np.concatenate(xs).astype(np.float64), np.concatenate(ys)
  kernel, bias = _weights().trainable
  logits = x @ kernel + bias
  losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(y)), y]
  return {
    'loss': losses.mean(),
    'accuracy': (logits.argmax(axis=1) == y).mean(),
    'num_examples': len(y),
  }


class FederatedEvaluationTest(parameterized.TestCase):
  def _build(self, client_ids: str) -> federated_evaluation.FederatedEvaluation:
    client_data = _client_data()
    task = types.SimpleNamespace(
      model_fn=linear_model.model_fn,
      datasets=types.SimpleNamespace(
        get_centralized_test_data=lambda: (
          client_data.create_tf_dataset_for_client('d')
        )
      ),
    )
    return federated_evaluation.FederatedEvaluation(
      evaluation.Evaluation(task),
      linear_model.model_fn,
      client_data,
      list(client_ids),
    )

  def _evaluate(self, evaluate, weights, context=None):
    context = context or tff.framework.get_context_stack().current

    async def run():
      with tff.framework.get_context_stack().install(
        runtime.create_program_context(context)
      ):
        return await evaluate(weights, 3)

    return asyncio.run(run())

  @parameterized.parameters('default', 'in_process')
  def test_metrics_of_test_data_and_of_all_examples_of_the_clients(self, kind):
    context = None
    if kind == 'in_process':
      context = runtime.create_in_process_context('cpu')
    evaluate = self._build('cba')
    metrics = self._evaluate(evaluate, _weights(), context)
    self.assertEqual(list(metrics), evaluate.metric_names)
    for prefix, client_ids in (('', 'd'), ('held_out_clients/', 'ac')):
      for name, value in _expected(client_ids).items():
        self.assertAlmostEqual(metrics[prefix + name], value, 4, prefix + name)

  def test_evaluations_do_not_depend_on_earlier_ones(self):
    evaluate = self._build('ac')
    zeros = tf.nest.map_structure(np.zeros_like, _weights())
    first = self._evaluate(evaluate, _weights())
    self.assertNotEqual(self._evaluate(evaluate, zeros), first)
    self.assertEqual(self._evaluate(evaluate, _weights()), first)

  def test_weights_of_functional_models(self):
    evaluate = self._build('ac')
    self.assertEqual(
      self._evaluate(evaluate, _weights(tuple)),
      self._evaluate(evaluate, _weights()),
    )

  def test_is_a_round_without_updates(self):
    next_type = self._build('ac').next.type_signature
    self.assertEqual(
      next_type.parameter[1], tff.FederatedType(np.str_, tff.CLIENTS)
    )


if __name__ == '__main__':
  absltest.main()
