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
"""Tests for disclosures."""

import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from tasks import catalog
from tasks import disclosures
from tasks import options as options_lib
from tests.tasks.folder import folders

_SEPARATE = {
  'digits',
  'mnist',
  'cifar10',
  'gldv2',
  'delicious',
  'bibtex',
  'stackex',
  'xc',
}


def _schema(classes):
  return {'features': {'x': {}}, 'label': {'column': 'y', 'classes': classes}}


class FindTest(parameterized.TestCase):
  def test_tasks_with_data_apart_from_their_clients(self):
    found = {
      name
      for name in catalog.TASK_NAMES
      if name != 'folder' and disclosures.find(name) is None
    }
    self.assertEqual(found, _SEPARATE)

  def test_nothing_is_known_of_a_function(self):
    self.assertIsNone(disclosures.find('my_tasks:build'))

  @parameterized.parameters(
    (None, 2, 'read held-out examples'),
    ('example', 2, 'read held-out examples'),
    ('client', 'all', 'the labels that clients have'),
    ('client', 2, None),
    ('client', ['a', 'b'], None),
  )
  def test_folder(self, split, classes, expected):
    with tempfile.TemporaryDirectory() as directory:
      folders.write(directory, {}, _schema(classes))
      found = disclosures.find(
        'folder', directory, options_lib.TaskOptions(split=split)
      )
    if expected is None:
      self.assertIsNone(found)
    else:
      self.assertIn(expected, found)


if __name__ == '__main__':
  absltest.main()
