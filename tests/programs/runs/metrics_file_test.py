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
"""Tests of the reader of `metrics.csv`."""

import os
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import hypothesis
from hypothesis import strategies as st

from programs.command_line import runner
from programs.runs import metrics_file

_WHOLE = 'round,a,b\n0,1,\n1,2,nan\n2,3,4e-3\n'


class MetricsFileTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    directory = self.enterContext(tempfile.TemporaryDirectory())
    self._path = os.path.join(directory, 'metrics.csv')

  def _read(self, contents: bytes) -> list[dict[str, str]]:
    pathlib.Path(self._path).write_bytes(contents)
    return metrics_file.read(self._path)

  def test_rows(self):
    self.assertEqual(
      self._read(_WHOLE.encode()),
      [
        {'round': '0', 'a': '1', 'b': ''},
        {'round': '1', 'a': '2', 'b': 'nan'},
        {'round': '2', 'a': '3', 'b': '4e-3'},
      ],
    )

  @parameterized.named_parameters(
    ('lost', 'round,a\n0,1\n2,3\n', "round '2' instead of 1 in line 3"),
    ('first_lost', 'round,a\n1,1\n', "round '1' instead of 0"),
    ('twice', 'round,a\n0,1\n0,1\n', "round '0' instead of 1"),
    ('cut', 'round,a\n0,1\n1', 'another number of columns in line 3'),
    ('longer', 'round,a\n0,1,5\n', 'another number of columns in line 2'),
    ('words', 'round,a\n0,high\n', "'high' as a in line 2"),
    ('full_width', 'round,a\n0,４\n', "'４' as a in line 2"),
    ('underscore', 'round,a\n0,1_0\n', "'1_0' as a in line 2"),
    ('no_round', 'a,b\n', "no column 'round'"),
    ('empty', '', "no column 'round'"),
    ('binary', '\udcff\udcfe', 'decode'),
    ('quote', 'round,a\n0,"1\n', 'end of data'),
    ('nul', 'round,a\n0,\0\n', 'as a in line 2|NUL'),
  )
  def test_damaged(self, contents, message):
    with self.assertRaisesRegex(
      runner.UsageError, rf'^[^\n]*{self._path} [^\n]*({message})[^\n]*copy'
    ):
      self._read(contents.encode('utf-8', 'surrogateescape'))

  def test_missing(self):
    with self.assertRaisesRegex(runner.UsageError, 'No such file'):
      metrics_file.read(self._path)

  @hypothesis.given(
    st.one_of(
      st.binary(max_size=200),
      st.tuples(st.integers(0, len(_WHOLE)), st.binary(max_size=3)).map(
        lambda x: _WHOLE[: x[0]].encode() + x[1] + _WHOLE[x[0] :].encode()
      ),
    )
  )
  @hypothesis.settings(max_examples=300, deadline=None)
  def test_any_bytes_are_rows_or_an_error_of_its_own(self, contents):
    try:
      rows = self._read(contents)
    except runner.UsageError as e:
      self.assertNotIn('\n', str(e))
      return
    self.assertEqual(
      [row['round'] for row in rows], [str(i) for i in range(len(rows))]
    )


if __name__ == '__main__':
  absltest.main()
