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
"""Tests for forks."""

import os
import pathlib
import subprocess
import sys
import tempfile

from absl.testing import absltest
from absl.testing import parameterized

_REPOSITORY = pathlib.Path(__file__).parents[3]

# Forks; the child acts as the argument says. Both print their results.
_PROGRAM = """
import os, signal, sys
from tff_methods import runtime
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

@tff.federated_computation(tff.FederatedType(np.float32, tff.CLIENTS))
def mean(values):
  return tff.federated_mean(values)

actions = {
  'compute': lambda: mean([1.0, 3.0]),
  'set_local_context': runtime.set_local_context,
  'set_in_process_context': lambda: runtime.set_local_context('cpu'),
  'create_local_context': runtime.create_local_context,
  'create_in_process_context': lambda: runtime.create_in_process_context('cpu'),
  'set_remote_context': lambda: runtime.set_remote_context(['localhost:9']),

  'end_workers': runtime.end_workers,
}

def fork(names):
  pid = os.fork()
  if pid:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
  signal.alarm(60)  # Ends a child that hangs.
  for name in names:
    try:
      print(name, actions[name](), flush=True)
    except RuntimeError as e:
      print(name, 'refused:', e, flush=True)
  print('threads', len(os.listdir('/proc/self/task')), flush=True)
  sys.exit(7)
"""

_PARENT_WITH_CONTEXT = """
runtime.set_local_context('{}')
print(mean([1.0, 3.0]), flush=True)
print('exit code', fork([]), flush=True)
print(mean([1.0, 5.0]), flush=True)
print('exit code', fork(list(actions)), flush=True)
print(mean([1.0, 7.0]), flush=True)
"""

_PARENT_WITHOUT_CONTEXT = """
print('exit code', fork(['set_local_context', 'compute']), flush=True)
"""

_PARENT_WITH_TENSORFLOW = """
tf.function(lambda x: x + 1)(tf.constant(1))
print('exit code', fork(['create_in_process_context']), flush=True)
"""

_PARENTS = {
  'auto': _PARENT_WITH_CONTEXT.format('auto'),
  'cpu': _PARENT_WITH_CONTEXT.format('cpu'),
  'without_context': _PARENT_WITHOUT_CONTEXT,
  'with_tensorflow': _PARENT_WITH_TENSORFLOW,
}

# Each parent runs in a fork of one process, which has only imported the
# library: to import it takes seconds. Its output goes to a file of its name.
_FORK_PARENTS = f"""
for name, program in {_PARENTS!r}.items():
  pid = os.fork()
  if not pid:
    os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), 1)
    exec(program)
    sys.exit()
  code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
  assert not code, (name, code)
"""


class ForksExecutionTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls._dir = pathlib.Path(
      cls.enterClassContext(tempfile.TemporaryDirectory())
    )
    paths = [str(_REPOSITORY), *filter(None, sys.path)]
    result = subprocess.run(
      [sys.executable, '-c', _PROGRAM + _FORK_PARENTS],
      cwd=cls._dir,
      capture_output=True,
      env={**os.environ, 'PYTHONPATH': os.pathsep.join(paths)},
      timeout=300,
      text=True,
      check=False,
    )
    if result.returncode:
      raise AssertionError(f'Exit code {result.returncode}: {result.stderr}')

  def _lines(self, parent: str) -> list[str]:
    return (self._dir / parent).read_text().splitlines()

  @parameterized.parameters('auto', 'cpu')
  def test_child_is_refused_and_its_parent_unharmed(self, device):
    lines = self._lines(device)
    # Without threads nothing of gRPC or TensorFlow runs in the child.
    self.assertEqual(lines.count('threads 1'), 2)
    first, code, second, *lines, last_code, third = filter(
      lambda line: line != 'threads 1', lines
    )
    self.assertEqual([first, second, third], ['2.0', '3.0', '4.0'])
    self.assertEqual([code, last_code], ['exit code 7', 'exit code 7'])
    refused = [line.split()[0] for line in lines if ' refused: ' in line]
    self.assertEqual(
      refused,
      [
        'compute',
        'set_local_context',
        'set_in_process_context',
        'create_local_context',
        'create_in_process_context',
        'set_remote_context',
      ],
    )
    for line in lines[:6]:
      self.assertRegex(line, r'fork made after its parent used.*\("spawn"\)')
    self.assertEqual(lines[6:], ['end_workers None'])

  def test_fork_before_the_first_context_computes(self):
    lines = self._lines('without_context')
    self.assertEqual(lines[:2], ['set_local_context None', 'compute 2.0'])
    self.assertEqual(lines[-1], 'exit code 7')

  def test_fork_after_tensorflow_has_no_in_process_context(self):
    refusal, _, code = self._lines('with_tensorflow')
    self.assertRegex(refusal, 'refused: .*its parent used TensorFlow: start')
    self.assertEqual(code, 'exit code 7')


if __name__ == '__main__':
  absltest.main()
