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

_WEIGHTS = saved_weights.SavedWeights(
  (np.ones([2, 3], np.float32), np.zeros([3], np.float32)),
  (np.array([7], np.int64),),
)
_FORMAT = saved_weights.WeightsFormat(
  ('dense/kernel', 'dense/bias'), ('count',), {'hash': np.array([[1, 2]])}
)


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


class WeightsFormatTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    directory = self.enter_context(tempfile.TemporaryDirectory())
    self._path = os.path.join(directory, 'weights.npz')

  def _write(self, **arrays: np.ndarray) -> dict[str, np.ndarray]:
    np.savez(self._path, **arrays)
    return saved_weights.load_arrays(self._path)

  def _select(self, weights_format=_FORMAT, **changes: np.ndarray | None):
    arrays = weights_format.arrays(_WEIGHTS) | changes
    arrays = {name: a for name, a in arrays.items() if a is not None}
    return _FORMAT.select('w.npz', self._write(**arrays), _WEIGHTS)

  def _assert_weights(self, found: saved_weights.SavedWeights):
    for kind in ('trainable', 'non_trainable'):
      expected = getattr(_WEIGHTS, kind)
      self.assertLen(getattr(found, kind), len(expected))
      for a, b in zip(getattr(found, kind), expected, strict=True):
        np.testing.assert_array_equal(a, b)

  def test_file_has_the_names(self):
    arrays = self._write(**_FORMAT.arrays(_WEIGHTS))
    self.assertEqual(
      list(arrays),
      [
        'trainable/dense/kernel',
        'trainable/dense/bias',
        'non_trainable/count',
        'constants/hash',
      ],
    )

  def test_loads_named_weights_in_their_order(self):
    self._write(**_FORMAT.arrays(_WEIGHTS))
    self._assert_weights(saved_weights.load(self._path))

  def test_loads_numbered_weights_of_earlier_versions(self):
    self._write(
      trainable_0=_WEIGHTS.trainable[0],
      trainable_1=_WEIGHTS.trainable[1],
      non_trainable_0=_WEIGHTS.non_trainable[0],
    )
    self._assert_weights(saved_weights.load(self._path))

  def test_selects_by_name_in_any_order(self):
    arrays = _FORMAT.arrays(_WEIGHTS)
    found = _FORMAT.select(
      'w.npz', self._write(**dict(reversed(arrays.items()))), _WEIGHTS
    )
    self._assert_weights(found)

  @parameterized.parameters('trainable/{}', 'trainable_{}')
  def test_selects_numbered_weights(self, pattern):
    weights_format = saved_weights.WeightsFormat(('a', 'b'))
    like = saved_weights.SavedWeights(_WEIGHTS.trainable, ())
    arrays = {pattern.format(i): a for i, a in enumerate(like.trainable)}
    found = weights_format.select('w.npz', self._write(**arrays), like)
    np.testing.assert_array_equal(found.trainable[1], like.trainable[1])

  @parameterized.named_parameters(
    (
      'shape',
      {'trainable/dense/bias': np.zeros([4], np.float32)},
      r'trainable/dense/bias float32\[3\], found float32\[4\];',
    ),
    (
      'type',
      {'trainable/dense/bias': np.zeros([3])},
      r'trainable/dense/bias float32\[3\], found float64\[3\];',
    ),
    (
      'missing',
      {'non_trainable/count': None},
      r'non_trainable/count int64\[1\], found none;',
    ),
    (
      'other_model',
      {'trainable/dense_1/bias': np.zeros([3], np.float32)},
      r'trainable/dense_1/bias none, found float32\[3\];',
    ),
    (
      'constant',
      {'constants/hash': np.array([[1, 3]])},
      r'constants/hash int64\[1, 2\], found other values;',
    ),
    (
      'many',
      {str(i): np.zeros([1]) for i in range(5)},
      r'(; \d none, found float64\[1\]){2}; and 2 more; give',
    ),
  )
  def test_refuses_weights_of_another_model(self, changes, message):
    with self.assertRaisesRegex(
      runner.UsageError,
      rf'^Expected in w.npz weights of the model .*{message}[^\n]*$',
    ):
      self._select(**changes)

  def test_refuses_files_that_cannot_be_read(self):
    with open(self._path, 'w') as f:
      f.write('no weights')
    for path in (self._path, self._path + '.none'):
      with self.assertRaisesRegex(
        runner.UsageError, 'Expected the model_weights.npz of a run at .*, f'
      ):
        saved_weights.load_arrays(path)


if __name__ == '__main__':
  absltest.main()
