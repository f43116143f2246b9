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
"""Tests for readable_runs."""

import pathlib
import tempfile

from absl.testing import absltest

from programs.runs import readable_runs
from tests.programs.runs import example_runs


class ReadableRunsTest(absltest.TestCase):
  def test_leaves_out_what_cannot_be_compared(self):
    path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    example_runs.write(path / 'good' / 'seed_0')
    example_runs.write(path / 'good' / 'seed_1', seed=1)
    example_runs.write(path / 'other_task', task='mnist')
    example_runs.write(path / 'again' / 'good')
    example_runs.write(path / 'half')
    (path / 'half' / 'summary.json').write_text('{"task": ')
    example_runs.write(path / 'old')
    example_runs.change_summary(path / 'old', best=None)
    example_runs.write(path / 'unfinished')
    (path / 'unfinished' / 'summary.json').unlink()
    example_runs.write(path / 'validated')
    example_runs.change_configuration(
      path / 'validated', validation_fraction=0.1
    )
    names = [
      *(
        'missing',
        'good/seed_0',
        'other_task',
        'validated',
        'half',
        'old',
        'unfinished',
      ),
      *('again/good', 'good/seed_1'),
    ]
    runs, notes = readable_runs.read(str(path / name) for name in names)
    self.assertEqual(
      [(r.name, r.seed) for r in runs], [('good', 0), ('good', 1)]
    )
    expected = {
      'missing': 'no configuration.json',
      'other_task': 'a run of task mnist, not of digits',
      'validated': 'on validation data, 0.1 of .*, not on test data as',
      'half': 'no JSON',
      'old': 'None as best',
      'unfinished': 'no summary.json',
      'again/good': 'a second run named good with seed 0',
    }
    for (name, message), note in zip(expected.items(), notes, strict=True):
      self.assertRegex(note, f'^left out {path / name}[.,] .*{message}')
      self.assertNotIn('\n', note)


if __name__ == '__main__':
  absltest.main()
