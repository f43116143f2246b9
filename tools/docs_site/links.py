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
"""Links of Markdown pages, as the site needs them."""

from collections.abc import Mapping
import posixpath
import re

_LINK = re.compile(r'(?<=\]\()(?!\w+:|#)(?P<path>[^)#\s]+)')


def site_links(
  markdown: str, uri: str, path: str, root_uris: Mapping[str, str]
) -> str:
  """Returns a page with its links between files as links between site pages.

  Args:
    markdown: Text of the page. Its links are relative to `path`.
    uri: Place of the page in the site.
    path: Path of the page in the repository.
    root_uris: Places in the site of files outside of docs/, by path. Links to
      other files outside of docs/ stay as they are: MkDocs warns of them.
  """

  def site_link(link: re.Match[str]) -> str:
    directory = posixpath.dirname(path)
    target = posixpath.normpath(posixpath.join(directory, link['path']))
    if target not in root_uris and not target.startswith('docs/'):
      return link['path']
    target_uri = root_uris.get(target, target.removeprefix('docs/'))
    return posixpath.relpath(target_uri, posixpath.dirname(uri) or '.')

  return _LINK.sub(site_link, markdown)
