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
"""Tests of the description of the environment."""

from importlib import metadata
import os
import pathlib
import subprocess
import tempfile
from unittest import mock

from absl.testing import absltest

from programs.runs import environment


class EnvironmentTest(absltest.TestCase):
  def test_has_versions_kernels_and_processor(self):
    with mock.patch.dict(
      os.environ, TF_ENABLE_ONEDNN_OPTS='0', TF_NUM_INTRAOP_THREADS='3'
    ):
      found = environment.describe('workers')
    self.assertEqual(found['tensorflow'], metadata.version('tensorflow'))
    self.assertEqual(found['TF_ENABLE_ONEDNN_OPTS'], '0')
    self.assertEqual(found['TF_NUM_INTRAOP_THREADS'], '3')
    self.assertEqual(found['runtime'], 'workers')
    self.assertNotEmpty(found['processor'])

  def test_cores_are_those_of_the_process(self):
    with mock.patch.object(os, 'sched_getaffinity', return_value={0, 3, 4}):
      self.assertEqual(environment.describe('workers')['cores'], '3')

  def test_commit(self):
    root = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    self.enter_context(mock.patch.object(environment, '_ROOT', root))
    self.assertEqual(environment.describe('workers')['commit'], 'none')
    (root / 'file').write_text('1')
    git = ['git', '-c', 'user.name=a', '-c', 'user.email=a@b.c', '-C', root]
    for command in ('init -q', 'add file', 'commit -q -m first'):
      subprocess.run([*git, *command.split()], check=True)
    head = (root / '.git/HEAD').read_text().split()[1]
    commit = (root / '.git' / head).read_text().strip()
    self.assertEqual(environment.describe('workers')['commit'], commit)
    (root / 'file').write_text('2')
    self.assertEqual(
      environment.describe('workers')['commit'], f'{commit}-dirty'
    )

  def test_without_git(self):
    error = FileNotFoundError('git')
    with mock.patch.object(subprocess, 'run', side_effect=error):
      self.assertEqual(environment.describe('workers')['commit'], 'none')

  def test_changes(self):
    self.assertEqual(
      environment.changes({'a': '1', 'b': '2', 'c': '3'}, {'a': '1', 'b': '4'}),
      ['b: 2 before, 4 now', 'c: 3 before, unknown now'],
    )
    self.assertEmpty(environment.changes({'a': '1'}, {'a': '1'}))


if __name__ == '__main__':
  absltest.main()
