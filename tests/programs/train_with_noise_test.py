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
"""Tests of training with differential privacy."""

import json
import pathlib
import tempfile

from absl.testing import absltest
import pytest

from programs import train
from tests.programs import program_testing
from tff_methods import privacy

_RUN = (
  '--task=digits',
  '--rounds=2',
  '--clients_per_round=3',
  '--max_client_examples=10',
  '--rounds_per_evaluation=2',
  '--device=cpu',
  '--dp_noise_multiplier=2',
)


class TrainWithNoiseTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._directory = pathlib.Path(
      self.enter_context(tempfile.TemporaryDirectory())
    )

  def _train(self, name: str, *arguments: str) -> tuple[dict, str]:
    exit_code, stdout, stderr = program_testing.run_here(
      'train.py',
      train.main,
      *_RUN,
      *arguments,
      f'--output_dir={self._directory / name}',
    )
    self.assertEqual(exit_code, 0, stderr)
    return json.loads(self._file(name, 'summary.json').read_text()), stdout

  def _file(self, *names: str) -> pathlib.Path:
    return self._directory.joinpath(*names)

  @pytest.mark.slow
  def test_summary_has_the_guarantee(self):
    summary, stdout = self._train('run', '--method=sketched_update')
    found = summary['privacy']
    self.assertEqual(found['num_clients'], 50)
    self.assertAlmostEqual(
      found['epsilon'],
      privacy.epsilon(
        noise_multiplier=2.0,
        cohort_sizes=[3, 3],
        num_clients=50,
        delta=found['delta'],
      ),
    )
    self.assertIn(f'Privacy: ε = {found["epsilon"]:.2f}, δ = 1.4e-02', stdout)
    # 2 bits, and the noise is that of 151,306 weights.
    self.assertLess(summary['uplink_bytes'], 6 * 151_306 / 4 * 1.1)

  @pytest.mark.slow
  def test_noise_under_secure_sums(self):
    summary, _ = self._train(
      'run', '--method=sketched_update', '--secure_clip=1'
    )
    found = summary['privacy']
    # 3 of 50 clients for 2 rounds: nearly the noise of one trusted server.
    trusted = privacy.epsilon(
      noise_multiplier=2.0,
      cohort_sizes=[3, 3],
      num_clients=50,
      delta=found['delta'],
    )
    self.assertBetween(found['epsilon'] / trusted, 0.999, 1.5)
    self.assertEqual(found['clip'], 1.0)

  @pytest.mark.slow
  def test_seeded_noise_repeats_and_has_no_epsilon(self):
    arguments = ['--method=fed_avg', '--dp_noise_seed_for_tests=7']
    summary, stdout = self._train('first', *arguments)
    self._train('second', *arguments)
    self.assertIsNone(summary['privacy']['epsilon'])
    self.assertIn('Privacy: none, the noise follows from a seed', stdout)
    self.assertEqual(
      self._file('first', 'model_weights.npz').read_bytes(),
      self._file('second', 'model_weights.npz').read_bytes(),
    )


if __name__ == '__main__':
  absltest.main()
