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

import os
import tempfile

from absl.testing import absltest
from absl.testing import parameterized
import hypothesis
from hypothesis import strategies as st

from tasks.many_labels import xc_files
from tests.tasks import damage

_TRAIN = """\
4 6 5
3,0 0:0.25 5:1.5
4 2:1e-3
 1:2 3:-1
2
"""
_TEST = '2 6 5\n1 4:3\n0,1,2 0:1\n'
_TRAIN_FEATURES = '4 6\n0:0.25 5:1.5\n2:1e-3\n1:2 3:-1\n\n'
_TRAIN_LABELS = '4 5\n3:1.0 0:1.0\n4:1.0\n\n2:1.0\n'
_TEST_FEATURES = '2 6\n4:3\n0:1\n'
_TEST_LABELS = '2 5\n1:1\n0:1 1:1 2:1\n'
_TWO_FILES = {
  'trn_X_Xf.txt': _TRAIN_FEATURES,
  'trn_X_Y.txt': _TRAIN_LABELS,
  'tst_X_Xf.txt': _TEST_FEATURES,
  'tst_X_Y.txt': _TEST_LABELS,
}


class _FilesTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())

  def _write(self, files):
    for name, text in files.items():
      path = os.path.join(self.dir, name)
      with open(path, 'w', encoding='utf-8', errors='surrogateescape') as f:
        f.write(text)

  def _assert_refused(self, files, message):
    self._write(files)
    with self.assertRaisesRegex(ValueError, message) as caught:
      xc_files.xc(self.dir).load()
    damage.check_message(self, str(caught.exception), self.dir)


class ContentsTest(_FilesTestCase):
  @parameterized.named_parameters(
    ('one_file', {'train.txt': _TRAIN, 'test.txt': _TEST}),
    ('two_files', _TWO_FILES),
    (
      'spaces_and_repeated_labels',
      {
        'train.txt': (
          '4 6 5\r\n3,0,3 0:0.25  5:1.5 \r\n4 2:1e-3\r\n 1:2 3:-1\r\n2\r\n'
        ),
        'test.txt': _TEST.strip(),
      },
    ),
    (
      'blank_last_lines',
      {'train.txt': _TRAIN + '\n \n', 'test.txt': _TEST + '\n'},
    ),
    (
      'blank_last_lines_of_two_files',
      {name: text + '\n' for name, text in _TWO_FILES.items()},
    ),
  )
  def test_reads(self, files):
    self._write(files)
    data = xc_files.xc(self.dir).load()
    self.assertEqual((data.num_features, data.num_labels), (6, 5))
    x, y = data.train.features, data.train.labels
    self.assertEqual(x.indptr.tolist(), [0, 2, 3, 5, 5])
    self.assertEqual(x.indices.tolist(), [0, 5, 2, 1, 3])
    self.assertSequenceAlmostEqual(x.values, [0.25, 1.5, 1e-3, 2, -1])
    # An example without labels is kept.
    self.assertEqual(y.indptr.tolist(), [0, 2, 3, 3, 4])
    self.assertEqual(y.indices.tolist(), [0, 3, 4, 2])
    self.assertIsNone(y.values)
    self.assertEqual(data.test.features.indices.tolist(), [4, 0])
    self.assertEqual(data.test.labels.indptr.tolist(), [0, 1, 4])

  def test_fingerprint_changes_with_each_file(self):
    files = {'train.txt': _TRAIN, 'test.txt': _TEST}
    self._write(files)
    fingerprints = {xc_files.xc(self.dir).fingerprint}
    for name in files:
      self._write(files | {name: files[name] + '\n'})
      fingerprints.add(xc_files.xc(self.dir).fingerprint)
    self.assertLen(fingerprints, 3)


