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
"""Tests of the checks of methods that hash labels."""

from unittest import mock

from absl.testing import absltest
import tensorflow_federated as tff

from programs.command_line import runner
from programs.methods import label_flags
from programs.methods import label_methods
import tasks

_CHOICE = label_flags.LabelHashChoice(2, 10, 'mean', seed=0)


class LabelMethodsTest(absltest.TestCase):
  def test_needs_a_task_with_many_labels(self):
    task = mock.create_autospec(tff.simulation.baselines.BaselineTask)
    with self.assertRaisesRegex(
      runner.UsageError, 'many labels with this --method.*choose one of deli'
    ):
      label_methods.check_fed_mlh_task(task, _CHOICE)

  def test_needs_as_many_labels_as_buckets(self):
    label_methods.check_fed_mlh_task(
      mock.create_autospec(tasks.MultiLabelTask, num_labels=10), _CHOICE
    )
    with self.assertRaisesRegex(runner.UsageError, 'at most 9.*found 10'):
      label_methods.check_fed_mlh_task(
        mock.create_autospec(tasks.MultiLabelTask, num_labels=9), _CHOICE
      )
    label_methods.check_fed_mlh_task(
      mock.create_autospec(tasks.MultiLabelTask, num_labels=9),
      label_flags.LabelHashChoice(2, None, 'mean', seed=0),
    )


if __name__ == '__main__':
  absltest.main()
