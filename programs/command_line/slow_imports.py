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
"""Imports that take seconds: of TensorFlow, TFF and modules that use them."""

import atexit
from collections.abc import Generator
import contextlib
import gc
import signal
import sys

import programs


@contextlib.contextmanager
def importing() -> Generator[None, None, None]:
  """Context in which a program imports TensorFlow.

  Ctrl-C and SIGTERM end the program with one line: an exception would be raised
  inside the imported module, which may swallow it or print a traceback.

  Python does not collect garbage meanwhile. It would visit the growing number
  of objects again and again, a fifth of the time of the imports, although all
  of them stay alive. Afterwards they are exempt from garbage collection.

  Workers are ended at exit: TFF's contexts print errors if they last until
  Python tears down its modules.
  """
  replaced = programs.handle_signals_while_importing()
  pauses_collection = gc.isenabled() and 'tensorflow' not in sys.modules
  if pauses_collection:
    gc.disable()
  try:
    yield
    if 'tensorflow_federated' in sys.modules:
      from tff_methods import runtime  # Imports TFF.

      atexit.register(runtime.end_workers)
  finally:
    if pauses_collection:
      gc.freeze()
      gc.enable()
    for signum in replaced:
      signal.signal(signum, programs.HANDLERS[signum])