class ErrorsTest(_FilesTestCase):
  def test_missing_files_raise(self):
    self._write({'train.txt': _TRAIN, 'trn_X_Y.txt': _TRAIN_LABELS})
    with self.assertRaisesRegex(
      ValueError, 'train.txt and test.txt, or trn_X_Xf.txt.* found neither'
    ):
      xc_files.xc(self.dir)

  @parameterized.named_parameters(
    ('label', '5 0:1', 'line 3 of .*train.txt labels from 0 to 4, found 5'),
    ('feature', '1 6:1', 'line 3 .* features from 0 to 5, found 6: correct'),
    ('negative', '1 -1:1', 'line 3 .* features from 0 to 5, found -1'),
    (
      'no_label',
      '2:1 3:1',
      "line 3 .* labels such as 3,17, .* found '2:1': .* start .* a space if",
    ),
    ('negative_label', '-1 2:1', 'line 3 .* labels from 0 to 4, found -1'),
    ('negative_zero', '-0 2:1', "line 3 .* such as 3,17, .*, found '-0'"),
    ('label_gap', '1,,2 2:1', "line 3 .* such as 3,17, .*, found '1,,2'"),
    ('tab', '1\t2:1', "line 3 .* 3,17, then a space, found '1"),
    (
      'no_value',
      '1 2',
      "line 3 .* values, such as 8:1.5, found '2': correct it",
    ),
    ('word', '1 a:1', "line 3 .* values, such as 8:1.5, found 'a:1'"),
    ('two_colons', '1 2:1:1', "found '2:1:1'"),
    ('value', '1 2:x', "line 3 .* found '2:x'"),
    ('nan', '1 2:nan', "line 3 .* finite values, found '2:nan'"),
    ('large', '1 2:1e39', "line 3 .* finite values, found '2:1e39'"),
    ('bytes', '1 2:\x00', 'line 3 .* features'),
    (
      'no_utf8',
      '1 2:\udcff',
      'line 3 .* ASCII digits, .* found .*: correct it',
    ),
    (
      'other_digits',
      '1 ٣:1',
      "line 3 .* ASCII digits, .* found '٣:1': correct",
    ),
    ('label_digits', '٣ 1:1', "line 3 .* ASCII digits, .* found '٣': correct"),
    ('underscore', '1 0_2:1', "line 3 .* ASCII digits, .* found '0_2:1'"),
    ('value_underscore', '1 2:1_0', "line 3 .* ASCII digits.* found '2:1_0'"),
    ('fraction', '1 2.0:1', "line 3 .* such as 8:1.5, found '2.0:1'"),
    ('fractional_label', '1.0 2:1', "line 3 .* such as 3,17, .* found '1.0'"),
    ('long_label', '9' * 5000 + ' 2:1', 'line 3 .* from 0 to 4, found 9{80}:'),
    ('long_feature', f'1 {"9" * 5000}:1', 'line 3 .* to 5, found 9{80}: corr'),
    ('long_word', '1 ' + 'x' * 5000, "line 3 .* found 'x{80}': correct it"),
    ('infinity', '1 2:inf', "line 3 .* finite values, found '2:inf'"),
    ('nothing', '1 :', "line 3 .* such as 8:1.5, found ':': correct it"),
  )
  def test_invalid_lines_raise(self, line, message):
    files = {'train.txt': f'2 6 5\n1 1:1\n{line}\n', 'test.txt': _TEST}
    self._assert_refused(files, message)

  @parameterized.parameters(
    ('', "line 1 .* examples, features and labels, found ''"),
    ('2 6\n', "line 1 .* features and labels, found '2 6'"),
    ('0,1 3:1\n', "found '0,1 3:1': replace it"),
    ('0 6 5\n', "found '0 6 5'"),
    ('1 6 5\n1 1:1\n2 1:1\n', 'have 1 examples, .* found 2: replace it'),
    ('3 6 5\n1 1:1\n', 'have 3 examples, .* found 1: replace it'),
    ('1 6 5\n 1:1\n', 'labelled training .* found 1 with 0 labels and 2'),
    ('-1 6 5\n', "line 1 .* features and labels, found '-1 6 5': replace it"),
    ('1 -6 5\n', "line 1 .* features and labels, found '1 -6 5': replace it"),
    ('1 6.0 5\n', "line 1 .* features and labels, found '1 6.0 5': replace"),
    ('1 6 5e3\n', "line 1 .* features and labels, found '1 6 5e3': replace"),
    ('1_0 6 5\n', "line 1 .* features and labels, found '1_0 6 5': replace"),
    ('1 6 ٣\n', "line 1 .* features and labels, found '1 6 ٣': replace it"),
    ('1 6 5 7\n', "line 1 .* features and labels, found '1 6 5 7': replace"),
    (f'1 6 {"9" * 9999}', r"line 1 .* and labels, found '1 6 9{76}': replace"),
    (f'1 6 {10**14}', "line 1 .* at most 16777216 labels, found '1 6 10{14}'"),
    (f'1 6 {2**40}', 'line 1 .* at most 16777216 labels, found .*: correct'),
    (f'1 {2**31} 5', 'line 1 .* at most 2147483647 features, found .*: corr'),
    (f'{10**14} 6 5', 'have 10{14} examples, .* found 0: replace it'),
    ('1 6 4\n1 1:1\n', 'test.txt .* features .* 6 and 4, found 6 and 5: take'),
  )
  def test_wrong_counts_raise(self, text, message):
    self._assert_refused({'train.txt': text, 'test.txt': _TEST}, message)

  @parameterized.parameters(
    ('trn_X_Y.txt', '4 5\n3:0\n\n\n\n', 'line 2 .* above 0, found 0: leave'),
    (
      'trn_X_Y.txt',
      '4 5\n\n5:1\n\n\n',
      'line 3 .* labels from 0 to 4, found 5',
    ),
    ('trn_X_Y.txt', '3 5\n\n1:1\n\n', 'trn_X_Y.txt .* 4, found 3: take both'),
    ('tst_X_Xf.txt', '2 6\n\n6:1\n', 'line 3 .*tst_X_Xf.txt features from 0'),
    ('trn_X_Y.txt', f'4 {10**14}\n', 'line 1 .* most 16777216 labels, found'),
    ('trn_X_Y.txt', '4 5\n3:nan\n', "line 2 .* finite values, found '3:nan'"),
    ('tst_X_Xf.txt', '2 6 5\n', 'line 1 .* examples, features, found'),
  )
  def test_invalid_pairs_of_files_raise(self, name, text, message):
    self._assert_refused(_TWO_FILES | {name: text}, message)

  def test_file_that_cannot_be_opened(self):
    self._write(_TWO_FILES)
    source = xc_files.xc(self.dir)
    path = os.path.join(self.dir, 'trn_X_Xf.txt')
    with damage.unreadable(path):
      for read in (lambda: xc_files.xc(self.dir), source.load):
        with self.assertRaisesRegex(ValueError, f'{path}, found no permission'):
          read()

  def test_change_before_loading_raises(self):
    self._write(_TWO_FILES)
    source = xc_files.xc(self.dir)
    self._write({'tst_X_Y.txt': '2 5\n'})
    with self.assertRaisesRegex(ValueError, 'tst_X_Y.txt to stay the same'):
      source.load()


