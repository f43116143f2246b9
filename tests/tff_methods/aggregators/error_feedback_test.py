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

from tff_methods import aggregators

_SPEC = tf.TensorSpec([2, 3], tf.float32)


def _run(feedback, updates, sent, errors):
  """Returns the residual to send and the state after it, for each round."""
  state, rounds = feedback.initial_state(_SPEC), []
  for update, is_sent, error in zip(updates, sent, errors, strict=True):
    added = feedback.add(state, tf.constant(update))
    state = feedback.remove(added, tf.constant(is_sent), tf.constant(error))
    rounds.append(
      (added['residual'].numpy(), {n: x.numpy() for n, x in state.items()})
    )
  return rounds


def _rounds(num_rounds=4):
  rng = np.random.default_rng(0)
  size = [num_rounds, *_SPEC.shape]
  updates = rng.normal(size=size).astype(np.float32)
  errors = rng.normal(size=size).astype(np.float32)
  return updates, rng.random(size) < 0.4, errors


class ErrorFeedbackComputationTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters(
    ('feedback', aggregators.ResidualFeedback(), ['residual']),
    (
      'momentum',
      aggregators.MomentumCorrection(0.9),
      ['residual', 'velocity'],
    ),
  )
  def test_first_state_is_zeros_of_the_tensor(self, feedback, names):
    for dtype in (tf.float32, tf.float64):
      state = feedback.initial_state(tf.TensorSpec([2, 3], dtype))
      self.assertEqual(list(state), names)
      for tensor in state.values():
        self.assertEqual(tensor.dtype, dtype)
        self.assertAllEqual(tensor, np.zeros([2, 3]))

  def test_unknown_feedback_raises(self):
    with self.assertRaisesRegex(
      ValueError,
      "^Expected feedback to be one of .*'unsent_values'.*, found 'all'.$",
    ):
      aggregators.ResidualFeedback('all')

  @parameterized.parameters(-0.1, 1.0, float('nan'))
  def test_momentum_out_of_range_raises(self, momentum):
    with self.assertRaisesRegex(
      ValueError,
      f'^Expected momentum of at least 0 and below 1, found {momentum}.$',
    ):
      aggregators.MomentumCorrection(momentum)


class ResidualFeedbackExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.parameters('unsent_values', 'residual')
  def test_keeps_values_until_they_are_sent(self, feedback):
    updates, sent, errors = _rounds()
    rounds = _run(aggregators.ResidualFeedback(feedback), updates, sent, errors)
    # Value by value, the sum since it was last sent.
    for position in np.ndindex(*_SPEC.shape):
      kept = np.float32(0)
      for i, (residual, state) in enumerate(rounds):
        kept += updates[i][position]
        self.assertEqual(residual[position], kept)
        if sent[i][position]:
          kept = np.float32(0)
          if feedback == 'residual':
            kept = errors[i][position]
        self.assertEqual(state['residual'][position], kept)


class MomentumCorrectionExecutionTest(parameterized.TestCase, tf.test.TestCase):
  def test_without_sending_it_is_a_sum_of_momentum_steps(self):
    updates, sent, errors = _rounds(num_rounds=6)
    feedback = aggregators.MomentumCorrection(0.5)
    rounds = _run(feedback, updates, np.zeros_like(sent), errors)
    # As the weights of SGD with momentum: update j counts 1 + m + m**2 + ...
    for i, (residual, _) in enumerate(rounds):
      expected = sum(
        updates[j] * sum(0.5**age for age in range(i - j + 1))
        for j in range(i + 1)
      )
      self.assertAllClose(residual, expected, rtol=1e-6)

  def test_nesterov_is_a_step_ahead_of_plain_momentum(self):
    """Sutskever et al. (2013): the step looks ahead by momentum * velocity."""
    updates, sent, errors = _rounds(num_rounds=6)
    feedback = aggregators.MomentumCorrection(0.5, nesterov=True)
    rounds = _run(feedback, updates, np.zeros_like(sent), errors)
    # As plain momentum, but update j counts 1 + m + ... once more.
    for i, (residual, _) in enumerate(rounds):
      expected = sum(
        updates[j] * sum(0.5**age for age in range(i - j + 2))
        for j in range(i + 1)
      )
      self.assertAllClose(residual, expected, rtol=1e-6)

  def test_momentum_stops_where_a_value_is_sent(self):
    updates, sent, errors = _rounds(num_rounds=6)
    feedback = aggregators.MomentumCorrection(0.9)
    rounds = _run(feedback, updates, sent, errors)
    for position in np.ndindex(*_SPEC.shape):
      u = v = 0.0
      for i, (residual, state) in enumerate(rounds):
        u = 0.9 * u + updates[i][position]
        v += u
        self.assertAlmostEqual(residual[position], v, places=5)
        if sent[i][position]:
          u = v = 0.0
          self.assertEqual(state['residual'][position], 0.0)
          self.assertEqual(state['velocity'][position], 0.0)
        self.assertAlmostEqual(state['velocity'][position], u, places=5)

  def test_without_momentum_it_is_residual_feedback(self):
    rounds = _rounds()
    ours = _run(aggregators.MomentumCorrection(0.0), *rounds)
    theirs = _run(aggregators.ResidualFeedback('unsent_values'), *rounds)
    for (residual, state), (other_residual, other) in zip(
      ours, theirs, strict=True
    ):
      self.assertAllEqual(residual, other_residual)
      self.assertAllEqual(state['residual'], other['residual'])


if __name__ == '__main__':
  tf.test.main()
