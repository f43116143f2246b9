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
"""Tests of the files of a run directory."""

import copy
import errno
import json
import os
import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import runner
from programs.runs import run_files

_RESULTS = {
  'rounds': 4,
  'metrics': {'accuracy': 0.4, 'loss': 1},
  'uplink_bytes': 20,
  'downlink_bytes': 28,
}
SUMMARY = {
  **_RESULTS,
  'task': 'digits',
  'method': 'fed_avg',
  'seconds': 3.5,
  'rounds_without_update': 0,
  'stopped_early': False,
  'best_metric': 'accuracy',
  'best': {**_RESULTS, 'rounds': 2},
  'model_bytes': 40,
  'configuration': {},
}


class RunFilesTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = self.enterContext(tempfile.TemporaryDirectory())
    self._path = os.path.join(self._dir, 'summary.json')

  def test_summary_is_none_until_written(self):
    self.assertIsNone(run_files.read_summary(self._dir))
    run_files.write_json(self._path, SUMMARY)
    self.assertEqual(run_files.read_summary(self._dir), SUMMARY)

  def test_failing_write_leaves_the_former_file(self):
    run_files.write_json(self._path, {'a': 1})
    with self.assertRaises(TypeError):
      run_files.write_json(self._path, {'a': 2, 'b': object()})
    self.assertEqual(json.loads(pathlib.Path(self._path).read_text()), {'a': 1})

  @parameterized.named_parameters(
    ('full', OSError(errno.ENOSPC, 'No space left on device'), 'No space left'),
    ('full_numpy', OSError('151306 requested and 123838 written'), 'No space'),
    ('denied', OSError(errno.EACCES, 'Permission denied'), 'Permission denied'),
    ('lines', OSError('one\ntwo'), 'found: one; make room'),
    ('nothing', OSError(), 'found: OSError; make room'),
  )
  def test_storage_error_is_one_line(self, error, message):
    with mock.patch.object(os, 'replace', side_effect=error):
      with self.assertRaisesRegex(
        run_files.StorageError, f'^[^\n]*{self._path}, [^\n]*{message}[^\n]*$'
      ):
        run_files.write_json(self._path, {})

  @parameterized.named_parameters(
    ('empty', '', 'no JSON'),
    ('cut', '{"rounds": 3', 'no JSON'),
    ('binary', '\udcff\udcfe', 'no JSON'),
    ('surrogate', '{"task": "\\ud800"}', 'no JSON'),
    ('deep', '[' * 100_000, 'no JSON'),
    ('list', '[]', 'a JSON list'),
    ('no_entries', '{}', 'None as task'),
  )
  def test_damaged_summary(self, contents, message):
    pathlib.Path(self._path).write_bytes(
      contents.encode('utf-8', 'surrogateescape')
    )
    self._assert_damaged(message)

  @parameterized.parameters(
    ('rounds', '4'),
    ('rounds', True),
    ('metrics', {'accuracy': 'high'}),
    ('metrics', [0.4]),
    ('stopped_early', 0),
    ('best', {}),
    ('best', {**_RESULTS, 'metrics': {'accuracy': None}}),
    ('seconds', None),
    ('seconds', 10**400),
    ('rounds', -1),
    ('uplink_bytes', 10**400),
    ('model_bytes', 2**63),
    ('metrics', {'accuracy': 10**400, 'loss': 1}),
    ('metrics', {'accuracy': 0.5}),
    ('metrics', {'loss': 0.5}),
    ('best', {**_RESULTS, 'rounds': 5}),
    ('num_clients', -1),
    ('num_clients', 2.0),
    ('privacy', [1]),
    ('privacy', {'epsilon': 'small'}),
    ('privacy', {'epsilon': None}),
    ('best_metric', 'f1'),
  )
  def test_summary_of_a_wrong_shape(self, name, value):
    summary = copy.deepcopy(SUMMARY)
    summary[name] = value
    run_files.write_json(self._path, summary)
    self._assert_damaged(
      rf'as ([a-z.]*{name}|best|{name}\.\w+|metrics\.f1)[^\n]*'
    )

  @parameterized.parameters('precision_at_1', 'mean_absolute_error')
  def test_runs_without_accuracy(self, name):
    summary = copy.deepcopy(SUMMARY)
    metrics = {name: 0.3, 'loss': float('nan')}
    summary |= {'metrics': metrics, 'best_metric': 'loss'}
    summary['best']['metrics'] = metrics
    run_files.write_json(self._path, summary)
    self.assertEqual(run_files.read_summary(self._dir)['best_metric'], 'loss')

  @parameterized.parameters(
    (
      '{{function_node __wrapped__Save_device_/job:localhost}} /a/b; No space '
      'left on device [Op:SaveV2] name: x\nmore',
      '/a/b; No space left on device',
    ),
    ('a\nb', 'a'),
    ('', 'ValueError'),
    ('x' * 999, 'x' * 200),
  )
  def test_first_line(self, message, expected):
    self.assertEqual(run_files.first_line(ValueError(message)), expected)

  def test_directory_in_its_place(self):
    os.mkdir(self._path)
    self._assert_damaged('Is a directory')

  def _assert_damaged(self, message):
    with self.assertRaisesRegex(
      runner.UsageError, rf'^[^\n]*{self._path} [^\n]*({message})[^\n]*copy'
    ):
      run_files.read_summary(self._dir)


if __name__ == '__main__':
  absltest.main()
