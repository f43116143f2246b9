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
"""TFF programs: train, and compare what was trained."""

import os
import signal
import sys

# Before TensorFlow loads: what it logs about the machine, GPU or none, and what
# the worker process logs, would run into the progress bar. Failures come as
# exceptions.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')


def stop_while_importing(signum, unused_frame) -> None:
  """Ends the program without a traceback; it has done nothing yet."""
  print(f'stopped by {signal.Signals(signum).name}.', file=sys.stderr)
  os._exit(128 + signum)  # An exception would end up in some import.


# Of `python -m programs.NAME`, which imports for seconds; `usage.run` ends it.
if (
  sys.argv[0] == '-m'
  and signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
  signal.signal(signal.SIGINT, stop_while_importing)
