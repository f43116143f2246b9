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
import functools

from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tests.tff_methods import row_models
from tests.tff_methods.runtime import two_workers
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods import simulation

_SGD = tff.learning.optimizers.build_sgdm(0.1)


class _DictStore:
  """Simplest store: all versions of all states, in a dict."""

  def __init__(self):
    self.versions = {}

  @property
  def last_round(self):
    return max((r for r, _ in self.versions), default=0)

  def any_state(self, num_rounds):
    return next(
      (s for (r, _), s in self.versions.items() if r <= num_rounds), None
    )

  def read(self, client_ids, num_rounds):
    return [
      self.versions[max(found)]
      if (found := self._until(c, num_rounds))
      else None
      for c in client_ids
    ]

  def write(self, num_rounds, states):
    self.versions = {
      k: v for k, v in self.versions.items() if k[0] < num_rounds
    }
    for client_id, arrays in states.items():
      self.versions[num_rounds, client_id] = arrays

  def _until(self, client_id, num_rounds):
    return [
      k for k in self.versions if k[1] == client_id and k[0] <= num_rounds
    ]

  def contents(self):
    """Returns bytes, to compare."""
    return {
      key: [array.tobytes() for array in arrays]
      for key, arrays in self.versions.items()
    }


@functools.cache
def _datasets():
  return linear_model.datasets(num_clients=1, num_examples=8)


@tff.tensorflow.computation(np.str_)
def _client_data(client_id):
  """Returns the same examples for each client, shifted by its number."""
  shift = tf.strings.to_number(tf.strings.substr(client_id, -1, 1))
  return _datasets()[0].map(lambda x, y: (x + 0.1 * shift, y))


@functools.cache
def _dhqc():
  return algorithms.build_dhqc_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.DhqcOptions(fraction=0.1, bits=4),
  )


@functools.cache
def _dgc():
  return algorithms.build_dgc_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.DgcOptions(
      fraction=0.05,
      warm_up_fractions=[0.5, 0.25],
      rounds_per_warm_up_fraction=2,
    ),
  )


def _compose(store, process=None, client_ids=None):
  return simulation.compose_client_id_process(
    process or _dhqc(), _client_data, store, client_ids
  )


def _run(process, cohorts, state=None):
  """Returns the outputs of some rounds."""
  state, outputs = process.initialize() if state is None else state, []
  for cohort in cohorts:
    outputs.append(process.next(state, cohort))
    state = outputs[-1].state
  return outputs


def _bytes(state):
  return b''.join(
    np.asarray(x).tobytes() for x in state.global_model_weights.trainable
  )


class ClientIdProcessComputationTest(tf.test.TestCase):
  def test_of_a_process_with_client_states(self):
    process = _compose(_DictStore(), _dgc())
    self.assertIsInstance(process, simulation.ClientIdProcess)
    self.assertTrue(process.keeps_client_states)
    self.assertIsNone(process.mergeable_next)
    for num_rounds in (0, 1, 2, 3, 4, 100):
      self.assertIs(
        process.accounted_next(num_rounds), _dgc().next_after(num_rounds)
      )
    self.assertIsNot(process.accounted_next(1), process.accounted_next(2))

  def test_of_a_process_without_client_states(self):
    fed_avg = local_updates.fed_avg()
    process = _compose(None, fed_avg)
    self.assertIsInstance(process, simulation.ClientIdProcess)
    self.assertFalse(process.keeps_client_states)
    self.assertIs(process.accounted_next(7), fed_avg.next)
    self.assertEqual(
      process.mergeable_next.type_signature.parameter[1],
      tff.FederatedType(np.str_, tff.CLIENTS),
    )

  def test_of_a_process_with_select(self):
    """The bytes that count are those of the process, not of its simulation."""
    broadcast = algorithms.build_fed_ss(
      row_models.row_model(),
      _SGD,
      options=options_lib.FedSsOptions(
        num_sampled_classes=6, retrieval_mode='broadcast'
      ),
    )

    @tff.tensorflow.computation(np.str_)
    def client_data(client_id):
      del client_id  # Unused.
      return row_models.datasets()[0]

    process = simulation.compose_client_id_process(broadcast, client_data, None)
    self.assertIs(process.accounted_next(3), broadcast.accounted_next(3))
    self.assertIsNot(process.accounted_next(3), broadcast.next)
    self.assertFalse(process.keeps_client_states)


