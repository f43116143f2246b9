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
"""Tests for processes."""

from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
import tensorflow_federated as tff

from programs.methods import method_flags
from programs.methods import registry
from programs.training import optimizers
from programs.training import processes


class ProcessesTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  def test_builds_with_all_that_the_flags_choose(self):
    built = []

    def build(*arguments, **weighting):
      built.append((*arguments, weighting))
      return 'process'

    self.enter_context(
      mock.patch.dict(registry.METHODS, {'fed_avg': registry.Method(build)})
    )
    with flagsaver.flagsaver(
      method='fed_avg',
      client_weighting='uniform',
      client_optimizer='adam',
      server_optimizer='yogi',
      downlink_bits='4',
    ):
      choice = method_flags.choice(seed=3)
      self.assertEqual(processes.build_process('task', choice), 'process')
      expected = (
        optimizers.build_client_optimizer(),
        optimizers.build_server_optimizer(),
      )
    ((task, client, server, options, downlink, weighting),) = built
    self.assertEqual((task, options), ('task', None))
    self.assertEqual([type(client), type(server)], list(map(type, expected)))
    self.assertEqual((downlink.bits, downlink.base_seed), (4, 3))
    self.assertEqual(
      weighting, {'client_weighting': tff.learning.ClientWeighting.UNIFORM}
    )


if __name__ == '__main__':
  absltest.main()
