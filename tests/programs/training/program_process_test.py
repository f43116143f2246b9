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
"""Tests for program_process; see also `program_platforms_test`."""

from absl.testing import absltest
import numpy as np
import tensorflow_federated as tff

from programs.training import program_process
from programs.training import program_types
from tff_methods import runtime


class _ClientIdProcess:
  """Process whose calls return the context in which they run."""

  def __init__(self, learning_process=None):
    self.learning_process = learning_process

  def _context(self, *args):
    return tff.framework.get_context_stack().current, args

  initialize = next = get_model_weights = set_model_weights = _context


class ProgramProcessTest(absltest.TestCase):
  def test_process_without_client_states_is_that_of_tff(self):
    learning_process = object()
    process = program_process.of_client_id_process(
      _ClientIdProcess(learning_process), None
    )
    self.assertIs(process, learning_process)

  def test_rounds_with_client_states_run_in_the_execution_context(self):
    context = runtime.create_in_process_context('cpu')
    program_context = runtime.create_program_context(context)
    process = program_process.of_client_id_process(_ClientIdProcess(), context)
    self.assertIsInstance(process, program_types.ClientIdRounds)
    self.assertEqual(
      process.client_data_type, tff.FederatedType(np.str_, tff.CLIENTS)
    )
    with tff.framework.get_context_stack().install(program_context):
      self.assertEqual(process.initialize(), (context, ()))
      self.assertEqual(process.next('s', ['a']), (context, ('s', ['a'])))
      self.assertEqual(process.get_model_weights('s'), (context, ('s',)))
      self.assertEqual(
        process.set_model_weights('s', 'w'), (context, ('s', 'w'))
      )
      self.assertIs(tff.framework.get_context_stack().current, program_context)


if __name__ == '__main__':
  absltest.main()
