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
"""Tests that the pages of the documentation hold together."""

import pathlib
import re
import subprocess

from absl.testing import absltest
from absl.testing import parameterized

import tff_methods
from tools import run_readme

_ROOT = pathlib.Path(__file__).parents[1]
_PAGES = sorted([*_ROOT.glob('*.md'), *_ROOT.glob('docs/**/*.md')])
_LINK = re.compile(r'\[[^\]]*\]\((?!\w+:|#)(?P<path>[^)#]+)')


class PagesTest(parameterized.TestCase):
  @parameterized.parameters(_PAGES)
  def test_links_lead_to_files(self, page):
    for link in _LINK.finditer(page.read_text()):
      target = page.parent / link['path']
      self.assertTrue(target.exists(), f'{page} links to {link["path"]}')

  @parameterized.parameters(_PAGES)
  def test_code_is_well_formed(self, page):
    for block in run_readme.code_blocks(page.read_text()):
      if block.language == 'python':
        compile(block.code, f'{page}:{block.line}', 'exec')
      else:
        check = ['bash', '-n', '-c', block.code]
        self.assertEqual(subprocess.run(check).returncode, 0, block)


class ReferenceTest(absltest.TestCase):
  def test_has_a_page_for_each_public_package(self):
    pages = {
      path.stem: path.read_text().split()[-1]
      for path in _ROOT.glob('docs/reference/*.md')
    }
    self.assertEqual(
      pages, {name: f'tff_methods.{name}' for name in tff_methods.__all__}
    )


class CodeBlocksTest(absltest.TestCase):
  def test_finds_the_blocks_of_a_page(self):
    page = (
      '# Title\n```bash\nmake\n\nmake test\n```\n'
      '<!-- not run: needs data -->\n\n```python\nimport this\n```\n'
      '<!-- not run: far away -->\ntext\n```bash\n```\n'
      '```console\n$ make\n```\n'
    )
    self.assertEqual(
      list(run_readme.code_blocks(page)),
      [
        run_readme.Block(2, 'bash', 'make\n\nmake test\n', ''),
        run_readme.Block(9, 'python', 'import this\n', 'needs data'),
        run_readme.Block(14, 'bash', '', ''),
      ],
    )


if __name__ == '__main__':
  absltest.main()
