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
"""Tests for export_form."""

import json
import pathlib
import re
import tempfile
from unittest import mock

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver
from absl.testing import parameterized
import pytest
import tensorflow_federated as tff

from programs import export_form
from programs.command_line import task_flags
from programs.methods import method_flags
from programs.methods import registry
from tests.programs import program_testing
from tests.programs.methods import tiny_task
from tff_methods import deployment

_PAGE = pathlib.Path(__file__).parents[2] / 'docs' / 'guides' / 'deploy.md'
_ROW = re.compile(r'^\| `(?P<method>\w+)` \| (?P<says>yes|no|with)', re.M)


def _process(method, **flag_values):
  sgd = tff.learning.optimizers.build_sgdm(0.1)
  with flagsaver.flagsaver(**(tiny_task.REQUIRED_FLAGS | flag_values)):
    options = method_flags.make_options(method, 0)
    return registry.METHODS[method].build(
      tiny_task.TASK, sgd, sgd, options, method_flags.downlink_options(0)
    )


class PageTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()
    self._says = dict(_ROW.findall(_PAGE.read_text()))

  def test_names_each_method(self):
    self.assertCountEqual(self._says, registry.METHODS)

  @parameterized.parameters(*registry.METHODS)
  @pytest.mark.slow
  def test_says_which_methods_have_a_form(self, method):
    if self._says[method] == 'no':
      with self.assertRaisesRegex(ValueError, 'states that clients keep'):
        deployment.build_map_reduce_form(_process(method))
    else:
      deployment.build_map_reduce_form(_process(method))

  @parameterized.parameters('fed_ss', 'lsh_select')
  @pytest.mark.slow
  def test_says_which_methods_need_broadcasts(self, method):
    self.assertEqual(self._says[method], 'with')
    with self.assertRaisesRegex(ValueError, 'without `federated_select`'):
      deployment.build_map_reduce_form(
        _process(method, retrieval_mode='select')
      )


class ProgramTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self._dir = self.enter_context(tempfile.TemporaryDirectory())

  def _run(self, *arguments):
    return program_testing.run_here(
      'export_form.py',
      export_form.main,
      '--task=digits',
      f'--cache_dir={self._dir}/cache',
      f'--output_dir={self._dir}/form',
      *arguments,
    )

  def test_writes_the_form_of_the_flags(self):
    exit_code, stdout, stderr = self._run(
      '--method=sketched_update', '--bits=2', '--fraction=0.5'
    )
    self.assertEqual(exit_code, 0, stderr)
    self.assertIn('Wrote client/, server/', stdout)
    form = pathlib.Path(self._dir, 'form')
    signatures = json.loads((form / 'signatures.json').read_text())
    self.assertCountEqual(
      [str(p.relative_to(form)) for p in form.glob('*/*.pb')], signatures
    )
    # Two bits for half of the values, in bytes.
    self.assertIn('"dtype": "uint8"', json.dumps(signatures['client/work.pb']))

  @parameterized.parameters(
    (['--method=dhqc', '--fraction=0.1'], 'two arguments, .*found 3'),
    (['--method=fed_avg', '--bits=2'], 'Expected no --bits'),
    (
      [
        '--method=sketched_update',
        '--secure_clip=1',
        '--dp_noise_multiplier=2',
      ],
      'no --dp_noise_multiplier with --secure_clip, .*secret of their noise',
    ),
  )
  def test_refusals(self, arguments, expected):
    exit_code, _, stderr = self._run(*arguments)
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, expected)
    self.assertFalse(pathlib.Path(self._dir, 'form').exists())

  def test_full_directory_is_refused_before_the_task_is_built(self):
    form = pathlib.Path(self._dir, 'form')
    form.mkdir()
    (form / 'file').touch()
    with mock.patch.object(task_flags, 'build_task') as build_task:
      exit_code, _, stderr = self._run('--method=fed_avg')
    self.assertEqual(exit_code, 2)
    self.assertRegex(stderr, f'does not exist or is empty, found {form} with')
    build_task.assert_not_called()


if __name__ == '__main__':
  absltest.main()
