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
"""Tests of client states in memory."""

from absl.testing import absltest
import numpy as np

from tff_methods.simulation import client_state_cache


def _state(value: float, size: int = 10) -> list[np.ndarray]:
  return [np.full([size], value), np.float32(value)]  # 84 bytes.


class ClientStateCacheTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.cache = client_state_cache.ClientStateCache(max_bytes=200)

  def assert_value(self, key, version, value):
    array, scalar = self.cache.get(key, version)
    np.testing.assert_array_equal(array, np.full([10], value))
    self.assertEqual((scalar, scalar.dtype), (value, np.float32))

  def test_returns_what_was_put(self):
    self.assertIsNone(self.cache.get('a', 1))
    self.cache.put('a', 1, _state(1.0))
    self.assert_value('a', 1, 1.0)
    self.assertIsNone(self.cache.get('a', 2))
    self.cache.put('a', 1, _state(2.0))
    self.assert_value('a', 1, 2.0)
    self.cache.remove('a', 1)
    self.cache.remove('a', 1)
    self.assertIsNone(self.cache.get('a', 1))

  def test_least_recently_used_states_leave(self):
    self.cache.put('a', 1, _state(1.0))
    self.cache.put('b', 1, _state(2.0))
    self.cache.get('a', 1)
    self.cache.put('c', 1, _state(3.0))
    self.assertIsNone(self.cache.get('b', 1))
    self.assert_value('a', 1, 1.0)
    self.assert_value('c', 1, 3.0)

  def test_too_large_a_state_replaces_nothing_but_its_version(self):
    self.cache.put('a', 1, _state(1.0))
    self.cache.put('b', 1, _state(2.0))
    self.cache.put('b', 1, _state(3.0, size=100))
    self.assert_value('a', 1, 1.0)
    self.assertIsNone(self.cache.get('b', 1))

  def test_read_only_arrays_are_not_copied(self):
    array = np.zeros(3)
    array.flags.writeable = False
    self.cache.put('a', 1, [array])
    self.assertIs(self.cache.get('a', 1)[0], array)

  def test_read_only_views_are_copied(self):
    array = np.zeros(3)
    view = array[:]
    view.flags.writeable = False
    self.cache.put('a', 1, [view])
    array[:] = 1.0
    np.testing.assert_array_equal(self.cache.get('a', 1)[0], np.zeros(3))

  def test_arrays_are_read_only_copies(self):
    state = _state(1.0)
    self.cache.put('a', 1, state)
    state[0][:] = 2.0
    self.assert_value('a', 1, 1.0)
    with self.assertRaisesRegex(ValueError, 'read-only'):
      self.cache.get('a', 1)[0][:] = 2.0


if __name__ == '__main__':
  absltest.main()
