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
"""Writes the tables of pages from `results/`, or compares them."""

from collections.abc import Iterable, Iterator, Sequence
import pathlib

from programs.command_line import runner
from programs.pages import blocks
from programs.pages import descriptions
from programs.pages import result_tables
from programs.pages import stored_runs
from programs.runs import run_files

_PAGES = ('README.md', 'docs/**/*.md')


def write(
  results_dir: pathlib.Path, pages: Iterable[descriptions.Page]
) -> list[str]:
  """Writes the blocks of pages; returns the paths of those that changed.

  A block that says that files were not kept remains until all
  files of its table are there.

  Args:
    results_dir: The directory `results`; pages are beside it.
    pages: Descriptions of the pages.

  Raises:
    UsageError: If a page lacks a block, or results are missing or damaged.
    StorageError: If a page cannot be written.
  """
  changed = []
  for page in pages:
    path = results_dir.parent / page.path
    text = _read(path)
    new_text = blocks.replace(text, _contents(results_dir, page, text))
    if new_text != text:
      try:
        path.write_text(new_text, encoding='utf-8')
      except OSError as e:
        raise run_files.storage_error(str(path), e) from e
      changed.append(page.path)
  return changed


def differences(
  results_dir: pathlib.Path, pages: Sequence[descriptions.Page]
) -> list[str]:
  """Returns the faults of the tables of all pages, a line each.

  Args:
    results_dir: The directory `results`; pages are beside it.
    pages: Descriptions of the pages.

  Raises:
    UsageError: If a page lacks a block, or results are missing or damaged.
  """
  found = []
  for page in pages:
    text = _read(results_dir.parent / page.path)
    before = blocks.read(page.path, text)
    for name, content in _contents(results_dir, page, text).items():
      if before[name] != content:
        found.append(
          f'Expected {page.path} to have the table {name!r} as results/ gives '
          'it, found another: run `make results-docs`.'
        )
  found.extend(_without_origin(results_dir.parent))
  return found


def _contents(
  results_dir: pathlib.Path, page: descriptions.Page, text: str
) -> dict[str, str]:
  """Returns the contents of blocks as the results give them, by name."""
  found = blocks.read(page.path, text)
  described = [table.name for table in page.tables]
  if set(found) != set(described):
    raise runner.UsageError(
      f'Expected {page.path} to have the blocks {sorted(described)}, as '
      f'results/{page.name}/{descriptions.FILE} has, found {sorted(found)}; '
      'make them equal.'
    )
  return {
    table.name: f'\n{result_tables.text(results_dir, page, table)}\n'
    for table in page.tables
    if stored_runs.is_complete(results_dir, table)
    or not blocks.is_marked(found[table.name])
  }


def _without_origin(root: pathlib.Path) -> Iterator[str]:
  for pattern in _PAGES:
    for path in sorted(root.glob(pattern)):
      for line in blocks.unmarked_tables(_read(path)):
        yield (
          f'Expected a table of figures with its origin, found one without in '
          f'{path.relative_to(root)}:{line}: describe it in results/, or write '
          '*Run before; files not kept.* above it.'
        )


def _read(path: pathlib.Path) -> str:
  try:
    return path.read_text(encoding='utf-8')
  except (OSError, UnicodeDecodeError) as e:
    raise runner.UsageError(
      f'Expected a page {path}, found: {e}; correct '
      f'results/*/{descriptions.FILE}.'
    ) from e
