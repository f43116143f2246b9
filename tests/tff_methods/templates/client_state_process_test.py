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
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import templates


@tff.federated_computation
def _initialize():
  return tff.federated_value(np.int32(0), tff.SERVER)


def _next(client_type=np.float32, result_type=None):
  """Returns a `next` that returns client states as they are, cast."""

  @tff.tensorflow.computation(client_type)
  def cast(x):
    return tf.cast(x, result_type or client_type)

  @tff.federated_computation(
    tff.FederatedType(np.int32, tff.SERVER),
    tff.FederatedType(tff.SequenceType(np.float32), tff.CLIENTS),
    tff.FederatedType(client_type, tff.CLIENTS),
  )
  def next_fn(state, data, client_states):
    del data  # Unused.
    return templates.ClientStateProcessOutput(
      state,
      tff.federated_value(np.float32(0), tff.SERVER),
      tff.federated_map(cast, client_states),
    )

  return next_fn


def _initial(dtype):
  @tff.tensorflow.computation
  def initial():
    return tf.zeros([], dtype)

  return initial


class ClientStateProcessComputationTest(
  parameterized.TestCase, tf.test.TestCase
):
  def test_is_an_iterative_process(self):
    next_fn, initial = _next(), _initial(np.float32)
    process = templates.ClientStateProcess(
      _initialize, next_fn, initial_client_state_fn=initial, accessors={}
    )
    self.assertIsInstance(process, tff.templates.IterativeProcess)
    self.assertIs(process.next, next_fn)
    self.assertIs(process.initial_client_state, initial)
    self.assertTrue(process.keeps_client_states)
    self.assertIs(process.next_after(0), next_fn)
    self.assertIs(process.next_after(10**6), next_fn)

  def test_warm_up_applies_to_the_first_rounds(self):
    steps = [_next() for _ in range(3)]
    process = templates.ClientStateProcess(
      _initialize,
      steps[2],
      initial_client_state_fn=_initial(np.float32),
      accessors={},
      warm_up=[(2, steps[0]), (1, steps[1])],
    )
    expected = [0, 0, 1, 2, 2]
    for num_rounds, step in enumerate(expected):
      self.assertIs(process.next_after(num_rounds), steps[step])
      self.assertIs(process.accounted_next(num_rounds), steps[step])
    self.assertIs(process.next, steps[2])

  @parameterized.named_parameters(
    ('argument', np.float32, np.float32, 'third argument of next'),
    ('result', np.float64, np.float32, 'third result of next'),
  )
  def test_other_client_states_raise(self, argument, result, message):
    with self.assertRaisesRegex(
      TypeError,
      r'^Expected the client states \{float64\}@CLIENTS as '
      rf'{message}, found \{{float32\}}@CLIENTS: take initial_client_state_fn '
      'and next_fn of one process.$',
    ):
      templates.ClientStateProcess(
        _initialize,
        _next(argument, result),
        initial_client_state_fn=_initial(np.float64),
        accessors={},
      )

  def test_other_types_in_the_warm_up_raise(self):
    with self.assertRaisesRegex(
      TypeError,
      r'^Expected rounds of the warm-up of type [^\n]*float32[^\n]*, found '
      r'[^\n]*float64[^\n]*: give all rounds the same states and result.$',
    ):
      templates.ClientStateProcess(
        _initialize,
        _next(),
        initial_client_state_fn=_initial(np.float32),
        accessors={},
        warm_up=[(1, _next()), (1, _next(np.float64))],
      )

  @parameterized.parameters(
    (0, ValueError, 'num_rounds of a WarmUp of at least 1, found 0: raise it'),
    (1.5, TypeError, 'num_rounds of a WarmUp to be an int, found float'),
  )
  def test_warm_up_of_no_rounds_raises(self, num_rounds, error, message):
    with self.assertRaisesRegex(error, f'^Expected {message}.$'):
      templates.compose_client_state_process(
        None,
        None,
        None,
        None,
        None,
        warm_up=[templates.WarmUp(num_rounds, None)],
      )

  def test_rounds_are_read_from_the_state(self):
    process = templates.ClientStateProcess(
      _initialize,
      _next(),
      initial_client_state_fn=_initial(np.float32),
      accessors={},
    )
    state = tff.learning.templates.LearningAlgorithmState(
      *[None] * 3, collections.OrderedDict(num_rounds=np.int32(7)), None
    )
    self.assertEqual(process.num_rounds(state), 7)
    self.assertIsInstance(process.num_rounds(state), int)


if __name__ == '__main__':
  tf.test.main()
