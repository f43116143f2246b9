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
"""Executes a notebook, as Jupyter does, and fails where a cell fails.

python -m examples.run_notebook examples/own_data.ipynb
"""

import os
import sys

import nbclient
import nbformat


def main(path: str) -> None:
  """Executes a notebook, and prints what its cells print.

  Args:
    path: Path of the notebook, which stays as it is.
  """
  notebook = nbformat.read(path, as_version=4)
  client = nbclient.NotebookClient(
    notebook,
    timeout=300,
    kernel_name='python3',
    resources={'metadata': {'path': os.path.dirname(path)}},
  )
  client.execute()
  for cell in notebook.cells:
    for output in cell.get('outputs', []):
      print(output.get('text', ''), end='')


if __name__ == '__main__':
  main(*sys.argv[1:])
