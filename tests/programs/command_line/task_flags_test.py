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
"""Tests of the flags of the task."""

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver

from programs.command_line import runner
from programs.command_line import task_flags
import tasks


class TaskFlagsTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS(['', '--task=digits', '--client_epochs=3'])

  def test_options_are_those_given(self):
    self.assertEqual(
      task_flags.options(batch_size=7, epochs=9),
      tasks.TaskOptions(batch_size=7, epochs=3),
    )

  def test_every_option_of_tasks_has_a_flag(self):
    self.assertCountEqual(task_flags.OPTIONS, vars(tasks.TaskOptions()))

  def test_refuses_options_of_other_tasks(self):
    task_flags.check_flags()
    flags.FLAGS(['', '--task=digits', '--vocab_size=3'])
    with self.assertRaisesRegex(runner.UsageError, 'vocab_size=3'):
      task_flags.check_flags()

  def test_refuses_tasks_without_their_data(self):
    flags.FLAGS(['', '--task=mnist'])
    with self.assertRaisesRegex(runner.UsageError, 'data_dir'):
      task_flags.check_flags()
    flags.FLAGS(['', f'--data_dir={self.create_tempdir().full_path}'])
    with self.assertRaisesRegex(runner.UsageError, 'mnist.npz'):
      task_flags.check_flags()

  def test_takes_names_and_references_to_functions(self):
    flags.FLAGS(['', '--task=my_tasks.images:build'])
    self.assertEqual(task_flags.TASK.value, 'my_tasks.images:build')
    with self.assertRaisesRegex(
      runner.UsageError, "No module named 'my_tasks'"
    ):
      task_flags.check_flags()
    for name in ('images', 'my_tasks:', 'my tasks:build', 'MODULE:'):
      with self.assertRaisesRegex(flags.IllegalFlagValueError, 'digits'):
        flags.FLAGS(['', f'--task={name}'])

  def test_checks_folders_before_tensorflow_is_needed(self):
    directory = self.create_tempdir()
    directory.create_file('schema.json', '{}')
    flags.FLAGS(['', '--task=folder', f'--data_dir={directory.full_path}'])
    with self.assertRaisesRegex(runner.UsageError, '`keras_model`.* none'):
      task_flags.check_flags()
    flags.FLAGS(['', '--keras_model=tests.tasks.folder.folders:dense'])
    with self.assertRaisesRegex(runner.UsageError, '`features`, found none'):
      task_flags.check_flags()

  def test_builds_tasks_of_a_kind_only(self):
    cache_dir = self.create_tempdir().full_path
    flags.FLAGS(['', f'--cache_dir={cache_dir}'])
    with self.assertRaisesRegex(
      runner.UsageError, "--task with rows, found 'digits'.*glyphs"
    ):
      task_flags.build_task(tasks.RowTask, 'with rows', 'glyphs')
    self.assertLen(task_flags.build_task().datasets.train_data.client_ids, 50)


if __name__ == '__main__':
  absltest.main()
