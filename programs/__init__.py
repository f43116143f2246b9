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
"""Programs that train, compare runs, report on them and measure."""

import importlib.util
import os
import pathlib
import signal
import sys
import types

# Set before TensorFlow is imported: its log lines about the machine, and those
# of worker processes, would interrupt the progress bar. Failures raise
# exceptions.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')


def _check_tasks() -> None:
  """Raises `ImportError` if `import tasks` would find another module.

  The name is a common one, and Python looks in the current directory first.
  """
  root = pathlib.Path(os.path.abspath(__file__)).parents[1]
  expected = str(root / 'tasks' / '__init__.py')
  spec = importlib.util.find_spec('tasks')
  found = None if spec is None else spec.origin
  # Nothing is found where Bazel leaves out what a program does not import.
  if found is not None and os.path.abspath(found) != expected:
    raise ImportError(
      f'Expected the module `tasks` of tff-methods, {expected}, found {found}: '
      'run the program from another directory, or rename that module.'
    )


_check_tasks()


def stop_while_importing(
  signum: int, unused_frame: types.FrameType | None
) -> None:
  """Signal handler that ends the program without a traceback.

  Nothing has to be saved during imports. An exception would be raised inside
  some import, which might handle it.

  Args:
    signum: The signal.
    unused_frame: Ignored.
  """
  print(f'stopped by {signal.Signals(signum).name}.', file=sys.stderr)
  os._exit(128 + signum)


# Python's handlers of the signals that end a program during its imports.
HANDLERS = {
  signal.SIGINT: signal.default_int_handler,
  signal.SIGTERM: signal.SIG_DFL,
}


def handle_signals_while_importing() -> list[signal.Signals]:
  """Sets `stop_while_importing` in place of the handlers of Python.

  Returns:
    The signals whose handlers it replaced.
  """
  replaced = [s for s, h in HANDLERS.items() if signal.getsignal(s) is h]
  for signum in replaced:
    signal.signal(signum, stop_while_importing)
  return replaced


# For the imports of `python -m programs.NAME`, until `runner.run` starts.
if sys.argv[0] == '-m':
  handle_signals_while_importing()
