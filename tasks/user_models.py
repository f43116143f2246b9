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
"""Names of users' Keras models; no TensorFlow import."""

import os

from tasks import references

FILE_EXTENSION = '.keras'


def source_file(model: str) -> str:
  """Returns the file that a model comes from.

  Args:
    model: `module:function`, or the path of a `.keras` file.

  Raises:
    ValueError: If there is no such module or file.
  """
  if references.is_reference(model):
    return references.source_file(model)
  path = os.path.abspath(os.path.expanduser(model))
  if not path.endswith(FILE_EXTENSION) or not os.path.isfile(path):
    found = 'none' if not os.path.exists(path) else 'another file'
    raise ValueError(
      f'Expected a model as module:function or a {FILE_EXTENSION} file, found '
      f'{found} of the name {model!r}: correct it.'
    )
  return path
