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
"""Hooks of MkDocs that complete the site, and check the reference.

They add files of the repository's root, whose links MkDocs then checks too, and
adapt links between these files and docs/. Public names of the library that the
reference lacks are warnings.
"""

import ast
import logging
import pathlib

from mkdocs.config import defaults
from mkdocs.structure import files as structure_files
from mkdocs.structure import pages
import mkdocstrings

from tools.docs_site import links

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_logger = logging.getLogger('mkdocs.hooks.reference')
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


def on_post_build(config: defaults.MkDocsConfig) -> None:
  """Warns of public names that have no entry in the reference."""
  with pathlib.Path(config.site_dir, 'objects.inv').open('rb') as file:
    entries = mkdocstrings.Inventory.parse_sphinx(file)
  for path in sorted(_ROOT.glob('tff_methods/*/__init__.py')):
    for name in _exported_names(path):
      if f'tff_methods.{path.parent.name}.{name}' not in entries:
        _logger.warning(
          '%s exports %s, which has no docstring or comment.', path, name
        )


def _exported_names(path: pathlib.Path) -> list[str]:
  for node in ast.parse(path.read_text()).body:
    if (
      isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '__all__'
    ):
      return ast.literal_eval(node.value)
  return []
