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
"""Tests of what TensorFlow logs about unused assertions."""

import logging

from absl.testing import absltest

from programs.methods import unused_assertions

_MESSAGE = (
  "Object was never used (type Operation):\n<tf.Operation '%s' type=Id>"
)


class HiddenTest(absltest.TestCase):
  def test_drops_assertions_alone_and_in_the_context_alone(self):
    logger = logging.getLogger('tensorflow')
    with self.assertLogs(logger) as logs:
      with unused_assertions.hidden():
        logger.error(_MESSAGE, 'assert_less_equal_1/Assert/Identity')
        logger.error(_MESSAGE, 'TensorArrayWrite')
        logger.error("assert_less_equal failed: <tf.Operation '...'>")
      logger.error(_MESSAGE, 'assert_less_equal')
    found = [record.getMessage() for record in logs.records]
    self.assertLen(found, 3)
    self.assertIn('TensorArrayWrite', found[0])
    self.assertIn('failed', found[1])
    self.assertIn('assert_less_equal', found[2])


if __name__ == '__main__':
  absltest.main()
