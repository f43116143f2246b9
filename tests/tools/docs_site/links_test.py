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
"""Tests of the links of Markdown pages."""

from absl.testing import absltest
from absl.testing import parameterized

from tools.docs_site import links

_ROOT_URIS = {'README.md': 'index.md', 'LICENSE': 'LICENSE.txt'}


class SiteLinksTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('home_to_page', 'README.md', 'docs/tasks.md', 'tasks.md'),
    ('home_to_anchor', 'README.md', 'docs/a/b.md#c', 'a/b.md#c'),
    ('home_to_license', 'README.md', 'LICENSE', 'LICENSE.txt'),
    ('page_to_home', 'docs/tasks.md', '../README.md', 'index.md'),
    ('deep_page_to_home', 'docs/a/b.md', '../../README.md', '../index.md'),
    ('page_to_page', 'docs/a/b.md', '../tasks.md#x', '../tasks.md#x'),
    ('page_to_neighbour', 'docs/a/b.md', 'c.md', 'c.md'),
    ('no_part_of_the_site', 'docs/tasks.md', '../Makefile', '../Makefile'),
    ('anchor', 'docs/tasks.md', '#files', '#files'),
    ('web', 'README.md', 'https://example.org/docs/', None),
  )
  def test_leads_to_a_page_of_the_site(self, path, link, expected):
    uri = _ROOT_URIS.get(path, path.removeprefix('docs/'))
    self.assertEqual(
      links.site_links(f'See [a page]({link}).', uri, path, _ROOT_URIS),
      f'See [a page]({expected or link}).',
    )

  def test_changes_each_link_and_no_other_text(self):
    page = '![plot](docs/p.png), [x](LICENSE) and (docs/tasks.md)'
    self.assertEqual(
      links.site_links(page, 'index.md', 'README.md', _ROOT_URIS),
      '![plot](p.png), [x](LICENSE.txt) and (docs/tasks.md)',
    )


if __name__ == '__main__':
  absltest.main()
