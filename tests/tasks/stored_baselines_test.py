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
"""Tests for stored_baselines."""

import os
import tempfile
from unittest import mock

from absl.testing import absltest

from tasks import stored_baselines


class StoredBaselinesTest(absltest.TestCase):
  def test_metrics_are_computed_once(self):
    directory = self.enterContext(tempfile.TemporaryDirectory())
    path = os.path.join(directory, 'accuracies.json')
    compute = mock.Mock(return_value={'unigram_accuracy': 1 / 3})
    for _ in range(2):
      found = stored_baselines.load_or_compute(path, compute)
      self.assertEqual(found, {'unigram_accuracy': 1 / 3})
    compute.assert_called_once_with()
    self.assertEqual(os.listdir(directory), ['accuracies.json'])

  def test_damaged_file_and_missing_directory(self):
    directory = self.enterContext(tempfile.TemporaryDirectory())
    path = os.path.join(directory, 'accuracies.json')
    with open(path, 'w') as f:
      f.write('{"unigram_acc')
    compute = mock.Mock(return_value={'unigram_accuracy': 0.5})
    missing = os.path.join(directory, 'missing', 'accuracies.json')
    for p in (path, path, missing):
      found = stored_baselines.load_or_compute(p, compute)
      self.assertEqual(found, {'unigram_accuracy': 0.5})
    self.assertEqual(compute.call_count, 2)


if __name__ == '__main__':
  absltest.main()
