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
"""Base class of tests of equal results in all runtimes."""

import pathlib
import subprocess
import sys
import tempfile
import time

from absl.testing import parameterized
import numpy as np

from tests.tff_methods.runtime.in_process import rounds

_REPOSITORY = pathlib.Path(__file__).parents[4]


class RoundsTestCase(parameterized.TestCase):
  """Comparison of all runtimes on rounds of one kind of processes.

  Attributes:
    kind: Key of `rounds.BUILDERS`; subclasses set it.
  """

  kind: str

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    directory = tempfile.TemporaryDirectory()
    cls.addClassCleanup(directory.cleanup)
    cls._directory = pathlib.Path(directory.name)
    cls._log = cls._directory / 'log'
    with cls._log.open('wb') as log:
      cls._program = subprocess.Popen(
        [sys.executable, '-m', rounds.__name__, cls.kind, directory.name],
        cwd=_REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
      )
    cls.addClassCleanup(cls._end_program)

  @classmethod
  def _end_program(cls):
    try:
      # After its last result, it ends the worker that TFF started.
      cls._program.wait(timeout=20)
    except subprocess.TimeoutExpired:
      cls._program.terminate()
      cls._program.wait()

  def check(self, name: str) -> None:
    """Fails if the results of a process differ among runtimes."""
    found = self._results(name)
    expected = found.pop(rounds.EXPECTED)
    self.assertNotEmpty(expected)
    for context, arrays in found.items():
      with self.subTest(context):
        for x, y in zip(arrays, expected, strict=True):
          self.assertEqual((x.shape, x.dtype), (y.shape, y.dtype))
          if rounds.CPP == context or rounds.NOISY == name:
            # The kernels of TFF's runtime differ in rounding for some ops.
            np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)
          else:
            self.assertEqual(x.tobytes(), y.tobytes())

  def _results(self, name: str) -> dict[str, list[np.ndarray]]:
    """Waits for the results of a process; returns them by context."""
    path = self._directory / f'{name}.npz'
    while not path.exists():
      # The file may appear just before the program ends.
      if self._program.poll() is not None and not path.exists():
        self.fail(self._log.read_text()[-5000:])
      time.sleep(0.1)
    results = {}
    with np.load(path) as arrays:
      for key, array in arrays.items():
        results.setdefault(key.split('/')[0], []).append(array)
    return results
