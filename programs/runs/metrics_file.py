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
"""Reader of `metrics.csv`, which checks that no row is lost or damaged."""

import csv

from programs.command_line import runner
from programs.runs import run_files

KEY = 'round'


def read(path: str) -> list[dict[str, str]]:
  """Reads the rows of all rounds.

  Args:
    path: Path of the file.

  Returns:
    A row for each round from 0 on, by column.

  Raises:
    UsageError: If the file is missing, is not a table with these columns, or
      lacks, repeats or cuts a row.
  """
  try:
    with open(path, newline='', encoding='utf-8') as f:
      reader = csv.DictReader(f, strict=True)
      rows = []
      for row in reader:
        _check_row(path, reader.line_num, len(rows), row)
        rows.append(row)
      if KEY not in (reader.fieldnames or ()):
        raise _damaged(path, f'no column {KEY!r}')
      return rows
  except OSError as e:
    raise runner.UsageError(
      f'Expected metrics in {path}, found: {e.strerror}; {run_files.REMEDY}.'
    ) from e
  except (UnicodeDecodeError, csv.Error) as e:
    raise _damaged(path, str(e)) from e


def _check_row(
  path: str, line: int, expected_round: int, row: dict[str, str | None]
) -> None:
  if None in row or None in row.values():
    raise _damaged(path, f'another number of columns in line {line}')
  if row.get(KEY) != str(expected_round):
    raise _damaged(
      path, f'{KEY} {row.get(KEY)!r} instead of {expected_round} in line {line}'
    )
  for name, value in row.items():
    if value and not _is_number(value):
      raise _damaged(path, f'{value!r} as {name} in line {line}')


def _is_number(value: str) -> bool:
  # Python also reads digits of other scripts, and underscores.
  if not value.isascii() or '_' in value:
    return False
  try:
    float(value)
  except ValueError:
    return False
  return True


def _damaged(path: str, found: str) -> runner.UsageError:
  return runner.UsageError(
    f'Expected {path} to have a row of numbers for each round, found {found}; '
    f'{run_files.REMEDY}.'
  )
