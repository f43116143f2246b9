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
from tests.tff_methods.runtime import two_workers
from tff_methods import algorithms
from tff_methods import simulation

_SGD = tff.learning.optimizers.build_sgdm(0.1)


class _DictStore:
  """All versions of all states, as simply as can be."""

  def __init__(self):
    self.versions = {}

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
  """Each client has the same examples, moved by its number."""
  shift = tf.strings.to_number(tf.strings.substr(client_id, -1, 1))
  return _datasets()[0].map(lambda x, y: (x + 0.1 * shift, y))


@functools.cache
def _dhqc():
  return algorithms.build_dhqc_fed_avg(
    linear_model.model_fn, _SGD, fraction=0.1, bits=4
  )


@functools.cache
def _dgc():
  return algorithms.build_dgc_fed_avg(
    linear_model.model_fn,
    _SGD,
    fraction=0.05,
    warm_up_fractions=[0.5, 0.25],
    rounds_per_warm_up_fraction=2,
  )


def _stored(store, process=None):
  return simulation.StoredClientStates(process or _dhqc(), _client_data, store)


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


class StoredClientStatesTest(parameterized.TestCase, tf.test.TestCase):
  def test_is_like_a_learning_process(self):
    process = _stored(_DictStore())
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

  def test_gives_each_client_what_it_had(self):
    """The same rounds, with a hand that passes states to and fro."""
    cohorts = [['c1', 'c2'], ['c3', 'c1'], ['c2', 'c4', 'c1'], ['c3', 'c2']]
    store = _DictStore()
    outputs = _run(_stored(store), cohorts)
    state, kept = _dhqc().initialize(), {}
    for i, cohort in enumerate(cohorts):
      initial = _dhqc().initial_client_state()
      expected = _dhqc().next(
        state,
        [_client_data(c) for c in cohort],
        [kept.get(c, initial) for c in cohort],
      )
      state = expected.state
      kept.update(zip(cohort, expected.client_states, strict=True))
      self.assertEqual(_bytes(outputs[i].state), _bytes(state))
      self.assertEqual(
        outputs[i].metrics['client_work']['train'],
        expected.metrics['client_work']['train'],
      )
    found = store.read(['c1', 'c2', 'c3', 'c4'], len(cohorts))
    for client_id, (unsent,) in zip(sorted(kept), found, strict=True):
      expected = kept[client_id][0]['residual']
      self.assertEqual(unsent.tobytes(), expected.tobytes())
    self.assertCountEqual(
      store.versions,
      [(i + 1, c) for i, cohort in enumerate(cohorts) for c in cohort],
    )

  def test_skipped_client_finds_what_it_had(self):
    store = simulation.ClientStateStore()
    process = _stored(store)
    (first,) = _run(process, [['c1']])
    ((left,),) = store.read(['c1'], 1)
    self.assertEqual(np.count_nonzero(left), 84)
    others = [[f'{i}c{i % 3 + 2}'] for i in range(20)]
    *_, last = _run(process, others, first.state)
    ((found,),) = store.read(['c1'], 21)
    self.assertEqual(found.tobytes(), left.tobytes())
    # And it goes on from there.
    process.next(last.state, ['c1'])
    (expected,) = (
      _dhqc()
      .next(last.state, [_client_data('c1')], [[{'residual': left}]])
      .client_states
    )
    ((kept,),) = store.read(['c1'], 22)
    self.assertEqual(kept.tobytes(), expected[0]['residual'].tobytes())
    self.assertNotEqual(kept.tobytes(), left.tobytes())

  def test_any_round_can_be_run_again(self):
    store = _DictStore()
    process = _stored(store)
    cohorts = [['c1', 'c2'], ['c2', 'c3'], ['c1', 'c2', 'c3'], ['c3', 'c1']]
    outputs = _run(process, cohorts)
    contents = store.contents()
    # A detour with others, whose states must not be left behind.
    _run(process, [['c3', 'c4'], ['c4', 'c1']], state=outputs[1].state)
    self.assertNotEqual(store.contents(), contents)
    again = _run(process, cohorts[2:], state=outputs[1].state)
    for output, expected in zip(again, outputs[2:], strict=True):
      self.assertEqual(_bytes(output.state), _bytes(expected.state))
    self.assertEqual(store.contents(), contents)

  def test_stores_give_the_same(self):
    cohorts = [['c1', 'c2'], ['c2', 'c3'], ['c3', 'c1']]
    *_, expected = _run(_stored(_DictStore()), cohorts)
    *_, found = _run(_stored(simulation.ClientStateStore()), cohorts)
    self.assertEqual(_bytes(found.state), _bytes(expected.state))

  def test_warm_up_rounds_come_first(self):
    store = _DictStore()
    process = _stored(store, _dgc())
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
    # Both tensors, of both what is unsent and the velocity.
    (arrays,) = store.read(['c1'], 2)
    self.assertEqual([a.shape for a in arrays], [(20, 4), (20, 4), (4,), (4,)])

  @parameterized.parameters((['c1', 'c2', 'c1'], 1), (['c1'] * 3, 2))
  def test_client_there_twice_raises(self, client_ids, num_twice):
    store = _DictStore()
    process = _stored(store)
    with self.assertRaisesRegex(
      ValueError,
      '^Expected distinct clients, since each has one state, found '
      f'{num_twice} twice: sample without replacement.$',
    ):
      process.next(process.initialize(), client_ids)
    self.assertEmpty(store.versions)

  @parameterized.parameters(
    ('c1', "a list of client ids, found the string 'c1'"),
    ([1, 2], 'client ids, which are strings, found int: the process reads'),
  )
  def test_what_is_no_list_of_ids_raises(self, client_ids, message):
    process = _stored(_DictStore())
    with self.assertRaisesRegex(TypeError, f'^Expected {message}'):
      process.next(process.initialize(), client_ids)

  def test_states_of_another_process_raise(self):
    store = _DictStore()
    (output,) = _run(_stored(store), [['c1']])
    other = _stored(store, _dgc())
    with self.assertRaisesRegex(
      ValueError, 'give each process a store of its own.$'
    ):
      other.next(output.state, ['c1'])

  def test_state_of_later_round_with_a_new_store_raises(self):
    (output,) = _run(_stored(_DictStore()), [['c1']])
    process = _stored(simulation.ClientStateStore())
    with self.assertRaisesRegex(
      ValueError, 'states after round 1, found a store that has none yet'
    ):
      process.next(output.state, ['c1'])

  def test_states_stay_with_their_clients_on_two_workers(self):
    cohorts = [['c1', 'c2', 'c3', 'c4', 'c5'], ['c5', 'c3', 'c2', 'c1', 'c4']]
    store, other_store = _DictStore(), _DictStore()
    outputs = _run(_stored(store), cohorts)
    with tff.framework.get_context_stack().install(
      two_workers.create_context()
    ):
      others = _run(_stored(other_store), cohorts)
    for key, (unsent,) in store.versions.items():
      self.assertAllClose(other_store.versions[key][0], unsent, atol=1e-6)
    self.assertAllClose(
      others[-1].state.global_model_weights.trainable[0],
      outputs[-1].state.global_model_weights.trainable[0],
      atol=1e-6,
    )


if __name__ == '__main__':
  tf.test.main()
