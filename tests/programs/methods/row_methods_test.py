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
"""Tests of the checks and indexes of methods that train a part of the rows."""

import dataclasses
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import tensorflow_federated as tff

from programs.command_line import runner
from programs.methods import row_flags
from programs.methods import row_methods
import tasks
from tests.tff_methods import row_models
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import retrieval


class RowMethodsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._task = mock.create_autospec(
      tasks.RowTask, row_model=row_models.row_model()
    )

  @parameterized.named_parameters(
    (
      'simhash',
      row_flags.IndexChoice('simhash', {'num_bits': 3}),
      retrieval.SimHash(num_bits=3),
    ),
    (
      'product_quantization',
      row_flags.IndexChoice('product_quantization', {'num_parts': 3}),
      retrieval.ProductQuantization(3),
    ),
    (
      'ivf_pq',
      row_flags.IndexChoice('ivf_pq', {'num_lists': 8, 'num_queries': 2}),
      retrieval.IvfPq(8, 2),
    ),
    ('random', row_flags.IndexChoice('random'), retrieval.RandomRows()),
    ('exact', row_flags.IndexChoice('exact'), retrieval.ExactRows()),
  )
  def test_index(self, choice, expected):
    self.assertEqual(row_methods.build_index(choice), expected)

  def test_tells_why_a_user_s_model_has_no_rows(self):
    error = mock.PropertyMock(side_effect=ValueError('Expected a Dense layer.'))
    task = mock.create_autospec(tasks.RowTask)
    type(task).row_model = error
    with self.assertRaisesRegex(runner.UsageError, 'a Dense layer'):
      row_methods.check_fed_ss_task(task, _fed_ss(num_sampled_classes=3))

  def test_evaluates_the_rows_of_a_user_s_model(self):
    task = mock.create_autospec(tasks.RowTask, rows_model_fn=None)
    self.assertIs(
      row_methods.build_evaluated_model_fn(task, None), task.model_fn
    )
    task.rows_model_fn = mock.Mock()
    self.assertIs(
      row_methods.build_evaluated_model_fn(task, None), task.rows_model_fn
    )

  def test_needs_a_task_with_rows(self):
    task = mock.create_autospec(tff.simulation.baselines.BaselineTask)
    with self.assertRaisesRegex(runner.UsageError, 'each class.*fed_ss'):
      row_methods.check_fed_ss_task(task, _fed_ss(num_sampled_classes=3))
    with self.assertRaisesRegex(runner.UsageError, 'each class.*lsh_select'):
      row_methods.check_lsh_select_task(task, _choice())

  def test_fed_ss_needs_as_many_classes(self):
    row_methods.check_fed_ss_task(self._task, _fed_ss(num_sampled_classes=12))
    with self.assertRaisesRegex(runner.UsageError, 'at most 12.*found 13'):
      row_methods.check_fed_ss_task(self._task, _fed_ss(num_sampled_classes=13))

  def test_input_tables_need_a_number_of_rows(self):
    task = mock.create_autospec(
      tasks.RowTask, row_model=row_models.purchases_model()
    )
    options = {'num_sampled_classes': 3}
    row_methods.check_fed_ss_task(task, _fed_ss(num_input_rows=3, **options))
    with self.assertRaisesRegex(runner.UsageError, 'Expected --num_input_rows'):
      row_methods.check_fed_ss_task(task, _fed_ss(**options))
    with self.assertRaisesRegex(runner.UsageError, 'at most 9, the.*found 10'):
      row_methods.check_fed_ss_task(task, _fed_ss(num_input_rows=10, **options))
    row_methods.check_fed_ss_task(task, _fed_ss(variant='full_softmax'))
    with self.assertRaisesRegex(
      runner.UsageError, 'no --num_input_rows.*0 inp'
    ):
      row_methods.check_fed_ss_task(
        self._task, _fed_ss(num_input_rows=3, **options)
      )
    with self.assertRaisesRegex(runner.UsageError, 'items.*--method=fed_ss'):
      row_methods.check_lsh_select_task(task, _choice())

  @parameterized.parameters('fed_ss', 'lsh_select')
  def test_sketch_of_body_and_rows(self, name):
    sketch = options_lib.SketchOptions(bits=4, min_elements=10)
    if name == 'fed_ss':
      build = row_methods.build_fed_ss
      choice = row_flags.FedSsChoice(
        options_lib.FedSsOptions(num_sampled_classes=6), sketch
      )
    else:
      build = row_methods.build_lsh_select
      choice = row_flags.LshSelectChoice(
        options_lib.LshSelectOptions(row_budget=0.5),
        row_flags.IndexChoice('random'),
        sketch,
      )
    optimizer = tff.learning.optimizers.build_sgdm(0.1)
    process = build(self._task, optimizer, optimizer, choice, None)
    plain = build(
      self._task,
      optimizer,
      optimizer,
      dataclasses.replace(choice, sketch=None),
      None,
    )
    found, expected = (
      communication.traced_bytes(p.accounted_next(0)).uplink
      for p in (process, plain)
    )
    # Of 24 numbers of the body and 24 of the rows 28 bits each are saved; a
    # scale is added to both, and a key of 8 bytes to the rows.
    self.assertEqual(found, expected - 2 * 24 * 28 // 8 + 2 * 4 + 8)

  def test_own_budget_is_for_rows_that_embed_the_input(self):
    row_methods.check_lsh_select_task(self._task, _choice())
    with self.assertRaisesRegex(
      runner.UsageError, 'no --own_budget.*found 0.1'
    ):
      row_methods.check_lsh_select_task(self._task, _choice(own_budget=0.1))


def _fed_ss(**options) -> row_flags.FedSsChoice:
  return row_flags.FedSsChoice(options_lib.FedSsOptions(**options))


def _choice(**options) -> row_flags.LshSelectChoice:
  return row_flags.LshSelectChoice(
    options_lib.LshSelectOptions(**options), row_flags.IndexChoice()
  )


if __name__ == '__main__':
  absltest.main()
