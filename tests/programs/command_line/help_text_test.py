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
"""Tests of the text of `--help`."""

import types

from absl import flags
from absl.testing import absltest
from absl.testing import flagsaver

from programs.command_line import help_text

_WORDS = ' '.join(['Many words'] * 20)
_LENGTH = flags.DEFINE_integer('help_text_length', 3, 'Length, in metres.')
_SHARE = flags.DEFINE_float('help_text_share', None, _WORDS)
_NAMES = flags.DEFINE_list('help_text_names', ['a', 'b'], 'Names.')
_COLOR = flags.DEFINE_enum(
  'help_text_color', 'red', ['red', 'blue'], 'Color of the line.'
)
_IS_FAST = flags.DEFINE_bool('help_text_fast', True, 'Run fast.')
_GIVEN = flags.DEFINE_multi_string(
  'help_text_given', [], 'Values. Default: those of the file.'
)
_MODULE = types.SimpleNamespace(__doc__='A program.\n\nIt runs.\n')


class HelpTextTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.enter_context(flagsaver.flagsaver())
    flags.FLAGS.mark_as_parsed()

  def test_sections_with_units_values_and_defaults(self):
    text = help_text.help_text(
      _MODULE,
      {'Line': [_LENGTH, _COLOR], 'Run': [_IS_FAST, _NAMES, _GIVEN]},
      {'Run': {_NAMES.name: None}},
    )
    self.assertEqual(
      text,
      'A program.\n\nIt runs.\n\n'
      'Line:\n'
      '  --help_text_length=INT\n'
      '      Length, in metres. Default: 3.\n'
      '  --help_text_color=red|blue\n'
      '      Color of the line. Default: red.\n\n'
      'Run:\n'
      '  --[no]help_text_fast\n'
      '      Run fast. Default: true.\n'
      '  --help_text_names=A,B,...\n'
      '      Names. Default: none.\n'
      '  --help_text_given=TEXT\n'
      '      Values. Default: those of the file.',
    )

  def test_lines_fit_the_screen(self):
    text = help_text.help_text(_MODULE, {'Section': [_SHARE]})
    self.assertLessEqual(max(map(len, text.splitlines())), 80)
    self.assertIn(_WORDS, ' '.join(text.split()))


if __name__ == '__main__':
  absltest.main()
