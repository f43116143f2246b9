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
import json
import pathlib
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

from tasks.folder import schema

_LABEL = {'column': 'y', 'classes': 2}


class SchemaTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.dir = self.enterContext(tempfile.TemporaryDirectory())
    self.path = pathlib.Path(self.dir) / 'schema.json'

  def _read(self, contents):
    self.path.write_text(json.dumps(contents))
    return schema.read_schema(self.dir)

  def test_defaults(self):
    read = self._read({'features': {'age': {}}, 'label': {'column': 'y'}})
    self.assertEqual(read.files, '*')
    self.assertIsNone(read.client)
    self.assertIsNone(read.classes)
    self.assertEqual(
      read.features, (schema.Column('age', ('age',), 'float32', ()),)
    )
    self.assertEqual(read.label, schema.Column('label', ('y',), 'float32', ()))
    self.assertEqual(read.column_names, ('age', 'y'))

  def test_all_keys(self):
    read = self._read(
      {
        'files': 'clients/**/*.csv',
        'client': 'user',
        'delimiter': '\t',
        'features': {
          'x': {'columns': ['a', 'b']},
          'pixels': {'columns': 'p*', 'shape': [2, 2, 1], 'dtype': 'uint8'},
          'text': {'column': 't', 'dtype': 'string'},
        },
        'label': {'column': 'y', 'classes': ['no', 'yes']},
      }
    )
    self.assertEqual([f.shape for f in read.features], [(2,), (2, 2, 1), ()])
    self.assertEqual(read.classes, ('no', 'yes'))
    self.assertEqual(read.label.dtype, 'int32')
    self.assertEqual(read.column_names, ('a', 'b', 'p*', 't', 'y', 'user'))

  @parameterized.named_parameters(
    ('no_object', [1], 'the schema to be an object, found .1.'),
    ('no_features', {'label': _LABEL}, '`features`, found none: add it'),
    ('no_label', {'features': {'x': {}}}, '`label`, found none'),
    ('empty', {'features': {}, 'label': _LABEL}, 'at least one'),
    (
      'unknown_key',
      {'features': {'x': {}}, 'label': _LABEL, 'clients': 'c'},
      "found 'clients': leave it out",
    ),
    (
      'unknown_feature_key',
      {'features': {'x': {'type': 'int'}}, 'label': _LABEL},
      "of feature 'x', found 'type'",
    ),
    (
      'dtype',
      {'features': {'x': {'dtype': 'float'}}, 'label': _LABEL},
      "one of float32, int32, .*, found 'float'",
    ),
    (
      'name',
      {'features': {'a b': {}}, 'label': _LABEL},
      "found 'a b': rename it, and give its column",
    ),
    (
      'shape',
      {'features': {'x': {'shape': [0]}}, 'label': _LABEL},
      'positive integers, found .0.',
    ),
    (
      'size',
      {'features': {'x': {'columns': ['a', 'b'], 'shape': [3]}}, 'label': {}},
      'with 2 elements',
    ),
    (
      'pattern_without_shape',
      {'features': {'x': {'columns': 'p*'}}, 'label': _LABEL},
      'found none: give the number of columns',
    ),
    (
      'both',
      {'features': {'x': {'column': 'a', 'columns': ['a']}}, 'label': _LABEL},
      'found both',
    ),
    (
      'label_without_column',
      {'features': {'x': {}}, 'label': {'classes': 2}},
      'names of columns for the label, found',
    ),
    (
      'one_class',
      {'features': {'x': {}}, 'label': {'column': 'y', 'classes': 1}},
      'from 2 to .*, found 1',
    ),
    (
      'same_names',
      {'features': {'x': {}}, 'label': {'column': 'y', 'classes': ['a', 'a']}},
      'distinct names',
    ),
    (
      'files_outside',
      {'files': '../*.csv', 'features': {'x': {}}, 'label': _LABEL},
      'give a relative pattern',
    ),
    (
      'delimiter',
      {'delimiter': '||', 'features': {'x': {}}, 'label': _LABEL},
      'one character',
    ),
  )
  def test_refuses_in_one_line(self, contents, message):
    with self.assertRaisesRegex(ValueError, message) as caught:
      self._read(contents)
    self.assertNotIn('\n', str(caught.exception))
    self.assertIn(str(self.path), str(caught.exception))

  @parameterized.parameters(b'{', b'\xff{}', b'[' * 100_000)
  def test_no_json(self, contents):
    self.path.write_bytes(contents)
    with self.assertRaisesRegex(ValueError, 'to be JSON in UTF-8, found'):
      schema.read_schema(self.dir)


if __name__ == '__main__':
  absltest.main()
