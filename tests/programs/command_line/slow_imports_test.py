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
"""Tests for slow_imports."""

import gc
import os
import signal
import subprocess
import sys
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from programs.command_line import slow_imports

# As `python -m programs.NAME` imports the package.
_IMPORT = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv[0] = '-m'
import programs
"""
_IS_STOPPED_IN_AN_IMPORT = f'{_IMPORT}signal.raise_signal(signal.SIG%s)'
_IS_STOPPED_IN_A_LATER_IMPORT = f"""
{_IMPORT}
from programs.command_line import runner
from programs.command_line import slow_imports
def main():
  with slow_imports.importing():
    signal.raise_signal(signal.SIG%s)
runner.run(main)
"""
_IS_STOPPED_IN_MAIN = f"""
{_IMPORT}
from programs.command_line import runner
try:
  runner.run(lambda: signal.raise_signal(signal.SIGINT))
except KeyboardInterrupt:
  sys.exit(7)
"""
# TFF's import sets a context of its own.
_REFUSES_AFTER_THE_IMPORT = f"""
{_IMPORT}
from programs.command_line import runner
from programs.command_line import slow_imports
def main():
  with slow_imports.importing():
    import tensorflow_federated
  raise runner.UsageError('Expected another flag.')
runner.run(main)
"""


class StopWhileImportingTest(parameterized.TestCase):
  def _run(self, program: str) -> tuple[int, str]:
    result = subprocess.run(
      [sys.executable, '-c', program],
      stderr=subprocess.PIPE,
      text=True,
      env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
    )
    return result.returncode, result.stderr

  @parameterized.product(
    program=[_IS_STOPPED_IN_AN_IMPORT, _IS_STOPPED_IN_A_LATER_IMPORT],
    signal_and_code=[('INT', 130), ('TERM', 143)],
  )
  def test_ends_with_one_line(self, program, signal_and_code):
    name, exit_code = signal_and_code
    self.assertEqual(
      self._run(program % name), (exit_code, f'stopped by SIG{name}.\n')
    )

  def test_is_over_when_the_program_runs(self):
    self.assertEqual(self._run(_IS_STOPPED_IN_MAIN), (7, ''))
    in_main = _IS_STOPPED_IN_MAIN.replace(
      'raise_signal(signal.SIGINT', 'raise_signal(signal.SIGTERM'
    )
    self.assertEqual(self._run(in_main), (-signal.SIGTERM, ''))

  def test_refuses_after_the_import_with_one_line(self):
    exit_code, stderr = self._run(_REFUSES_AFTER_THE_IMPORT)
    self.assertEqual(exit_code, 2)
    # TensorFlow's import logs lines that begin with a date.
    self.assertEndsWith(stderr, '-m: Expected another flag.\n')
    self.assertNotIn('Traceback', stderr)


class GarbageCollectionTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(mock.patch.dict(sys.modules))
    sys.modules.pop('tensorflow', None)
    self._freeze = self.enter_context(mock.patch.object(gc, 'freeze'))

  def test_pauses_and_then_leaves_out_what_is_imported(self):
    with slow_imports.importing():
      self.assertFalse(gc.isenabled())
      self._freeze.assert_not_called()
    self.assertTrue(gc.isenabled())
    self._freeze.assert_called_once_with()

  def test_is_collected_again_after_an_import_that_fails(self):
    with self.assertRaises(ImportError), slow_imports.importing():
      raise ImportError
    self.assertTrue(gc.isenabled())

  def test_goes_on_once_tensorflow_is_imported(self):
    sys.modules['tensorflow'] = mock.sentinel.tensorflow
    with slow_imports.importing():
      self.assertTrue(gc.isenabled())
    self._freeze.assert_not_called()

  def test_stays_disabled_where_it_was(self):
    gc.disable()
    self.addCleanup(gc.enable)
    with slow_imports.importing():
      pass
    self.assertFalse(gc.isenabled())
    self._freeze.assert_not_called()


if __name__ == '__main__':
  absltest.main()
