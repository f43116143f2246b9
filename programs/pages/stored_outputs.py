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
"""Outputs of programs in `results/`: PAGE/NAME/output.md and its origin."""

from collections.abc import Iterator
import json
import pathlib
import shlex
import shutil
import sys
import textwrap
import time

from programs.command_line import runner
from programs.command_line import stop_signals
from programs.pages import captured_output
from programs.pages import descriptions
from programs.runs import environment
from programs.runs import run_files

_OUTPUT = 'output.md'
_ORIGIN = 'origin.json'
_DATA_DIR = '--data_dir=DIRECTORY'
_PYTHON = '.venv/bin/python -m'
_WIDTH = 80


def is_complete(results_dir: pathlib.Path, output: descriptions.Output) -> bool:
  """Returns whether the files of an output exist, with its pictures.

  Args:
    results_dir: The directory `results`.
    output: The output.
  """
  directory = _directory(results_dir, output)
  files = [directory / name for name in (_OUTPUT, _ORIGIN)]
  pictures = [target for _, target in _pictures(results_dir.parent, output)]
  return all(path.exists() for path in [*files, *pictures])


def text(results_dir: pathlib.Path, output: descriptions.Output) -> str:
  """Returns an output for a page, and its origin.

  Args:
    results_dir: The directory `results`.
    output: The output.

  Raises:
    UsageError: If its files are missing or damaged, or another command left
      them.
  """
  directory = _directory(results_dir, output)
  command = shlex.join(output.command)
  try:
    printed = (directory / _OUTPUT).read_text(encoding='utf-8').strip()
    origin = json.loads((directory / _ORIGIN).read_text(encoding='utf-8'))
    found = origin['command']
    source = (
      f'`{_PYTHON} {found}`: {_machine(**origin["environment"])}; '
      f'{origin["seconds"]:.0f} s.'
    )
  except (OSError, ValueError, KeyError, TypeError) as e:
    raise _refusal(output, f'files in {directory}', str(e)) from e
  if found != command:
    raise _refusal(output, f'{directory} with the output of {command!r}', found)
  filled = textwrap.fill(
    source, _WIDTH, break_on_hyphens=False, break_long_words=False
  )
  return f'{printed}\n\n{filled}\n'


def _machine(processor: str, cores: str, tensorflow: str, **_: str) -> str:
  noun = 'core' if cores == '1' else 'cores'
  return f'{processor}, {cores} {noun}, TensorFlow {tensorflow}'


def make_missing(
  results_dir: pathlib.Path,
  page: descriptions.Page,
  stop: stop_signals.StopSignals,
  data_dir: str | None = None,
) -> int:
  """Runs the programs whose outputs a page lacks.

  A program that fails does not keep the others from being run.

  Args:
    results_dir: The directory `results`.
    page: The page.
    stop: The context of stop signals.
    data_dir: Directory of data files.

  Returns:
    0, or the exit code of the first program that failed.

  Raises:
    Stopped: After a stop signal.
    StorageError: If files cannot be written.
  """
  first_failure = 0
  for output in page.outputs:
    if not is_complete(results_dir, output):
      exit_code = _make(results_dir, output, stop, data_dir)
      first_failure = first_failure or exit_code
  return first_failure


def _make(
  results_dir: pathlib.Path,
  output: descriptions.Output,
  stop: stop_signals.StopSignals,
  data_dir: str | None,
) -> int:
  """Runs a program, and adds its output; returns its exit code."""
  directory = _directory(results_dir, output)
  command = [sys.executable, '-m', *_with_data_dir(output.command, data_dir)]
  pictures = list(_pictures(results_dir.parent, output))
  for source, _ in pictures:
    source.unlink(missing_ok=True)  # Of an earlier command.
  print(f'{_PYTHON} {shlex.join(output.command)}', flush=True)
  begin = time.monotonic()
  exit_code = captured_output.write(command, stop, directory / _OUTPUT)
  if exit_code:
    return exit_code
  run_files.write_json(
    str(directory / _ORIGIN),
    {
      'command': shlex.join(output.command),
      'environment': environment.describe('of the command'),
      'seconds': time.monotonic() - begin,
    },
  )
  for source, target in pictures:
    if not source.exists():
      print(
        f'results: Expected a picture {source}, found none; correct the '
        f'pictures of {output.name}.',
        file=sys.stderr,
      )
      return 1
    _copy(source, target)
  print(f'Added {directory}', flush=True)
  return 0


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
  try:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
  except OSError as e:
    raise run_files.storage_error(str(target), e) from e


def _pictures(
  root: pathlib.Path, output: descriptions.Output
) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
  """Yields where a program draws each picture, and its path for pages."""
  flags = dict(part.split('=', 1) for part in output.command if '=' in part)
  for name in output.pictures:
    yield (
      root / flags[descriptions.OUTPUT_DIR] / f'{name}.png',
      root / descriptions.PICTURES_DIR / f'{output.page}_{name}.png',
    )


def _with_data_dir(
  command: tuple[str, ...], data_dir: str | None
) -> Iterator[str]:
  for part in command:
    if part == _DATA_DIR and data_dir is not None:
      yield f'--data_dir={data_dir}'
    else:
      yield part


def _directory(
  results_dir: pathlib.Path, output: descriptions.Output
) -> pathlib.Path:
  return results_dir / output.page / output.name


def _refusal(
  output: descriptions.Output, expected: str, found: str
) -> runner.UsageError:
  return runner.UsageError(
    f'Expected {expected} for the block {output.name}, found: {found}; remove '
    f'the directory and run `make results PAGE={output.page}`.'
  )
