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
"""Tests for initial_weights."""

import os
import tempfile

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
import numpy as np

from programs.command_line import runner
from programs.runs import saved_weights
from programs.training import initial_weights

_FORMAT = saved_weights.numbered(1, 0)


class InitialWeightsTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = self.enter_context(tempfile.TemporaryDirectory())
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  def _give(self, array: np.ndarray | None, name: str = 'model_weights.npz'):
    """Gives the flag a file with an array, or only its path."""
    path = os.path.join(self._dir, name)
    if array is not None:
      np.savez(path, **{'trainable/0': array})
    flags.FLAGS['initial_weights'].value = path
    return path

  def test_none_by_default(self):
    self.assertEqual(initial_weights.configuration(), {})
    like = saved_weights.SavedWeights((), ())
    self.assertIsNone(initial_weights.load(_FORMAT, like))

  def test_run_directory_stands_for_its_last_weights(self):
    array = np.arange(3, dtype=np.float32)
    path = self._give(array)
    of_file = initial_weights.configuration()
    flags.FLAGS['initial_weights'].value = self._dir
    self.assertEqual(initial_weights.path(), path)
    self.assertEqual(initial_weights.configuration(), of_file)
    like = saved_weights.SavedWeights((np.zeros_like(array),), ())
    found = initial_weights.load(_FORMAT, like)
    np.testing.assert_array_equal(found.trainable[0], array)

  def test_configuration_depends_on_the_weights_alone(self):
    arrays = np.zeros([2, 1]), np.zeros([1, 2]), np.ones([2, 1])
    self._give(arrays[0], 'first.npz')
    first = initial_weights.configuration()
    self.assertRegex(first['initial_weights'], '^sha256:[0-9a-f]{64}$')
    self._give(arrays[0], 'copy.npz')
    self.assertEqual(initial_weights.configuration(), first)
    for array in (*arrays[1:], arrays[0].astype(np.float32)):
      self._give(array)
      self.assertNotEqual(initial_weights.configuration(), first)

  def test_missing_file(self):
    path = self._give(None)
    with self.assertRaisesRegex(
      runner.UsageError, f'Expected the model_weights.npz of a run at {path}'
    ):
      initial_weights.configuration()


if __name__ == '__main__':
  absltest.main()
