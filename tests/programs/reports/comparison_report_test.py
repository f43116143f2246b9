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
"""Tests for comparison_report."""

import base64
import csv
from html import parser
import json
import pathlib
import re
import tempfile
from unittest import mock
import xml.etree.ElementTree

from absl.testing import absltest
from matplotlib import image as mpl_image

from programs.reports import comparison
from programs.reports import comparison_report
from programs.runs import readable_runs
from programs.runs import run_files
from tests.programs.runs import example_runs

_RUNS = {
  'plain': {'uplink_bytes': 40_000_000},
  'small': {'uplink_bytes': 4_000_000, 'method': 'sketched_update'},
  'tiny': {'uplink_bytes': 400_000, 'downlink_bytes': 8_000_000},
}


class _Page(parser.HTMLParser):
  """Texts of cells, and values of attributes that load or link something."""

  def __init__(self):
    super().__init__()
    self.references = []
    self.tags = []
    self.cells = []

  def handle_starttag(self, tag, attrs):
    self.tags.append(tag)
    self.references += [
      value
      for name, value in attrs
      if name in ('src', 'href', 'srcset', 'data', 'action', 'poster', 'style')
    ]

  def handle_data(self, data):
    if self.tags[-1:] == ['td'] and data.strip():
      self.cells.append(data.replace('\N{NO-BREAK SPACE}', ' '))


class ComparisonReportTest(absltest.TestCase):
  """A report of three runs of two seeds."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._path = pathlib.Path(
      cls.enterClassContext(tempfile.TemporaryDirectory())
    )
    paths = [
      example_runs.write(
        cls._path / name / f'seed_{seed}',
        seed=seed,
        accuracies=(0.1, 0.8 + 0.01 * i, 0.7 + 0.02 * i - 0.1 * (seed - 3)),
        **arguments,
      )
      for i, (name, arguments) in enumerate(_RUNS.items())
      for seed in (3, 4)
    ]
    runs, _ = readable_runs.read(map(str, paths))
    cls._request = comparison_report.Request(
      comparison.group(runs),
      target=comparison.Target('accuracy', 0.815),
      clock=lambda run: [10.0 * r for r in range(5)],
      network='lte: slow',
      notes=['left out <that>.'],
    )
    cls._report = cls._path / 'report'
    cls._report.mkdir()
    cls._page_path = comparison_report.write(cls._request, str(cls._report))

  def test_csv_has_the_numbers_of_the_files(self):
    with open(self._report / 'comparison.csv', newline='') as f:
      rows = list(csv.DictReader(f))
    self.assertEqual(
      [(row['run'], row['seed']) for row in rows],
      [(name, seed) for name in _RUNS for seed in '34'],
    )
    for row in rows:
      path = self._path / row['run'] / f'seed_{row["seed"]}'
      summary = json.loads((path / 'summary.json').read_text())
      contents = json.loads((path / 'configuration.json').read_text())
      for name in ('rounds', 'uplink_bytes', 'downlink_bytes', 'model_bytes'):
        self.assertEqual(int(row.pop(name)), summary[name], name)
      self.assertEqual(
        int(row.pop('total_bytes')),
        summary['uplink_bytes'] + summary['downlink_bytes'],
      )
      for name, value in summary['metrics'].items():
        self.assertEqual(float(row.pop(f'evaluation/{name}')), value, name)
      for prefix in ('configuration', 'environment'):
        for name, value in contents[prefix].items():
          expected = '' if value is None else str(value)
          self.assertEqual(row.pop(f'{prefix}/{name}'), expected, name)
      self.assertEqual(float(row.pop('run_seconds')), summary['seconds'])
      self.assertEqual(float(row.pop('simulated_seconds')), 40)
      # Only the best evaluation of the last run, 0.82 after half of the bytes.
      is_reached = row['run'] == 'tiny'
      self.assertEqual(row.pop('rounds_to_target'), '2' if is_reached else '')
      self.assertEqual(
        row.pop('total_bytes_to_target'), '4200000' if is_reached else ''
      )
      self.assertEqual(row.pop('seconds_to_target'), '20.0' * is_reached)
      self.assertEqual(
        row,
        {
          'run': row['run'],
          'seed': row['seed'],
          'task': 'digits',
          'method': summary['method'],
          'rounds_without_update': '0',
          'stopped_early': 'False',
        },
      )

  def test_page_refers_to_nothing_outside_itself(self):
    page = _Page()
    text = pathlib.Path(self._page_path).read_text()
    page.feed(text)
    self.assertNotEmpty(page.references)
    for reference in page.references:
      self.assertStartsWith(reference, 'data:image/svg+xml;base64,')
      svg = base64.b64decode(reference.partition(',')[2])
      for element in xml.etree.ElementTree.fromstring(svg).iter():
        for name, value in element.attrib.items():
          if name.endswith(('href', 'src')):
            self.assertStartsWith(value, '#')
          self.assertNotRegex(value, r'url\((?!#)')
    self.assertNoCommonElements(
      page.tags, ['script', 'link', 'iframe', 'object', 'embed', 'base']
    )
    self.assertNotRegex(text, r'@import|url\(|https?://')

  def test_page_has_the_table_and_each_picture(self):
    page = _Page()
    text = (self._report / 'report.html').read_text()
    page.feed(text)
    markdown = (self._report / 'comparison.md').read_text()
    rows = [
      re.split(r' *\| *', line)[1:-1] for line in markdown.splitlines()[2:]
    ]
    self.assertEqual(
      page.cells[: 15 * 3], [cell for row in rows for cell in row]
    )
    self.assertIn('left out &lt;that&gt;.', text)
    self.assertIn('lte: slow', text)
    self.assertIn('the last evaluation of each run', text)
    pictures = self._report / 'pictures'
    names = {path.stem for path in pictures.iterdir()}
    self.assertContainsSubset(
      ['accuracy_by_downlink_mb', 'loss_by_rounds', 'traffic'], names
    )
    self.assertLen(page.references, len(names))
    for name in names:
      self.assertEqual(mpl_image.imread(pictures / f'{name}.png').ndim, 3)
      svg = base64.b64encode((pictures / f'{name}.svg').read_bytes()).decode()
      self.assertIn(svg, text)

  def test_full_disk(self):
    with mock.patch('os.replace', side_effect=OSError(28, 'No space left')):
      with self.assertRaisesRegex(
        run_files.StorageError, 'comparison.csv, found: No space left'
      ):
        comparison_report.write(self._request, str(self._report))


if __name__ == '__main__':
  absltest.main()
