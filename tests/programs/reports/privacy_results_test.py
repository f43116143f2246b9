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
"""Tests for privacy_results."""

import pathlib
import tempfile

from absl.testing import absltest

from programs.reports import comparison
from programs.reports import comparison_report
from programs.reports import comparison_table
from programs.reports import privacy_results
from programs.runs import readable_runs
from tests.programs.runs import example_runs

_GUARANTEE = {
  'epsilon': 2.53,
  'delta': 7e-5,
  'neighbours': 'one client replaced',
  'assumption': 'secret cohorts',
}
_NONE = {'epsilon': None, 'reason': 'there is no noise'}


class PrivacyResultsTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

  def _groups(self, **privacy_by_name) -> comparison.Groups:
    """Writes and reads a run for each entry `privacy` of a configuration."""
    paths = []
    for name, entries in privacy_by_name.items():
      for seed, privacy in enumerate(entries):
        path = example_runs.write(self._path / name / f'seed_{seed}', seed=seed)
        if privacy is not None:
          example_runs.change_summary(path, privacy=privacy)
        paths.append(str(path))
    return comparison.group(readable_runs.read(paths)[0])

  def test_runs_without_noise_have_no_column(self):
    groups = self._groups(plain=[None])
    self.assertFalse(privacy_results.has_privacy(groups))
    self.assertNotIn('ε', comparison_table.header(groups, _rows(groups)))
    self.assertEqual(privacy_results.notes(groups), [])

  def test_column_of_the_table(self):
    other = _GUARANTEE | {'epsilon': 3.14}
    groups = self._groups(
      plain=[None], noisy=[_GUARANTEE, other], part=[_GUARANTEE, _NONE]
    )
    rows = _rows(groups)
    header = comparison_table.header(groups, rows)
    cells = comparison_table.cells(groups, rows)
    self.assertEqual({len(row) for row in cells}, {len(header)})
    column = header.index('ε')
    self.assertEqual([r[column] for r in cells], ['none', '3.14', 'none'])

  def test_report_has_guarantees_and_their_limits(self):
    groups = self._groups(noisy=[_GUARANTEE, _GUARANTEE], none=[_NONE])
    report = comparison_report.write(
      comparison_report.Request(groups), str(self._path)
    )
    page = pathlib.Path(report).read_text(encoding='utf-8')
    for text in (
      '>2.53<',
      '>7.0e-05<',
      '>secret cohorts<',
      '>there is no nois',
    ):
      self.assertIn(text, page)
    self.assertIn('Where the 2 runs have the same clients', page)
    csv = (self._path / 'comparison.csv').read_text(encoding='utf-8')
    self.assertIn('privacy/epsilon', csv.splitlines()[0])

  def test_sentences(self):
    (text,) = privacy_results.sentences(_GUARANTEE)
    self.assertRegex(
      text, r'ε = 2\.53, δ = 7\.0e-05 .* assumed: secret cohorts'
    )
    (text,) = privacy_results.sentences(_NONE)
    self.assertEqual(text, 'Privacy: none, there is no noise.')
    _, warning = privacy_results.sentences(_GUARANTEE | {'delta': 0.014})
    self.assertRegex(warning, r'δ = 1\.4e-02, .* --dp_delta')


def _rows(groups):
  return comparison.compare(groups, 'last', None, None)


if __name__ == '__main__':
  absltest.main()
