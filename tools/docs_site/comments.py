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
"""A Griffe extension that makes comments the docstrings of constants.

Python has no docstrings for constants and type aliases; Google style documents
them with the comment right above them.
"""

import griffe


class ConstantComments(griffe.Extension):
  """Makes the comment above each constant of a module its docstring."""

  def on_attribute_instance(
    self, *, attr: griffe.Attribute, **kwargs: object
  ) -> None:
    """Implements `griffe.Extension`."""
    if attr.docstring or attr.lineno is None or not attr.parent.is_module:
      return
    lines = attr.lines_collection[attr.filepath]
    comment = comment_before(lines, attr.lineno)
    if comment:
      attr.docstring = griffe.Docstring(
        comment, lineno=attr.lineno, parent=attr
      )


def comment_before(lines: list[str], line: int) -> str:
  """Returns the text of the comment that ends right before a line, or ''."""
  comment = []
  while line > 1 and lines[line - 2].startswith('#'):
    line -= 1
    comment.insert(0, lines[line - 1].removeprefix('#').strip())
  return '\n'.join(comment)
