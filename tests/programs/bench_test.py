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
"""Tests for bench and its registry of benchmarks."""

import os
import tempfile
from unittest import mock

from absl.testing import absltest
import numpy as np

from programs import bench
from programs.benchmarks import registry
from tests.programs import program_testing


def _run(*arguments: str) -> tuple[int, str, str]:
  return program_testing.run_here('bench.py', bench.main, *arguments)


class BenchTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self._weights_path = os.path.join(
      self.enter_context(tempfile.TemporaryDirectory()), 'model_weights.npz'
    )

  def test_flag_has_the_parts_of_the_registry(self):
    self.assertSequenceEqual(list(registry.measures()), bench._PART_NAMES)

  def test_prints_the_rows_of_chosen_parts(self):
    measures = {
      name: mock.Mock(
        return_value=[[name, c, '1 ms', '2 x'] for c in ('first', 'second')]
      )
      for name in bench._PART_NAMES
    }
    with mock.patch.object(registry, 'measures', return_value=measures):
      exit_code, stdout, _ = _run(
        '--part=rounds', '--part=errors', '--repeats=3'
      )
    self.assertEqual(exit_code, 0)
    rows = [
      line.split('|')[1] for line in stdout.splitlines() if '1 ms' in line
    ]
    # What was measured stands in the first of its rows.
    self.assertEqual(
      [row.strip() for row in rows], ['rounds', '', 'errors', '']
    )
    self.assertStartsWith(stdout, '| measured')
    self.assertRegex(stdout, 'medians of 3')
    measures['rounds'].assert_called_once_with(3)
    measures['index'].assert_not_called()

  def test_rows_of_saved_weights_are_searched(self):
    rows = np.arange(6, dtype=np.float32).reshape([3, 2])
    np.savez(self._weights_path, trainable_0=np.zeros([4]), trainable_1=rows)
    with mock.patch.object(
      registry, 'measures', return_value={'index': lambda repeats: []}
    ) as measures:
      exit_code, _, stderr = _run(
        '--part=index', f'--index_weights={self._weights_path}'
      )
    self.assertEqual(exit_code, 0, stderr)
    np.testing.assert_array_equal(measures.call_args.args[0], rows)

  def test_refuses_weights_without_rows(self):
    np.savez(self._weights_path, trainable_0=np.zeros([4]))
    exit_code, _, stderr = _run(f'--index_weights={self._weights_path}')
    self.assertEqual(exit_code, 2)
    self.assertRegex(
      stderr, '^bench: Expected weights that end in rows in --index_weights'
    )

  def test_sizes_of_scale(self):
    with mock.patch.object(
      registry, 'measures', return_value={'scale': lambda repeats: []}
    ) as measures:
      exit_code, _, stderr = _run(
        '--part=scale', '--scale_rows=5,6', '--scale_cohorts=3'
      )
    self.assertEqual(exit_code, 0, stderr)
    sizes = measures.call_args.args[1]
    self.assertEqual((sizes.rows, sizes.cohorts), ([5, 6], [3]))

  def test_refuses_sizes_of_a_part_that_does_not_run(self):
    exit_code, _, stderr = _run('--part=rounds', '--scale_rows=5')
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, '--part=scale with --scale_rows, found rounds:')

  def test_refuses_sizes_of_scale(self):
    for flag, message in (
      ('--scale_rows=5,0', "positive integers in --scale_rows.*'5,0'"),
      ('--scale_weights=', 'positive integers in --scale_weights'),
      ('--scale_registered=10', '--scale_registered, found 1000 of 10: lower'),
    ):
      exit_code, _, stderr = _run('--part=scale', flag)
      self.assertEqual(exit_code, 2)
      self.assertRegex(stderr, f'^bench: Expected .*{message}')

  def test_rows_of_client(self):
    with mock.patch.object(
      registry, 'measures', return_value={'row_client': lambda repeats: []}
    ) as measures:
      exit_code, _, stderr = _run('--part=row_client', '--rows_of_client=50,60')
    self.assertEqual(exit_code, 0, stderr)
    self.assertEqual(measures.call_args.args[2], [50, 60])
    for arguments, message in (
      (['--part=row_client', '--rows_of_client=x'], 'positive integers in --r'),
      (['--part=rounds', '--rows_of_client=5'], '--part=row_client with --ro'),
    ):
      exit_code, _, stderr = _run(*arguments)
      self.assertEqual(exit_code, 2)
      self.assertRegex(stderr, f'^bench: Expected {message}')


class RegistryTest(absltest.TestCase):
  def test_index_gets_the_searched_rows(self):
    rows = np.zeros([3, 2], np.float32)
    measure = registry.measures(rows)['index']
    self.assertIs(measure.keywords['searched_rows'], rows)


if __name__ == '__main__':
  absltest.main()