class FuzzTest(absltest.TestCase):
  def _check(self, files):
    with tempfile.TemporaryDirectory() as directory:
      for name, contents in files.items():
        with open(os.path.join(directory, name), 'wb') as f:
          f.write(contents)
      damage.reads_or_refuses(
        self, directory, lambda: xc_files.xc(directory).load()
      )

  @damage.settings
  @hypothesis.given(damage.damaged(_TRAIN.encode()))
  def test_damaged_file(self, contents):
    self._check({'train.txt': contents, 'test.txt': _TEST.encode()})

  @damage.settings
  @hypothesis.given(
    st.fixed_dictionaries(
      {name: damage.damaged(text.encode()) for name, text in _TWO_FILES.items()}
    )
  )
  def test_damaged_files(self, files):
    self._check(files)

  @damage.settings
  @hypothesis.given(
    st.lists(st.integers(-2, 2**70) | st.floats(), max_size=4),
    st.text('0123456789,:. -+e_\n\r\t\x00\x1c\x85٣²', max_size=40),
  )
  def test_other_counts_and_lines(self, counts, text):
    contents = ' '.join(map(str, counts)) + '\n' + text
    self._check({'train.txt': contents.encode(), 'test.txt': _TEST.encode()})


if __name__ == '__main__':
  absltest.main()
