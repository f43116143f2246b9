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

import hashlib
from unittest import mock

from absl.testing import absltest
import numpy as np

from tasks import sources


class OpenSourceTest(absltest.TestCase):
  def test_passes_a_given_directory_only(self):
    open_fn = mock.Mock(return_value=sources.Source('abc', lambda: 3))
    source = sources.open_source(open_fn, '/some/where')
    open_fn.assert_called_once_with('/some/where')
    self.assertEqual((source.fingerprint, source.load()), ('abc', 3))
    open_fn.reset_mock()
    sources.open_source(open_fn, None)
    open_fn.assert_called_once_with()


class IsHeldOutTest(absltest.TestCase):
  def test_is_a_tenth_of_the_names(self):
    n = 20_000
    share = np.mean([sources.is_held_out(f'name{i}') for i in range(n)])
    # Five standard deviations of a binomial share.
    self.assertAlmostEqual(share, 0.1, delta=5 * np.sqrt(0.1 * 0.9 / n))

  def test_is_the_same_in_every_process(self):
    for i in range(200):
      # The first 8 bytes of the digest, in little-endian order.
      digits = hashlib.sha256(f'm{i}'.encode()).digest()[7::-1].hex()
      self.assertEqual(sources.is_held_out(f'm{i}'), int(digits, 16) % 10 == 0)


if __name__ == '__main__':
  absltest.main()
