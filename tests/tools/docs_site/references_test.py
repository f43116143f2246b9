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
"""Tests of the links from code spans to the reference."""

from absl.testing import absltest
from absl.testing import parameterized
import markdown

from tools.docs_site import references


class ReferencedNameTest(parameterized.TestCase):
  @parameterized.parameters(
    ('tff_methods.encoders.chain', 'tff_methods.encoders.chain'),
    ('encoders.chain', 'tff_methods.encoders.chain'),
    ('encoders.chain(a, b=(1, 2))', 'tff_methods.encoders.chain'),
    ('models.RowModel.embed', 'tff_methods.models.RowModel'),
    ('runtime.WireMeter().up', 'tff_methods.runtime.WireMeter'),
    ('encoders.no_such_name', 'tff_methods.encoders.no_such_name'),
  )
  def test_is_a_name_of_the_library(self, text, expected):
    self.assertEqual(references.referenced_name(text), expected)

  @parameterized.named_parameters(
    ('package', 'tff_methods.encoders'),
    ('module', 'runtime.in_process'),
    ('name_of_a_module', 'runtime.in_process.creation'),
    ('directory', 'encoders/'),
    ('code', 'x = encoders.chain(a)'),
    ('other_library', 'tff.learning.models.VariableModel'),
    ('other_package', 'layers.Dense'),
  )
  def test_is_none_for(self, text):
    self.assertIsNone(references.referenced_name(text))


class ReferencesExtensionTest(absltest.TestCase):
  def test_links_code_spans_only(self):
    page = (
      'Use `encoders.chain`, not `chain`.\n\n- `encoders.Stage` here\n\n'
      '[`encoders.chain`](page.md)\n\n    encoders.chain\n'
    )
    html = markdown.markdown(
      page, extensions=[references.ReferencesExtension()]
    )
    self.assertIn(
      'Use <autoref identifier="tff_methods.encoders.chain">'
      '<code>encoders.chain</code></autoref>, not <code>chain</code>.',
      html,
    )
    self.assertIn(
      '<autoref identifier="tff_methods.encoders.Stage">'
      '<code>encoders.Stage</code></autoref> here',
      html,
    )
    self.assertEqual(html.count('<autoref'), 2)


if __name__ == '__main__':
  absltest.main()
