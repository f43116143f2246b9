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
"""Tests for run_summary; see also `train_test`."""

import collections
import json
from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
import numpy as np
import tensorflow_federated as tff

from programs.training import data_source
from programs.training import early_stopping
from programs.training import program_logic
from programs.training import run_summary
import tasks


class RunSummaryTest(absltest.TestCase):
  def test_values_are_those_of_the_state(self):
    flags.FLAGS.mark_as_parsed()
    metrics, best_metrics = (
      collections.OrderedDict(accuracy=np.float32(x)) for x in (0.25, 0.5)
    )
    state = program_logic.ProgramState(
      server_state=(),
      round_num=np.int64(6),
      uplink_bytes=np.int64(2**40),
      downlink_bytes=np.int64(7),
      seconds=np.float64(1.5),
      rounds_without_update=np.int64(1),
      lost_updates=np.int64(3),
      metrics=metrics,
      best=early_stopping.Best(
        np.int64(4), np.int64(5), np.int64(6), best_metrics, np.int64(2)
      ),
      data_iterator=data_source.SampledClientsIterator(['a'], 0),
    )
    schedule = program_logic.Schedule(8, 2, 2, lambda round_num: 1)
    weights = tff.learning.models.ModelWeights(
      [np.zeros([3, 5], np.float32)], [np.zeros(2, np.int64)]
    )
    with flagsaver.flagsaver(task='digits'):
      summary = run_summary.describe(
        'dgc', {'bits': 2}, state, schedule, weights
      )
    self.assertEqual(
      json.loads(json.dumps(summary)),
      {
        'task': 'digits',
        'method': 'dgc',
        'rounds': 6,
        'metrics': {'accuracy': 0.25},
        'uplink_bytes': 2**40,
        'downlink_bytes': 7,
        'seconds': 1.5,
        'rounds_without_update': 1,
        'lost_updates': 3,
        'stopped_early': True,
        'best_metric': 'accuracy',
        'best': {
          'rounds': 4,
          'metrics': {'accuracy': 0.5},
          'uplink_bytes': 5,
          'downlink_bytes': 6,
        },
        'model_bytes': 4 * 15 + 8 * 2,
        'configuration': {'bits': 2},
      },
    )

  def test_baselines_of_the_task(self):
    task = mock.create_autospec(tasks.RowTask, baselines_fn=None)
    self.assertEqual(run_summary.baselines(task), {})
    task.baselines_fn = lambda: {'unigram_accuracy': 0.0855}
    with mock.patch('builtins.print') as shown:
      self.assertEqual(
        run_summary.baselines(task), {'baselines': {'unigram_accuracy': 0.0855}}
      )
    shown.assert_called_once_with(
      'Without training: unigram accuracy 8.55 %', flush=True
    )
    other = mock.create_autospec(tff.simulation.baselines.BaselineTask)
    self.assertEqual(run_summary.baselines(other), {})


if __name__ == '__main__':
  absltest.main()
