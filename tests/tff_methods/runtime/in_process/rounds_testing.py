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
"""What tests of equal results in all runtimes share."""

import functools
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods.runtime.in_process import rounds

_REPOSITORY = pathlib.Path(__file__).parents[4]
_NUM_DEVICES = 4


class RoundsTestCase(tf.test.TestCase):
  """Compares the rounds of one kind of processes in all runtimes.

  Attributes:
    kind: A key of `rounds.BUILDERS`, of subclasses.
  """

  kind: str

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    directory = tempfile.TemporaryDirectory()
    cls.addClassCleanup(directory.cleanup)
    cls._path = pathlib.Path(directory.name) / 'on_devices.npz'
    # Beside the other tests: TensorFlow makes devices only when it starts.
    cls._program = subprocess.Popen(
      [
        *(sys.executable, '-m', rounds.__name__),
        *(str(cls._path), str(_NUM_DEVICES), cls.kind),
      ],
      cwd=_REPOSITORY,
      stdin=subprocess.DEVNULL,
      stdout=subprocess.DEVNULL,
      stderr=subprocess.DEVNULL,
    )
    cls.addClassCleanup(cls._program.wait)
    cls.addClassCleanup(cls._program.kill)

  def check_in_process(self, name: str) -> None:
    """Fails where the number of clients at once makes a difference."""
    for concurrency in rounds.CONCURRENCIES[1:]:
      self._assert_same_bits(
        rounds.in_process(_run(self.kind, name), concurrency),
        _expected(self.kind, name),
      )

  def check_cpp(self, name: str, context) -> None:
    """Fails where a context of TFF's C++ runtime has other results."""
    with tff.framework.get_context_stack().install(context):
      found = _run(self.kind, name)()
    for x, y in zip(found, _expected(self.kind, name), strict=True):
      self.assertEqual((x.shape, x.dtype), (y.shape, y.dtype))
      self.assertAllClose(x, y, rtol=1e-5, atol=1e-6)

  def check_devices(self) -> None:
    """Fails where the number of devices makes a difference."""
    self.assertEqual(self._program.wait(), 0)
    with np.load(self._path) as found:
      for name in rounds.BUILDERS[self.kind]:
        expected = _expected(self.kind, name)
        for concurrency in rounds.CONCURRENCIES:
          with self.subTest(name, concurrency=concurrency):
            self._assert_same_bits(
              [
                found[f'{name}/{concurrency}/{i}'] for i in range(len(expected))
              ],
              expected,
            )

  def _assert_same_bits(self, found, expected):
    for x, y in zip(found, expected, strict=True):
      self.assertEqual(x.dtype, y.dtype)
      self.assertEqual(x.tobytes(), y.tobytes())


@functools.cache
def _run(kind: str, name: str) -> rounds.Run:
  return rounds.BUILDERS[kind][name]()


@functools.cache
def _expected(kind: str, name: str) -> list[np.ndarray]:
  return rounds.in_process(_run(kind, name), rounds.CONCURRENCIES[0])
