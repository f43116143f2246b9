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
"""Tests of the reader of model weights."""

import os
import pathlib
import struct
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import hypothesis
from hypothesis import strategies as st
import numpy as np

from programs.command_line import runner
from programs.runs import saved_weights


class SavedWeightsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    directory = self.enterContext(tempfile.TemporaryDirectory())
    self._path = os.path.join(directory, 'model_weights.npz')
    np.savez_compressed(
      self._path,
      trainable_0=np.arange(6.0).reshape(2, 3),
      trainable_1=np.ones(2),
      non_trainable_0=np.zeros(1),
    )
    self._contents = pathlib.Path(self._path).read_bytes()

  def _load(self, contents: bytes) -> saved_weights.SavedWeights:
    pathlib.Path(self._path).write_bytes(contents)
    return saved_weights.load(self._path)

  def test_load(self):
    weights = saved_weights.load(self._path)
    np.testing.assert_array_equal(weights.trainable[0], [[0, 1, 2], [3, 4, 5]])
    self.assertEqual(
      [[x.shape for x in part] for part in weights], [[(2, 3), (2,)], [(1,)]]
    )

  def _with_header(self, offset: int, value: int) -> bytes:
    """Returns the file with other 16 bits in all local and central headers."""
    contents = bytearray(self._contents)
    for start, offset_here in ((b'PK\3\4', offset), (b'PK\1\2', offset + 2)):
      at = contents.find(start)
      while at >= 0:
        struct.pack_into('<H', contents, at + offset_here, value)
        at = contents.find(start, at + 1)
    return bytes(contents)

  @parameterized.named_parameters(
    ('empty', lambda self: b''),
    ('text', lambda self: b'weights'),
    ('cut', lambda self: self._contents[:-30]),
    ('encrypted', lambda self: self._with_header(6, 1)),
    ('compression', lambda self: self._with_header(8, 99)),
    (
      'damaged_data',
      lambda self: self._contents[:60] + b'\xff' * 9 + self._contents[69:],
    ),
  )
  def test_damaged_files_are_refused(self, damage):
    with self.assertRaisesRegex(
      runner.UsageError,
      rf'^Expected the model_weights.npz of a run at {self._path}, [^\n]*$',
    ):
      self._load(damage(self))

  def test_missing_file_is_refused(self):
    with self.assertRaisesRegex(runner.UsageError, 'No such file'):
      saved_weights.load(self._path + '2')

  @hypothesis.settings(max_examples=50, deadline=None)
  @hypothesis.given(st.data())
  def test_any_damage_is_weights_or_refused(self, data):
    contents = bytearray(self._contents)
    for _ in range(data.draw(st.integers(1, 4))):
      at = data.draw(st.integers(0, len(contents) - 1))
      contents[at] = data.draw(st.integers(0, 255))
    try:
      self._load(bytes(contents))
    except runner.UsageError as e:
      self.assertNotIn('\n', str(e))


if __name__ == '__main__':
  absltest.main()
