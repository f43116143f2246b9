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
"""Tests of processes whose clients draw from salts."""

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import caching
from tests.tff_methods import linear_model
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods.templates import salted_process

_SGD = tff.learning.optimizers.build_sgdm(0.1)


@caching.cache
def _build(**kwargs):
  return algorithms.build_sketched_update_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.SketchOptions(
      bits=None, fraction=0.1, rotation=False, min_elements=10, **kwargs
    ),
  )


def _sent(output):
  """Returns which of the 80 weights changed."""
  return np.asarray(output.state.global_model_weights.trainable[0]) != 0


class SaltedProcessComputationTest(tf.test.TestCase):
  def test_only_processes_whose_clients_draw_have_salts(self):
    self.assertIsInstance(_build(), salted_process.SaltedProcess)
    for process in (
      _build(seed_source='entropy'),
      algorithms.build_sketched_update_fed_avg(linear_model.model_fn, _SGD),
    ):
      self.assertNotIsInstance(process, salted_process.SaltedProcess)

  def test_types_and_bytes_are_those_without_salts(self):
    salted, plain = _build(), _build(seed_source='entropy')
    self.assertEqual(salted.next.type_signature, plain.next.type_signature)
    self.assertEqual(
      salted.get_hparams.type_signature, plain.get_hparams.type_signature
    )
    self.assertEqual(
      communication.traced_bytes(salted.next),
      communication.traced_bytes(plain.next),
    )
    self.assertEqual(
      salted.next_with_ids.type_signature.parameter[2],
      tff.FederatedType(np.str_, tff.CLIENTS),
    )


class SaltedProcessExecutionTest(tf.test.TestCase):
  def test_clients_draw_from_their_data(self):
    process = _build()
    first, second, _ = linear_model.datasets()
    state = process.initialize()
    of_first, again, of_second = (
      _sent(process.next(state, [c])) for c in (first, first, second)
    )
    self.assertEqual(of_first.sum(), 8)
    self.assertAllEqual(of_first, again)
    self.assertNotAllEqual(of_first, of_second)

  def test_draws_do_not_depend_on_the_update(self):
    """Any other rounding of the kernels draws the same."""
    process = _build()
    (client,) = linear_model.datasets(1)
    state = process.initialize()
    hparams = process.get_hparams(state)
    hparams['client_work']['learning_rate'] = np.float32(0.07)
    other = process.set_hparams(state, hparams)
    found, expected = (process.next(s, [client]) for s in (other, state))
    self.assertAllEqual(_sent(found), _sent(expected))
    self.assertNotAllClose(
      found.state.global_model_weights.trainable[0],
      expected.state.global_model_weights.trainable[0],
    )

  def test_ids_make_clients_with_the_same_data_differ(self):
    process = _build()
    (client,) = linear_model.datasets(1)
    state = process.initialize()

    def sent(client_ids):
      clients = [client] * len(client_ids)
      return _sent(process.next_with_ids(state, clients, client_ids))

    one, two = sent(['one']), sent(['two'])
    self.assertNotAllEqual(one, two)
    self.assertAllEqual(sent(['one', 'two']), one | two)
    self.assertAllEqual(sent(['one', 'one']), one)


if __name__ == '__main__':
  tf.test.main()