class StatelessProcessExecutionTest(tf.test.TestCase):
  def test_rounds_are_those_of_the_process_on_data_sets(self):
    fed_avg = local_updates.fed_avg()
    process = _compose(None, fed_avg)
    client_ids = ['c1', 'c2']
    output = process.next(process.initialize(), client_ids)
    expected = fed_avg.next(
      fed_avg.initialize(), [_client_data(c) for c in client_ids]
    )
    self.assertEqual(_bytes(output.state), _bytes(expected.state))
    self.assertAllEqual(
      process.get_model_weights(output.state).trainable[1],
      fed_avg.get_model_weights(expected.state).trainable[1],
    )
    weights = fed_avg.get_model_weights(fed_avg.initialize())
    state = process.set_model_weights(output.state, weights)
    self.assertAllEqual(
      process.get_model_weights(state).trainable[0], np.zeros([20, 4])
    )

  def test_unknown_ids_raise(self):
    message = (
      "^Expected ids of the 2 clients, found 1 unknown, such as 'c7': [^\n]*$"
    )
    for process in (local_updates.fed_avg(), _dhqc()):
      process = _compose(_DictStore(), process, ['c1', 'c2'])
      state = process.initialize()
      with self.assertRaisesRegex(ValueError, message):
        process.next(state, ['c1', 'c7'])

  def test_clients_with_the_same_data_draw_by_their_ids(self):
    mask = algorithms.build_random_mask_fed_avg(
      linear_model.model_fn,
      _SGD,
      options=options_lib.RandomMaskOptions(fraction=0.1, min_elements=10),
    )
    process = _compose(None, mask)
    state = process.initialize()

    def changed(client_id):
      # All ids that end in 1 have the same data.
      output = process.next(state, [client_id])
      return np.asarray(output.state.global_model_weights.trainable[0]) != 0

    first = changed('a1')
    self.assertEqual(first.sum(), 8)
    self.assertAllEqual(first, changed('a1'))
    self.assertNotAllEqual(first, changed('b1'))

  def test_clients_that_draw_train_on_the_same_examples_as_others(self):
    # Whoever reads them once more finds other four of the eight.
    # (TensorFlow would copy the data set to optimize it, and begin anew.)
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False

    @tff.tensorflow.computation(np.str_)
    def client_data(client_id):
      examples = _client_data(client_id).unbatch()
      examples = examples.shuffle(8, seed=1).take(4).batch(2)
      return examples.with_options(options)

    def loss(process):
      composed = simulation.compose_client_id_process(
        process, client_data, None
      )
      output = composed.next(composed.initialize(), ['c1', 'c2'])
      return output.metrics['client_work']['train']['loss']

    drawing = algorithms.build_sketched_update_fed_avg(
      linear_model.model_fn,
      _SGD,
      options=options_lib.SketchOptions(
        bits=1, quantizer='uniform', min_elements=10
      ),
    )
    with tff.framework.get_context_stack().install(
      runtime.create_in_process_context('cpu')
    ):
      self.assertEqual(loss(drawing), loss(local_updates.fed_avg()))

  def test_clients_with_the_same_data_draw_rows_by_their_ids(self):
    @tff.tensorflow.computation(np.str_)
    def client_data(client_id):
      del client_id  # Unused.
      return row_models.datasets()[0]

    fed_ss = algorithms.build_fed_ss(
      row_models.row_model(),
      _SGD,
      options=options_lib.FedSsOptions(num_sampled_classes=6),
    )
    process = simulation.compose_client_id_process(fed_ss, client_data, None)
    state = process.initialize()

    def rows(client_id):
      output = process.next(state, [client_id])
      return output.state.global_model_weights.trainable[-1].tobytes()

    self.assertGreater(len({rows(str(i)) for i in range(4)}), 1)
    self.assertEqual(rows('a'), rows('a'))


