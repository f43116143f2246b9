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
"""A Markdown extension that links names of this library to its reference.

In pages and docstrings, a code span with a name such as
`tff_methods.encoders.chain`, `encoders.chain` or `encoders.chain(...)` links to
the entry of the name, and `models.RowModel.embed` to that of the class. MkDocs
warns of names that have none. Names of modules stay as they are.
"""

from collections.abc import Iterator
import pathlib
import re
from xml.etree import ElementTree

import markdown
from markdown import treeprocessors

_LIBRARY = pathlib.Path(__file__).resolve().parents[2] / 'tff_methods'
_PACKAGES = sorted(path.parent.name for path in _LIBRARY.glob('*/__init__.py'))
_NAME = re.compile(
  rf'(?:tff_methods\.)?(?P<name>(?:{"|".join(_PACKAGES)})\.[a-zA-Z]\w*)'
  r'(?:\.\w+|\(.*\))*'
)


class ReferencesExtension(markdown.Extension):
  """Registers `ReferencesProcessor`."""

  def extendMarkdown(self, md: markdown.Markdown) -> None:  # noqa: N802
    """Implements `markdown.Extension`."""
    # Right after the processor that makes code spans, which has priority 20.
    md.treeprocessors.register(ReferencesProcessor(md), 'references', 19)


class ReferencesProcessor(treeprocessors.Treeprocessor):
  """Wraps code spans in the `<autoref>` elements of mkdocs-autorefs."""

  def run(self, root: ElementTree.Element) -> None:
    """Implements `treeprocessors.Treeprocessor`."""
    for parent, code in list(_code_spans(root)):
      name = referenced_name(str(code.text))
      if name is None:
        continue
      position = list(parent).index(code)
      reference = ElementTree.Element('autoref', identifier=name)
      reference.tail, code.tail = code.tail, None
      parent[position] = reference
      reference.append(code)


def referenced_name(text: str) -> str | None:
  """Returns the full name that a text refers to, `None` for other text."""
  match = _NAME.fullmatch(text)
  if match is None or _is_module(match['name']):
    return None
  return f'tff_methods.{match["name"]}'


def _code_spans(
  parent: ElementTree.Element,
) -> Iterator[tuple[ElementTree.Element, ElementTree.Element]]:
  """Yields code elements with their parents, but not those in links."""
  for child in parent:
    if child.tag == 'code' and isinstance(child.text, str):
      yield parent, child
    elif child.tag not in ('a', 'autoref', 'pre'):
      yield from _code_spans(child)


def _is_module(name: str) -> bool:
  path = _LIBRARY.joinpath(*name.split('.'))
  return path.with_suffix('.py').is_file() or path.is_dir()


def makeExtension(**options: object) -> ReferencesExtension:  # noqa: N802
  """Returns the extension, as `markdown` asks for it."""
  return ReferencesExtension(**options)
