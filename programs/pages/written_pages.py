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
"""Writes tables and pictures of pages from `results/`, or compares them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import dataclasses
import pathlib
import shutil
import tempfile

from programs.command_line import runner
from programs.pages import blocks
from programs.pages import descriptions
from programs.pages import result_pictures
from programs.pages import result_tables
from programs.pages import stored_outputs
from programs.pages import stored_runs
from programs.reports import comparison_figures
from programs.runs import run_files

_PAGES = ('README.md', 'docs/**/*.md')


@dataclasses.dataclass(frozen=True)
class _Block:
  """Block of a page, as the results give it.

  Attributes:
    name: Name of the table.
    text: Contents of its block.
    pictures: Its pictures, by their paths from the root of the repository.
  """

  name: str
  text: str
  pictures: Mapping[str, comparison_figures.Picture]


def write(
  results_dir: pathlib.Path, pages: Iterable[descriptions.Page]
) -> list[str]:
  """Writes the blocks and pictures of pages; returns the changed paths.

  A block that says that files were not kept remains until all
  files of its table are there.

  Args:
    results_dir: The directory `results`; pages are beside it.
    pages: Descriptions of the pages.

  Raises:
    UsageError: If a page lacks a block, or results are missing or damaged.
    StorageError: If a page cannot be written.
  """
  root = results_dir.parent
  changed = []
  for page in pages:
    text = _read(root / page.path)
    made = _make_blocks(results_dir, page, text)
    new_text = blocks.replace(text, {block.name: block.text for block in made})
    try:
      if new_text != text:
        (root / page.path).write_text(new_text, encoding='utf-8')
        changed.append(page.path)
      with tempfile.TemporaryDirectory() as directory:
        for picture in _changed_pictures(root, made, directory):
          (root / picture).parent.mkdir(exist_ok=True)
          shutil.copyfile(pathlib.Path(directory, picture.name), root / picture)
          changed.append(str(picture))
    except OSError as e:
      raise run_files.storage_error(page.path, e) from e
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
  root = results_dir.parent
  found = []
  for page in pages:
    text = _read(root / page.path)
    made = _make_blocks(results_dir, page, text)
    before = blocks.read(page.path, text)
    wrong = [block.name for block in made if before[block.name] != block.text]
    with tempfile.TemporaryDirectory() as directory:
      wrong += map(str, _changed_pictures(root, made, directory))
    found += [
      f'Expected {page.path} to have {name} as results/ gives it, found '
      'another: run `make results-docs`.'
      for name in wrong
    ]
  found.extend(_without_origin(root))
  return found


def _make_blocks(
  results_dir: pathlib.Path, page: descriptions.Page, text: str
) -> list[_Block]:
  """Returns the blocks of a page, except those whose files were not kept."""
  found = blocks.read(page.path, text)
  described = [block.name for block in (*page.tables, *page.outputs)]
  if set(found) != set(described):
    raise runner.UsageError(
      f'Expected {page.path} to have the blocks {sorted(described)}, as '
      f'results/{page.name}/{descriptions.FILE} has, found {sorted(found)}; '
      'make them equal.'
    )
  made = [
    _runs_block(results_dir, page, table)
    for table in page.tables
    if stored_runs.is_complete(results_dir, table)
    or not blocks.is_marked(found[table.name])
  ]
  made += [
    _Block(output.name, f'\n{stored_outputs.text(results_dir, output)}\n', {})
    for output in page.outputs
    if stored_outputs.is_complete(results_dir, output)
    or not blocks.is_marked(found[output.name])
  ]
  return made


def _runs_block(
  results_dir: pathlib.Path,
  page: descriptions.Page,
  table: descriptions.Table,
) -> _Block:
  """Returns the block of a table of runs."""
  results = result_tables.read(results_dir, table)
  parts = [result_tables.text(page, results)]
  pictures = {}
  for picture in result_pictures.find(results):
    parts.append(result_pictures.link(page, table, picture))
    pictures[result_pictures.path(page, table, picture)] = picture
  content = ''.join(f'\n{part}' for part in parts) + '\n'
  return _Block(table.name, content, pictures)


def _changed_pictures(
  root: pathlib.Path, made: Iterable[_Block], directory: str
) -> Iterator[pathlib.PurePath]:
  """Draws pictures into `directory`; yields the paths of those that differ."""
  for block in made:
    for name, picture in block.pictures.items():
      path = pathlib.PurePath(name)
      drawn = pathlib.Path(directory, path.name)
      result_pictures.save(picture, drawn)
      if not result_pictures.look_alike(root / path, drawn):
        yield path


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
  except (OSError, ValueError) as e:  # Also for a NUL in its name.
    raise runner.UsageError(
      f'Expected a page {path}, found: {e}; correct '
      f'results/*/{descriptions.FILE}.'
    ) from e
