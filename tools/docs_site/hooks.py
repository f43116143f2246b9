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
"""Hooks of MkDocs that add files of the repository's root to the site.

MkDocs checks their links, too. Links from these files to docs/, and back, are
adapted.
"""

import pathlib

from mkdocs.config import defaults
from mkdocs.structure import files as structure_files
from mkdocs.structure import pages

from tools.docs_site import links

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# Places in the site of files outside of docs/.
_URIS = {
  'README.md': 'readme.md',
  'CONTRIBUTING.md': 'contributing.md',
  'CHANGELOG.md': 'changelog.md',
  'LICENSE': 'LICENSE.txt',
}


def on_files(
  files: structure_files.Files, config: defaults.MkDocsConfig
) -> structure_files.Files:
  """Adds the files of the root."""
  for path, uri in _URIS.items():
    file = structure_files.File.generated(
      config, uri, abs_src_path=str(_ROOT / path)
    )
    files.append(file)
  return files


def on_page_markdown(
  markdown: str,
  page: pages.Page,
  config: defaults.MkDocsConfig,
  files: structure_files.Files,
) -> str:
  """Returns a page with its links as links of the site."""
  del config, files  # Unused.
  uri = page.file.src_uri
  paths = {uri: path for path, uri in _URIS.items()}
  path = paths[uri] if page.file.generated_by else f'docs/{uri}'
  return links.site_links(markdown, uri, path, _URIS)
