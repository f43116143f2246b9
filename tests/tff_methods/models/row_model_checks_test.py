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
"""Tests for row_model_checks; those of single parts are in row_model_test."""

from absl.testing import absltest
import numpy as np

from tests.tff_methods import row_models
from tff_methods import models
from tff_methods.models import row_model_checks

_ROWS = np.zeros([6, 2], np.float32)


class RowModelChecksTest(absltest.TestCase):
  def test_bad_tables(self):
    for input_tables, error, message in (
      ({'rows': models.InputTable(_ROWS)}, ValueError, "other than.*'rows'"),
      ({'words': _ROWS}, TypeError, "InputTable for 'words', found ndarray"),
      (
        {'words': models.InputTable(_ROWS)},
        TypeError,
        "table 'words', found T",
      ),
      (
        {'words': models.InputTable(_ROWS), 'again': models.InputTable(_ROWS)},
        ValueError,
        "different features, found {'words': None, 'again': None}: give each",
      ),
    ):
      with self.assertRaisesRegex(error, message):
        models.RowModel(
          row_models.body(),
          row_models.rows(),
          input_tables=input_tables,
          input_spec=row_models.body().input_spec,
        )
    with self.assertRaisesRegex(ValueError, 'no input_tables with rows_embed'):
      models.RowModel(
        row_models.body(),
        row_models.rows(),
        rows_embed_input=True,
        input_tables={'words': models.InputTable(_ROWS)},
        input_spec=row_models.body().input_spec,
      )

  def test_number_of_rows(self):
    row_model_checks.check_num_rows('rows', 6, 6, 'classes')
    with self.assertRaisesRegex(
      ValueError, 'rows of at most 6, the number of c'
    ):
      row_model_checks.check_num_rows('rows', 7, 6, 'classes')
    with self.assertRaisesRegex(TypeError, 'rows to be an int, found float'):
      row_model_checks.check_num_rows('rows', 6.0, 6, 'classes')


if __name__ == '__main__':
  absltest.main()
