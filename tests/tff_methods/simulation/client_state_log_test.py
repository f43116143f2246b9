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
"""Tests for client_state_log.py."""

import functools
import hashlib
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from tff_methods.simulation import client_state_log
from tff_methods.simulation import store_files

_LINES = [b'1 aa 01\n', b'1 bb 02\n', b'2 aa 03\n', b'7 cc 04\n']


def _hex(contents):
  return hashlib.sha256(contents).hexdigest()


def _chained(lines):
  """Returns the checksum of lines, written differently."""
  return functools.reduce(
    lambda before, line: _hex(before.encode() + line), lines, _hex(b'')
  )


class LogTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    parent = self.enterContext(tempfile.TemporaryDirectory())
    self.path = pathlib.Path(parent) / 'a' / 'log'
    self.log = client_state_log.ClientStateLog(str(self.path))

  def run_rounds(self):
    """Returns the ends of the log after each round."""
    ends, end = [], client_state_log.START
    for round_num, checksums in {
      1: [('aa', '01'), ('bb', '02')],
      2: [('aa', '03')],
      3: [],
      7: [('cc', '04')],
    }.items():
      end = self.log.append(end, round_num, checksums)
      ends.append(end)
    return ends

  def test_append(self):
    ends = self.run_rounds()
    self.assertEqual(self.path.read_bytes(), b''.join(_LINES))
    for end, num_lines in zip(ends, (2, 3, 3, 4), strict=True):
      expected = (8 * num_lines, _chained(_LINES[:num_lines]))
      self.assertEqual(tuple(end), expected)

  def test_nothing_appended_makes_no_file(self):
    self.log.append(client_state_log.START, 1, [])
    self.log.cut(client_state_log.START)
    self.assertEmpty(self.log.newest_versions(client_state_log.START))
    self.assertFalse(self.path.parent.exists())

  def test_newest_versions(self):
    first, second, _, last = self.run_rounds()
    expected = {'aa': (1, '01'), 'bb': (1, '02')}
    self.assertEqual(self.log.newest_versions(first), expected)
    expected |= {'aa': (2, '03')}
    self.assertEqual(self.log.newest_versions(second), expected)
    expected |= {'cc': (7, '04')}
    self.assertEqual(self.log.newest_versions(last), expected)

  def test_cut_log_is_appended_to(self):
    first, second, *_ = self.run_rounds()
    self.log.cut(first)
    self.assertEqual(self.path.read_bytes(), b''.join(_LINES[:2]))
    self.assertEqual(self.log.append(first, 2, [('aa', '03')]), second)
    self.log.cut(second)  # Nothing to cut.
    self.assertEqual(self.path.read_bytes(), b''.join(_LINES[:3]))

  @parameterized.parameters(0, 1, 23, 25)
  def test_append_at_another_end_is_an_error(self, length):
    _, second, *_ = self.run_rounds()
    self.path.write_bytes(b''.join(_LINES)[:length])
    with self.assertRaisesRegex(
      store_files.DamagedClientStatesError,
      f'{self.path}, with at least the saved 24 bytes, found one of {length}',
    ):
      self.log.append(second, 3, [('aa', '05')])
    self.assertLen(self.path.read_bytes(), length)

  def test_each_flipped_byte_and_each_length_is_an_error(self):
    *_, last = self.run_rounds()
    whole = b''.join(_LINES)
    damaged = [whole[:n] for n in range(len(whole))]
    damaged += [
      whole[:n] + bytes([whole[n] ^ bit]) + whole[n + 1 :]
      for n in range(len(whole))
      for bit in (1, 42, 128)
    ]
    for contents in damaged:
      self.path.write_bytes(contents)
      with self.assertRaises(store_files.DamagedClientStatesError):
        self.log.newest_versions(last)
    self.path.write_bytes(whole + b'more')
    self.assertLen(self.log.newest_versions(last), 3)


class SavedRoundsTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    parent = self.enterContext(tempfile.TemporaryDirectory())
    self.path = pathlib.Path(parent) / 'saved_rounds.json'

  def test_come_back(self):
    self.assertEmpty(client_state_log.read_saved_rounds(str(self.path)))
    for rounds in (
      {},
      {5: client_state_log.START},
      {5: client_state_log.START, 10**12: client_state_log.Position(7, 'ab')},
    ):
      client_state_log.write_saved_rounds(str(self.path), rounds)
      found = client_state_log.read_saved_rounds(str(self.path))
      self.assertEqual(found, rounds)

  def test_each_changed_byte_is_harmless_or_an_error(self):
    rounds = {1: client_state_log.START, 3: client_state_log.Position(8, 'ab')}
    client_state_log.write_saved_rounds(str(self.path), rounds)
    whole = self.path.read_bytes()
    num_errors = 0
    for n, bit in ((n, 1 << b) for n in range(len(whole)) for b in range(8)):
      self.path.write_bytes(
        whole[:n] + bytes([whole[n] ^ bit]) + whole[n + 1 :]
      )
      try:
        found = client_state_log.read_saved_rounds(str(self.path))
      except store_files.DamagedClientStatesError:
        num_errors += 1
      else:
        self.assertEqual(found, rounds)
    self.assertGreater(num_errors, 7 * len(whole))


if __name__ == '__main__':
  absltest.main()
