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
r"""Checks that this machine has what programs need; prints a line per check.

  python -m programs.doctor

A line starts with "ok", with "note" for something good to know, or with
"wrong", and then ends with a remedy. --workers are checked too: each must
answer. Exit codes: 0, 1 if something is wrong, 2 for a bad command line.
"""

from absl import logging

from programs.command_line import common_flags
from programs.command_line import runner
from programs.diagnostics import machine_checks
from programs.network import tls_flags

_SECTIONS = {
  'Disk': (common_flags.OUTPUT_DIR, common_flags.CACHE_DIR),
  'Workers': (common_flags.WORKERS, *tls_flags.HOLDERS),
}


def main() -> int:
  """Runs and prints all checks; returns the exit code."""
  tls_flags.check_flags()
  # Warnings repeat the findings of checks.
  logging.set_verbosity(logging.ERROR)
  checks = machine_checks.all_checks(
    output_dir=common_flags.OUTPUT_DIR.value,
    cache_dir=common_flags.CACHE_DIR.value,
    workers=common_flags.WORKERS.value or [],
    make_credentials=tls_flags.channel_credentials,
  )
  has_failed = False
  for name, check in checks.items():
    for level, text in machine_checks.findings(check):
      print(f'{level:5}  {name}: {text}', flush=True)
      has_failed |= level == 'wrong'
  return int(has_failed)


if __name__ == '__main__':
  runner.run(main, sections=_SECTIONS)
