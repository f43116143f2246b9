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
import collections

from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods import linear_model
from tff_methods import templates
from tff_methods import update_spaces

_MASK = update_spaces.RandomMask(0.25, min_elements=10)
_SGD = tff.learning.optimizers.build_sgdm(0.1)


def _model_space(space=_MASK):
  weights_type = templates.describe(linear_model.model_fn).weights_type
  return update_spaces.ModelSpace(
    space, tff.types.type_to_tf_tensor_specs(weights_type.trainable)
  )


@caching.cache
def _build(model_fn=linear_model.model_fn, optimizer=_SGD, **kwargs):
  return templates.build_structured_update_client_work(
    model_fn, optimizer, _model_space(), **kwargs
  )


def _broadcast(model_fn=linear_model.model_fn, num_clients=3):
  weights = templates.describe(model_fn).initial_weights_fn()
  return [weights] * num_clients


class StructuredUpdateClientWorkComputationTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_update_is_a_key_and_parameters(self):
    result_type = _build().next.type_signature.result.result.member
    self.assertEqual(
      result_type.update,
      tff.types.to_type(
        collections.OrderedDict(
          key=tff.TensorType(np.int32, [2]),
          parameters=(
            tff.TensorType(np.float32, [20]),
            tff.TensorType(np.float32, [4]),
          ),
        )
      ),
    )
    self.assertEqual(result_type.update_weight, tff.TensorType(np.float32))

  @parameterized.named_parameters(
    (
      'weighting',
      {'client_weighting': 'uniform'},
      'ClientWeighting, found str',
    ),
    ('optimizer', {'optimizer': 0.1}, 'optimizer to be .*, found float'),
    ('seed', {'base_seed': 1.0}, 'base_seed to be an int, found float'),
    ('model', {'model_fn': 3}, 'VariableModel, found int'),
    ('result', {'model_fn': lambda: 3}, 'found int from the function'),
  )
  def test_wrong_types_raise(self, kwargs, message):
    with self.assertRaisesRegex(TypeError, message):
      _build(**kwargs)

  def test_unknown_seed_source_raises(self):
    with self.assertRaisesRegex(ValueError, "seed_source .* found 'clock'"):
      _build(seed_source='clock')

  @parameterized.named_parameters(
    ('iterator', 'DATASET_ITERATOR'), ('reduce', 'DATASET_REDUCE')
  )
  def test_loop_state_has_the_size_of_the_space(self, loop):
    """Adam's state has three times the parameters, not the model's weights."""
    width, num_chosen = 64, 41
    space = update_spaces.ModelSpace(
      update_spaces.RandomMask(0.01), [tf.TensorSpec([width, width])]
    )

    def wide_model_fn():
      dense = tf.keras.layers.Dense(width, use_bias=False)
      inputs = tf.keras.Input([width])
      return tff.learning.models.from_keras_model(
        tf.keras.Model(inputs, dense(inputs)),
        input_spec=(
          tf.TensorSpec([None, width], tf.float32),
          tf.TensorSpec([None, width], tf.float32),
        ),
        loss=tf.keras.losses.MeanSquaredError(),
      )

    client_work = templates.build_structured_update_client_work(
      wide_model_fn,
      tff.learning.optimizers.build_adam(0.1),
      space,
      loop_implementation=tff.learning.LoopImplementation[loop],
    )
    states = _loop_states(client_work.next)
    self.assertNotEmpty(states)
    sizes = [sum(sizes) for sizes in states]
    # Parameters, two moments, their step; number of examples; coordinates.
    self.assertBetween(max(sizes), 3 * num_chosen, 5 * num_chosen)


def _loop_states(computation) -> list[list[int]]:
  """Returns, for each loop over data, the elements of each tensor it carries.

  Read off the graphs that the computation holds.
  """
  states = []

  def visit(block):
    if isinstance(block, tff.framework.CompiledComputation):
      graph_def = tf.compat.v1.GraphDef()
      block.proto.tensorflow.graph_def.Unpack(graph_def)
      functions = {f.signature.name: f for f in graph_def.library.function}
      nodes = [n for f in functions.values() for n in f.node_def]
      for node in [*graph_def.node, *nodes]:
        if node.op in ('While', 'StatelessWhile'):
          shapes = node.attr['output_shapes'].list.shape
          kinds = node.attr['T'].list.type
        elif node.op == 'ReduceDataset':
          shapes = node.attr['output_shapes'].list.shape
          kinds = node.attr['output_types'].list.type
        else:
          continue
        states.append(
          [
            int(np.prod([d.size for d in shape.dim], dtype=int))
            for shape, kind in zip(shapes, kinds, strict=True)
            if kind not in (tf.resource.as_datatype_enum,)
          ]
        )
    return block, False

  tff.framework.transform_preorder(computation.to_building_block(), visit)
  return states


class StructuredUpdateClientWorkExecutionTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_parameters_agree_with_numpy(self):
    clients = linear_model.datasets(num_clients=1)
    client_work = _build()
    output = client_work.next(
      client_work.initialize(), _broadcast(num_clients=1), clients
    )
    (result,) = output.result
    key = tf.constant(result.update['key'])
    parameters = [np.zeros(20), np.zeros(4)]
    mask = _model_space().expand(key, [tf.ones(20), tf.ones(4)])
    kernel, bias = np.zeros([20, 4]), np.zeros(4)
    for x, y in clients[0].as_numpy_iterator():
      scores = np.exp(x @ kernel + bias)
      error = scores / scores.sum(axis=1, keepdims=True) - np.eye(4)[y]
      kernel -= 0.1 * mask[0].numpy() * (x.T @ error) / len(x)
      bias -= 0.1 * error.mean(axis=0)
    self.assertAllClose(kernel != 0, mask[0].numpy() != 0)
    parameters = _model_space().pull_back(
      key, [tf.constant(-kernel, tf.float32), tf.constant(-bias, tf.float32)]
    )
    self.assertAllClose(result.update['parameters'], parameters, atol=1e-6)
    self.assertEqual(result.update_weight, 24)

  def test_keys_differ_between_clients_and_rounds(self):
    client_work = _build()
    keys, state = [], client_work.initialize()
    for _ in range(2):
      output = client_work.next(state, _broadcast(), linear_model.datasets())
      state = output.state
      keys += [tuple(result.update['key']) for result in output.result]
    self.assertLen(set(keys), 6)

  @pytest.mark.slow
  def test_keys_follow_from_seed_and_data(self):
    def keys(**kwargs):
      client_work = _build.__wrapped__(**kwargs)
      output = client_work.next(
        client_work.initialize(), _broadcast(), linear_model.datasets()
      )
      return [tuple(result.update['key']) for result in output.result]

    first = keys(base_seed=1)
    self.assertEqual(first, keys(base_seed=1))
    self.assertEmpty(set(first) & set(keys(base_seed=2)))
    entropy = dict(base_seed=1, seed_source='entropy')
    self.assertEmpty(set(keys(**entropy)) & set(keys(**entropy)))

  @parameterized.named_parameters(
    ('by_examples', 'NUM_EXAMPLES', [0, 24]), ('uniform', 'UNIFORM', [1, 1])
  )
  def test_a_client_without_data(self, weighting, weights):
    (client,) = linear_model.datasets(num_clients=1)
    client_work = _build(
      client_weighting=tff.learning.ClientWeighting[weighting]
    )
    output = client_work.next(
      client_work.initialize(), _broadcast(num_clients=2),
      [client.take(0), client],
    )  # fmt: skip
    self.assertEqual([r.update_weight for r in output.result], weights)
    for parameters in output.result[0].update['parameters']:
      self.assertAllEqual(parameters, np.zeros_like(parameters))

  @parameterized.named_parameters(
    ('by_examples', 'NUM_EXAMPLES'), ('uniform', 'UNIFORM')
  )
  def test_a_diverged_client_has_no_weight(self, weighting):
    (client,) = linear_model.datasets(num_clients=1)
    client_work = _build(
      client_weighting=tff.learning.ClientWeighting[weighting]
    )
    output = client_work.next(
      client_work.initialize(), _broadcast(num_clients=2),
      [client.map(lambda x, y: (x * np.inf, y)), client],
    )  # fmt: skip
    self.assertEqual(output.result[0].update_weight, 0)
    for parameters in output.result[0].update['parameters']:
      self.assertAllEqual(parameters, np.zeros_like(parameters))
    self.assertEqual(output.measurements['train']['num_examples'], 24)

  def test_learning_rate_can_be_set(self):
    client_work = _build()
    state = client_work.initialize()
    hparams = client_work.get_hparams(state)
    self.assertAllClose(hparams['learning_rate'], 0.1)
    hparams['learning_rate'] = 0.0
    state = client_work.set_hparams(state, hparams)
    output = client_work.next(state, _broadcast(), linear_model.datasets())
    for parameters in output.result[0].update['parameters']:
      self.assertAllEqual(parameters, np.zeros_like(parameters))


if __name__ == '__main__':
  tf.test.main()
