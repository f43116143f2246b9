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
"""Runs the code blocks of a Markdown page.

  python tools/run_readme.py [--done COMMAND]... [README.md]

Each ```bash and ```python block runs by itself, in the order of the page, in
one scratch copy of this repository that shares its environments, with .venv
first on PATH. Lines of a bash block that equal a `--done` command are left out.
The first block that fails ends the run with exit code 1. A block that cannot
run everywhere stands right after a line

  <!-- not run: REASON -->
"""

import argparse
from collections.abc import Collection, Iterator
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

_BLOCK = re.compile(
  r'^(?:<!-- not run: (?P<reason>[^\n]+) -->\n+)?'
  r'```(?P<language>bash|python)\n(?P<code>.*?)^```$',
  re.DOTALL | re.MULTILINE,
)
_INTERPRETERS = {'bash': ['bash', '-euo', 'pipefail'], 'python': ['python']}
_NOT_COPIED = ('.*_cache', '.git', '.venv*', '__pycache__', 'output')


@dataclasses.dataclass(frozen=True)
class Block:
  """A block of code of a page.

  Attributes:
    line: Line of the page that the block begins at.
    language: `'bash'` or `'python'`.
    code: Text of the block.
    reason: Reason not to run the block, or `''`.
  """

  line: int
  language: str
  code: str
  reason: str


def code_blocks(page: str) -> Iterator[Block]:
  """Yields the bash and Python blocks of a Markdown page."""
  for match in _BLOCK.finditer(page):
    yield Block(
      line=page.count('\n', 0, match.start('code')),
      language=match['language'],
      code=match['code'],
      reason=match['reason'] or '',
    )


def main() -> int:
  """Runs the blocks of a page; returns 1 after the first failure, else 0."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('page', nargs='?', default='README.md')
  parser.add_argument(
    '--done',
    action='append',
    default=[],
    metavar='COMMAND',
    help='a command that has run already',
  )
  arguments = parser.parse_args()
  root = pathlib.Path(__file__).resolve().parents[1]
  page = pathlib.Path(arguments.page)
  with tempfile.TemporaryDirectory() as directory:
    checkout = pathlib.Path(directory) / root.name
    shutil.copytree(
      root, checkout, ignore=shutil.ignore_patterns(*_NOT_COPIED), symlinks=True
    )
    for environment in root.glob('.venv*'):
      (checkout / environment.name).symlink_to(environment)
    for block in code_blocks(page.read_text()):
      place = f'{page}:{block.line}: {block.language}'
      if block.reason:
        print(f'{place}: not run: {block.reason}', flush=True)
        continue
      print(f'{place}:\n{block.code}', end='', flush=True)
      start = time.monotonic()
      code, output = _run(block, checkout, arguments.done)
      seconds = time.monotonic() - start
      print(f'{output}{place}: exit code {code} after {seconds:.0f} s')
      if code:
        return 1
  return 0


def _run(
  block: Block, checkout: pathlib.Path, done: Collection[str]
) -> tuple[int, str]:
  """Runs a block in a checkout; returns its exit code and its output."""
  lines = block.code.splitlines(keepends=True)
  script = checkout.parent / 'block'
  script.write_text(''.join(line for line in lines if line.strip() not in done))
  # A file, since processes that a block leaves running would hold a pipe open.
  with (checkout.parent / 'output').open('w+') as output:
    process = subprocess.Popen(
      [*_INTERPRETERS[block.language], str(script)],
      cwd=checkout,
      env={
        **os.environ,
        'PATH': f'{checkout / ".venv" / "bin"}:{os.environ["PATH"]}',
        'PYTHONPATH': str(checkout),
      },
      stdin=subprocess.DEVNULL,
      stdout=output,
      stderr=subprocess.STDOUT,
      start_new_session=True,
    )
    code = process.wait()
    try:
      os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
      pass  # It left nothing running.
    output.seek(0)
    return code, output.read()


if __name__ == '__main__':
  sys.exit(main())
