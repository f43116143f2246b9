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
"""Data of training clients that tasks use beside updates; no TensorFlow.

Noise on updates does not cover them, so no guarantee of privacy holds.
"""

from tasks import catalog
from tasks import options as options_lib
from tasks import references
from tasks.folder import schema

# Their test data, classes and inputs are given apart from their clients.
_SEPARATE = frozenset(
  (
    'digits',
    'mnist',
    'cifar10',
    'gldv2',
    'delicious',
    'bibtex',
    'stackex',
    'xc',
  )
)


def find(
  name: str,
  data_dir: str | None = None,
  options: options_lib.TaskOptions | None = None,
) -> str | None:
  """Describes data of training clients that results depend on, if any.

  Args:
    name: One of `catalog.TASK_NAMES`, or `module:function`, for which nothing
      is known and `None` is returned.
    data_dir: Directory with the files of the task.
    options: Chosen options; `None` chooses none.

  Returns:
    A clause on the test data, classes or vocabulary, or `None`.

  Raises:
    ValueError: If an argument is refused by `catalog.check_task`.
  """
  if references.is_reference(name) or name in _SEPARATE:
    return None
  if name != 'folder':
    return 'test data, classes or vocabulary of the task are of its clients'
  if catalog.resolve_options(name, options).split == 'example':
    return 'evaluations read held-out examples of the clients (split "example")'
  classes = schema.read_schema(options_lib.required(data_dir)).classes
  if classes == schema.ALL_CLASSES:
    return 'the classes are the labels that clients have (classes "all")'
  return None
