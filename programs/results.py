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
r"""Tables of the documentation, from the files of runs in results/.

  python -m programs.results --action=run --page=dhqc
  python -m programs.results --action=write
  python -m programs.results --action=check

run: trains what the tables of a page lack files of, with `programs.compare`,
and adds the files of each finished run to results/; then runs the programs
whose outputs the page lacks. Interrupted or killed, it resumes when the same
command is given again. write: writes the tables and pictures of all pages.
check: changes nothing; fails where a page differs from what its results give,
and at tables of figures without results that do not say so.
results/PAGE/tables.toml describes the tables of a page. Run it in the root of
the repository. Exit codes: 0; 1 if a page differs or a run failed; 2 if the
request cannot be carried out; 128 + N after stop signal N.
"""

import pathlib
import sys

from absl import flags

from programs.command_line import common_flags
from programs.command_line import runner
from programs.command_line import slow_imports
from programs.command_line import stop_signals
from programs.pages import descriptions
from programs.pages import missing_runs
from programs.pages import stored_outputs
from programs.runs import run_files

_RESULTS_DIR = 'results'
_ACTION = flags.DEFINE_enum(
  'action', None, ['run', 'write', 'check'], 'Action: see above.'
)
_PAGE = flags.DEFINE_string(
  'page', None, 'Name of a directory in results/, for --action=run.'
)
_FORWARDED = (common_flags.CACHE_DIR, common_flags.DEVICE)
_RUN_FLAGS = (_PAGE, common_flags.DATA_DIR, *_FORWARDED)
_SECTIONS = {'Flags': (_ACTION, *_RUN_FLAGS)}


def main() -> int:
  """Trains, writes or checks as the flags ask; returns the exit code."""
  runner.check_given(_ACTION)
  if _ACTION.value != 'run':
    _refuse_flags_of_run()
  results_dir = pathlib.Path(_RESULTS_DIR)
  pages = descriptions.read_all(results_dir)
  if not pages:
    raise runner.UsageError(
      f'Expected a directory {_RESULTS_DIR} with descriptions of '
      'pages, found none; run this in the root of the repository.'
    )
  try:
    match _ACTION.value:
      case 'run':
        return _run(results_dir, pages)
      case 'write':
        return _write(results_dir, pages)
      case _:
        return _check(results_dir, pages)
  except stop_signals.Stopped as e:
    return e.exit_code
  except run_files.StorageError as e:
    print(f'results: {e}', file=sys.stderr)
    return 1


def _write(results_dir: pathlib.Path, pages: list[descriptions.Page]) -> int:
  with slow_imports.importing():
    # Imports matplotlib.
    from programs.pages import written_pages

  for path in written_pages.write(results_dir, pages):
    print(f'Wrote {path}.')
  return 0


def _check(results_dir: pathlib.Path, pages: list[descriptions.Page]) -> int:
  with slow_imports.importing():
    # Imports matplotlib.
    from programs.pages import written_pages

  differences = written_pages.differences(results_dir, pages)
  for difference in differences:
    print(difference)
  return int(bool(differences))


def _refuse_flags_of_run() -> None:
  for flag in _RUN_FLAGS:
    runner.refuse_given(flag, _ACTION)


def _run(results_dir: pathlib.Path, pages: list[descriptions.Page]) -> int:
  runner.check_given(_PAGE)
  by_name = {page.name: page for page in pages}
  if _PAGE.value not in by_name:
    raise runner.UsageError(
      f'Expected a --page, one of {list(by_name)}, found {_PAGE.value!r}.'
    )
  forwarded = [
    f'--{flag.name}={flag.value}' for flag in _FORWARDED if flag.present
  ]
  page, data_dir = by_name[_PAGE.value], common_flags.DATA_DIR.value
  with stop_signals.StopSignals() as stop:
    exit_code = missing_runs.train(results_dir, page, stop, data_dir, forwarded)
    # Last: they measure times, too.
    return (
      stored_outputs.make_missing(results_dir, page, stop, data_dir)
      or exit_code
    )


if __name__ == '__main__':
  runner.run(main, sections=_SECTIONS)
