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
"""Tests for fed_ss_client_data."""

from absl.testing import absltest
import numpy as np

from programs.reports import fed_ss_client_data
from tests.programs.reports import tiny_row_task
from tests.tff_methods import row_models


class ClientDataTest(absltest.TestCase):
  def test_batches_are_the_first_examples_of_large_clients(self):
    batches = list(
      fed_ss_client_data.client_batches(tiny_row_task.build_task(), 38)
    )
    self.assertLen(batches, 2)
    for (x, y), (all_x, all_y) in zip(
      batches, row_models.arrays(40), strict=False
    ):
      np.testing.assert_array_equal(x, all_x[:38])
      np.testing.assert_array_equal(y, all_y[:38])

  def test_classes(self):
    classes_of = fed_ss_client_data.build_classes_fn(tiny_row_task.build_task())
    for i, expected in enumerate(row_models.CLASSES):
      np.testing.assert_array_equal(classes_of(f'c{i}'), expected)


if __name__ == '__main__':
  absltest.main()
