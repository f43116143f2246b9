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

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tff_methods import update_spaces
from tff_methods.templates import local_model

_MODELS = (
  ('variables', linear_model.model_fn),
  ('functional', linear_model.functional_model()),
)


class DescribeComputationTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(*_MODELS)
  def test_types(self, model):
    description = local_model.describe(model)
    tensors = (
      tff.TensorType(np.float32, [20, 4]),
      tff.TensorType(np.float32, [4]),
    )
    self.assertEqual(tuple(description.weights_type.trainable), tensors)
    self.assertEmpty(description.weights_type.non_trainable)
    self.assertEqual(
      description.data_type,
      tff.SequenceType(
        (
          tff.TensorType(np.float32, [None, 20]),
          tff.TensorType(np.int32, [None]),
        )
      ),
    )
    self.assertEqual(local_model.weights_type(model), description.weights_type)
    # A metrics aggregator takes the finalizers.
    tff.learning.metrics.sum_then_finalize(description.metric_finalizers)

  def test_leaves_no_variables_in_the_graph_of_the_caller(self):
    with tf.Graph().as_default() as graph:
      local_model.describe(linear_model.model_fn)
      local_model.weights_type(linear_model.model_fn)
      self.assertEmpty(graph.get_collection(tf.compat.v1.GraphKeys.VARIABLES))
      self.assertEmpty(graph.get_operations())

  @parameterized.parameters(
    (3, 'found int: see tff.learning.models.from_keras_model.$'),
    (lambda: 'model', 'found str from the function: see'),
  )
  def test_other_than_models_raise(self, model, message):
    for describe in (local_model.describe, local_model.weights_type):
      with self.assertRaisesRegex(
        TypeError,
        '^Expected a tff.learning.models.FunctionalModel, or a function that '
        f'returns a tff.learning.models.VariableModel, {message}',
      ):
        describe(model)


class DescribeExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(*_MODELS)
  def test_initial_weights_are_those_of_the_model(self, model):
    weights = local_model.describe(model).initial_weights_fn()
    self.assertAllEqual(weights.trainable[0], np.zeros([20, 4]))
    self.assertAllEqual(weights.trainable[1], np.zeros([4]))


def _weights():
  rng = np.random.default_rng(0)
  return [
    rng.normal(size=[20, 4]).astype(np.float32),
    rng.normal(size=[4]).astype(np.float32),
  ]


def _numpy_gradients(weights, x, y):
  """Returns the gradients of the mean cross entropy of a softmax."""
  kernel, bias = weights
  scores = np.exp(x @ kernel + bias)
  error = scores / scores.sum(axis=1, keepdims=True) - np.eye(4)[y]
  return [x.T @ error / len(x), error.mean(axis=0)]


def _run(model, fn, uses_xla=False):
  """Returns the results of `fn(local_model, first_carry, batches)`.

  They are computed in a graph, since Keras' functional models need one.
  """
  (dataset,) = linear_model.datasets(num_clients=1)
  weights = _weights()

  @tff.tensorflow.computation(
    tff.types.to_type([tff.TensorType(w.dtype, w.shape) for w in weights]),
    tff.types.to_type(
      [
        (
          tff.TensorType(np.float32, [8, 20]),
          tff.TensorType(np.int32, [8]),
        )
      ]
      * 3
    ),
  )
  def run(trainable, batches):
    local = local_model.build_local_model(model)

    @tf.function(jit_compile=uses_xla or None)
    def run_in_order(trainable, batches):
      carry = local.start(tff.learning.models.ModelWeights(list(trainable), []))
      return fn(local, carry, batches)

    return run_in_order(tuple(trainable), [tuple(batch) for batch in batches])

  return run(weights, list(dataset.as_numpy_iterator()))


class LocalModelExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.product(
    model=[model for _, model in _MODELS], uses_xla=(False, True)
  )
  def test_gradients_and_steps(self, model, uses_xla):
    weights = _weights()
    # Steps in half of the 20 x 4 coordinates and in all of 4.
    space = update_spaces.ModelSpace(
      update_spaces.RandomMask(0.5, min_elements=10),
      [tf.TensorSpec(w.shape, tf.float32) for w in weights],
    )
    step = [0.1 * np.ones(s.shape, np.float32) for s in space.parameter_specs]
    key = np.int32([1, 2])

    def train(local, carry, batches):
      first = local.gradients(carry, batches[0])
      carry = local.apply_step(first.carry, space.draw(key), step)
      second = local.gradients(carry, batches[0])
      return first[1:], second[1:]

    outcomes = _run(model, train, uses_xla)
    moved = [
      w + np.asarray(m.expand(s))
      for w, m, s in zip(weights, space.draw(key), step, strict=True)
    ]
    self.assertEqual(np.count_nonzero(moved[0] != weights[0]), 40)
    (x, y), *_ = linear_model.datasets(num_clients=1)[0].as_numpy_iterator()
    for (gradients, num_examples), trained in zip(
      outcomes, (weights, moved), strict=True
    ):
      self.assertEqual(num_examples, 8)
      self.assertEqual(num_examples.dtype, np.int64)
      for found, expected in zip(
        gradients, _numpy_gradients(trained, x, y), strict=True
      ):
        self.assertAllClose(found, expected, atol=1e-5)

  @parameterized.product(
    model=[model for _, model in _MODELS], is_valid=(True, False)
  )
  def test_metrics_are_of_all_batches_or_of_none(self, model, is_valid):
    def train(local, carry, batches):
      for batch in batches:
        carry = local.gradients(carry, batch).carry
      return local.unfinalized_metrics(carry, tf.constant(is_valid))

    metrics = _run(model, train)
    # The number of correct predictions, and that of examples.
    num_correct, num_examples = metrics['accuracy']
    self.assertEqual(num_examples, 24 * is_valid)
    self.assertEqual(num_correct > 0.0, is_valid)


if __name__ == '__main__':
  tf.test.main()