class StatefulProcessExecutionTest(parameterized.TestCase, tf.test.TestCase):
  def test_is_like_a_learning_process(self):
    process = _compose(_DictStore())
    state = process.initialize()
    weights = process.get_model_weights(state)
    self.assertAllEqual(weights.trainable[0], np.zeros([20, 4]))
    ones = tf.nest.map_structure(np.ones_like, weights)
    state = process.set_model_weights(state, ones)
    self.assertAllEqual(
      process.get_model_weights(state).trainable[1], np.ones([4])
    )
    output = process.next(state, ['c1'])
    self.assertIsInstance(output, tff.learning.templates.LearningProcessOutput)
    self.assertEqual(
      list(output.metrics),
      ['distributor', 'client_work', 'aggregator', 'finalizer'],
    )

  def test_gives_each_client_its_own_state(self):
    """Runs the same rounds with states passed by hand."""
    cohorts = [['c1', 'c2'], ['c3', 'c1'], ['c2', 'c4', 'c1'], ['c3', 'c2']]
    store = _DictStore()
    outputs = _run(_compose(store), cohorts)
    state, client_states = _dhqc().initialize(), {}
    for i, cohort in enumerate(cohorts):
      initial = _dhqc().initial_client_state()
      expected = _dhqc().next(
        state,
        [_client_data(c) for c in cohort],
        [client_states.get(c, initial) for c in cohort],
      )
      state = expected.state
      client_states.update(zip(cohort, expected.client_states, strict=True))
      self.assertEqual(_bytes(outputs[i].state), _bytes(state))
      self.assertEqual(
        outputs[i].metrics['client_work']['train'],
        expected.metrics['client_work']['train'],
      )
    found = store.read(['c1', 'c2', 'c3', 'c4'], len(cohorts))
    for client_id, (residual,) in zip(
      sorted(client_states), found, strict=True
    ):
      expected = client_states[client_id][0]['residual']
      self.assertEqual(residual.tobytes(), expected.tobytes())
    self.assertCountEqual(
      store.versions,
      [(i + 1, c) for i, cohort in enumerate(cohorts) for c in cohort],
    )

  def test_skipped_client_finds_its_state(self):
    store = simulation.ClientStateStore()
    process = _compose(store)
    (first,) = _run(process, [['c1']])
    ((residual,),) = store.read(['c1'], 1)
    self.assertEqual(np.count_nonzero(residual), 84)
    others = [[f'{i}c{i % 3 + 2}'] for i in range(20)]
    *_, last = _run(process, others, first.state)
    ((found,),) = store.read(['c1'], 21)
    self.assertEqual(found.tobytes(), residual.tobytes())
    # Its next round starts from this state.
    process.next(last.state, ['c1'])
    (expected,) = (
      _dhqc()
      .next(last.state, [_client_data('c1')], [[{'residual': residual}]])
      .client_states
    )
    ((last_residual,),) = store.read(['c1'], 22)
    self.assertEqual(last_residual.tobytes(), expected[0]['residual'].tobytes())
    self.assertNotEqual(last_residual.tobytes(), residual.tobytes())

  def test_any_round_can_be_run_again(self):
    store = _DictStore()
    process = _compose(store)
    cohorts = [['c1', 'c2'], ['c2', 'c3'], ['c1', 'c2', 'c3'], ['c3', 'c1']]
    outputs = _run(process, cohorts)
    contents = store.contents()
    # A detour with other clients, whose states must not remain.
    _run(process, [['c3', 'c4'], ['c4', 'c1']], state=outputs[1].state)
    self.assertNotEqual(store.contents(), contents)
    again = _run(process, cohorts[2:], state=outputs[1].state)
    for output, expected in zip(again, outputs[2:], strict=True):
      self.assertEqual(_bytes(output.state), _bytes(expected.state))
    self.assertEqual(store.contents(), contents)

  def test_stores_give_the_same(self):
    cohorts = [['c1', 'c2'], ['c2', 'c3'], ['c3', 'c1']]
    *_, expected = _run(_compose(_DictStore()), cohorts)
    *_, found = _run(_compose(simulation.ClientStateStore()), cohorts)
    self.assertEqual(_bytes(found.state), _bytes(expected.state))

  def test_warm_up_rounds_come_first(self):
    store = _DictStore()
    process = _compose(store, _dgc())
    outputs = _run(process, [['c1']] * 6)
    sent = [o.metrics['aggregator']['payload_bytes'] for o in outputs]
    self.assertEqual(sent[0], sent[1])
    self.assertGreater(sent[1], sent[2])
    self.assertEqual(sent[2], sent[3])
    self.assertGreater(sent[3], sent[4])
    self.assertEqual(sent[4], sent[5])
    # From a state in the warm-up, the rounds are those of the warm-up.
    (again,) = _run(process, [['c1']], outputs[0].state)
    self.assertEqual(_bytes(again.state), _bytes(outputs[1].state))
    # Residual and velocity of both tensors.
    (arrays,) = store.read(['c1'], 2)
    self.assertEqual([a.shape for a in arrays], [(20, 4), (20, 4), (4,), (4,)])

  @parameterized.parameters((['c1', 'c2', 'c1'], 1), (['c1'] * 3, 2))
  def test_repeated_client_ids_raise(self, client_ids, num_repeated):
    store = _DictStore()
    process = _compose(store)
    with self.assertRaisesRegex(
      ValueError,
      '^Expected distinct client ids, since each client has one state, found '
      f'{num_repeated} repeated: sample without replacement.$',
    ):
      process.next(process.initialize(), client_ids)
    self.assertEmpty(store.versions)

  @parameterized.parameters(
    ('c1', "a list of client ids, found the string 'c1'"),
    ([1, 2], 'client ids, which are strings, found int: the process reads'),
  )
  def test_other_than_a_list_of_ids_raises(self, client_ids, message):
    process = _compose(_DictStore())
    with self.assertRaisesRegex(TypeError, f'^Expected {message}'):
      process.next(process.initialize(), client_ids)

  def test_states_of_another_process_raise(self):
    store = _DictStore()
    (output,) = _run(_compose(store), [['c1']])
    other = _compose(store, _dgc())
    with self.assertRaisesRegex(
      simulation.DamagedClientStatesError,
      'give each process a store of its own.$',
    ):
      other.next(output.state, ['c1'])

  def test_states_of_another_process_raise_though_the_client_is_new(self):
    store = simulation.ClientStateStore()
    (output,) = _run(_compose(store), [['c1']])
    with self.assertRaisesRegex(
      simulation.DamagedClientStatesError, '^Expected client states [^\n]*$'
    ):
      _compose(store, _dgc()).next(output.state, ['c2'])

  def test_server_state_of_a_later_round_than_the_store_raises(self):
    _, output = _run(_compose(_DictStore()), [['c1'], ['c1']])
    store = simulation.ClientStateStore()
    process = _compose(store)
    _run(process, [['c1']])
    with self.assertRaisesRegex(
      ValueError, '^Expected the client states after round 2[^\n]*to round 1:'
    ):
      process.next(output.state, ['c1'])
    self.assertEqual(store.last_round, 1)

  def test_state_of_later_round_with_a_new_store_raises(self):
    (output,) = _run(_compose(_DictStore()), [['c1']])
    process = _compose(simulation.ClientStateStore())
    with self.assertRaisesRegex(
      ValueError, 'states after round 1, found a store without states: call'
    ):
      process.next(output.state, ['c1'])

  def test_states_stay_with_their_clients_on_two_workers(self):
    cohorts = [['c1', 'c2', 'c3', 'c4', 'c5'], ['c5', 'c3', 'c2', 'c1', 'c4']]
    store, other_store = _DictStore(), _DictStore()
    outputs = _run(_compose(store), cohorts)
    with tff.framework.get_context_stack().install(
      two_workers.create_context()
    ):
      others = _run(_compose(other_store), cohorts)
    for key, (residual,) in store.versions.items():
      self.assertAllClose(other_store.versions[key][0], residual, atol=1e-6)
    self.assertAllClose(
      others[-1].state.global_model_weights.trainable[0],
      outputs[-1].state.global_model_weights.trainable[0],
      atol=1e-6,
    )


if __name__ == '__main__':
  tf.test.main()
