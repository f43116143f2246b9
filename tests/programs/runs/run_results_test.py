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
"""Tests of the results of finished runs."""

import pathlib
import tempfile

from absl.testing import absltest

from programs.runs import run_files
from programs.runs import run_results

_BYTES = {'uplink_bytes': 20, 'downlink_bytes': 28}
_SUMMARY = {
  **_BYTES,
  'task': 'digits',
  'method': 'fed_avg',
  'rounds': 3,
  'metrics': {'accuracy': 0.4},
  'seconds': 1.5,
  'rounds_without_update': 0,
  'stopped_early': False,
  'best_metric': 'accuracy',
  'best': {**_BYTES, 'rounds': 2, 'metrics': {'accuracy': 0.6}},
  'model_bytes': 4,
  'configuration': {},
}
_ROWS = (
  'round,uplink_bytes,downlink_bytes,evaluation/accuracy\n'
  '0,0,0,0.1\n1,5,7,\n2,10,14,0.6\n3,20,28,0.4\n'
)


class RunResultsTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._path = self.enter_context(tempfile.TemporaryDirectory())

  def _write(self, name: str, summary=_SUMMARY) -> str:
    path = pathlib.Path(self._path, name)
    path.mkdir()
    run_files.write_json(str(path / 'summary.json'), summary)
    (path / 'metrics.csv').write_text(_ROWS)
    return str(path)

  def test_last_and_best(self):
    path = self._write('run')
    self.assertEqual(run_results.last(path), _SUMMARY)
    best = run_results.best(path)
    self.assertEqual((best['rounds'], best['method']), (2, 'fed_avg'))
    self.assertEqual(best['metrics'], {'accuracy': 0.6})

  def test_first_evaluation_as_good_as_the_best_of_another_run(self):
    path = self._write('run')
    goal = {**_BYTES, 'rounds': 9, 'metrics': {'accuracy': 0.3}}
    other = self._write('other', {**_SUMMARY, 'best': goal})
    found = run_results.first_as_good(path, other)
    self.assertEqual(
      (found['rounds'], found['uplink_bytes'], found['downlink_bytes']),
      (2, 10, 14),
    )
    self.assertEqual(found['metrics'], {'accuracy': 0.6})

  def test_none_is_as_good(self):
    path = self._write('run')
    goal = {**_BYTES, 'rounds': 9, 'metrics': {'accuracy': 0.7}}
    other = self._write('other', {**_SUMMARY, 'best': goal})
    self.assertIsNone(run_results.first_as_good(path, other))

  def test_unfinished_run(self):
    with self.assertRaisesRegex(ValueError, 'Expected a finished run in .*'):
      run_results.last(self._path)


if __name__ == '__main__':
  absltest.main()
