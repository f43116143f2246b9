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
"""Tests for report_flags."""

import pathlib
import tempfile

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized
import numpy as np

from programs.command_line import runner
from programs.reports import comparison
from programs.reports import report_flags
from programs.runs import finished_run
from tests.programs.runs import example_runs


class ReportFlagsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    flags.FLAGS.mark_as_parsed()

  @parameterized.parameters(
    ('accuracy=0.95', 'digits', 'accuracy', 0.95),
    ('loss=1e-1', 'mnist', 'loss', 0.1),
    ('map_at_10=0.5', 'omniglot', 'map_at_10', 0.5),
    ('recall_at_50=0.3', 'lastfm', 'recall_at_50', 0.3),
    ('ndcg_at_50=0.1', 'tags', 'ndcg_at_50', 0.1),
    ('mean_precision=0.5', 'bibtex', 'mean_precision', 0.5),
    (
      *('infrequent_precision_at_3=0.2', 'delicious'),
      *('infrequent_precision_at_3', 0.2),
    ),
    (
      *('count_sketch_precision_at_5=0.2', 'delicious'),
      *('count_sketch_precision_at_5', 0.2),
    ),
  )
  def test_target(self, text, task, metric, value):
    with flagsaver.as_parsed(target=text):
      self.assertEqual(
        report_flags.target([task]), comparison.Target(metric, value)
      )

  def test_no_target(self):
    self.assertIsNone(report_flags.target(['digits']))

  @parameterized.parameters(
    ('0.95', 'METRIC=VALUE'),
    ('accuracy=', 'METRIC=VALUE'),
    ('accuracy=high', 'METRIC=VALUE'),
    ('accuracy=nan', 'METRIC=VALUE'),
    ('acuracy=0.9', "test metric of digits in --target, found 'acuracy'; give"),
    ('map_at_9=0.9', 'accuracy, loss or map_at_<r>'),
    ('precision_at_1=0.9', 'test metric of digits'),
  )
  def test_refuses_target(self, text, message):
    with flagsaver.as_parsed(target=text):
      with self.assertRaisesRegex(runner.UsageError, message):
        report_flags.target(['digits'])

  def _clock(self, name='plain') -> list[float]:
    path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()), name)
    run = finished_run.read(
      str(
        example_runs.write(
          path, uplink_bytes=8_000_000, downlink_bytes=16_000_000
        )
      )
    )
    clock = report_flags.clock([name, 'small'], {'plain': 0.75, 'small': 2.0})
    return list(clock(run))

  def test_clock(self):
    with flagsaver.as_parsed(
      downlink_mbps='8',
      uplink_mbps='8',
      latency_ms='100',
      link_spread='0',
      client_seconds=['4', 'plain:0.5'],
      server_seconds='0.25',
    ):
      # Two clients, of 1 MB up and 2 MB down in each round.
      np.testing.assert_allclose(
        self._clock(), np.arange(5) * (0.2 + 2 + 1 + 0.5 + 0.25)
      )
      self.assertEqual(
        report_flags.describe_network(),
        'downlink 8 Mbit/s, uplink 8 Mbit/s, latency 100 ms, log-normal spread '
        '0; clients compute 4, plain:0.5 s a round, the server 0.25 s',
      )

  def test_measured_times(self):
    with flagsaver.as_parsed(
      network='lte',
      latency_ms='0',
      link_spread='0',
      client_seconds=['measured', 'small:0.5'],
    ):
      self.assertTrue(report_flags.measures_clients())
      seconds = 8 / 13 * 2 + 8 / 6 + 0.75
      np.testing.assert_allclose(self._clock(), np.arange(5) * seconds)
      self.assertIn(
        'clients compute small:0.5, plain:0.75 (measured) s a round',
        report_flags.describe_network({'plain': 0.75, 'small': 2.0}),
      )

  def test_run_without_a_measured_time(self):
    with flagsaver.as_parsed(network='lte', client_seconds=['measured']):
      with self.assertRaisesRegex(
        runner.UsageError,
        'time of a client in summary.json of other, found none; .*other:SECO',
      ):
        self._clock('other')

  def test_nothing_is_measured_by_default(self):
    self.assertFalse(report_flags.measures_clients())

  def test_preset_with_another_latency(self):
    with flagsaver.as_parsed(network='lte', latency_ms='0', link_spread='0'):
      seconds = 8 / 13 * 2 + 8 / 6
      np.testing.assert_allclose(self._clock(), np.arange(5) * seconds)
      self.assertStartsWith(report_flags.describe_network(), 'lte: downlink 13')

  @parameterized.product(
    name=['latency_ms', 'link_spread', 'server_seconds'], value=['nan', 'inf']
  )
  def test_times_are_finite(self, name, value):
    with self.assertRaisesRegex(flags.IllegalFlagValueError, name):
      with flagsaver.as_parsed(**{name: value}):
        pass

  def test_no_clock(self):
    self.assertIsNone(report_flags.clock(['plain']))
    self.assertIsNone(report_flags.describe_network())

  @parameterized.named_parameters(
    ('half_a_network', {'uplink_mbps': '8'}, '--downlink_mbps with --uplink'),
    ('no_network', {'server_seconds': '1'}, '--network with --server_seconds'),
    (
      'negative',
      {'network': 'wan', 'client_seconds': ['-1']},
      "NAME:SECONDS or measured in --client_seconds, found '-1'",
    ),
    (
      'measured_and_given',
      {'network': 'wan', 'client_seconds': ['measured', '1']},
      'either measured or SECONDS',
    ),
    (
      'unknown_run',
      {'network': 'wan', 'client_seconds': ['plan:1']},
      "one of plain, small, found 'plan'",
    ),
  )
  def test_refuses_network(self, given, message):
    with flagsaver.as_parsed(**given):
      with self.assertRaisesRegex(runner.UsageError, message):
        report_flags.clock(['plain', 'small'])


if __name__ == '__main__':
  absltest.main()
