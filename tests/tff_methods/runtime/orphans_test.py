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
"""Tests for orphans."""

import os
import subprocess
import tempfile
from unittest import mock

from absl.testing import absltest
import psutil

from tff_methods.runtime import orphans


class OrphansTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    directory = self.enter_context(tempfile.TemporaryDirectory())
    # Any program with the name of TFF's worker.
    self._worker_path = os.path.join(directory, orphans.WORKER_NAME)
    os.symlink('/bin/sleep', self._worker_path)

  def _start(self, *command, **kwargs) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, **kwargs)
    self.addCleanup(process.wait)
    self.addCleanup(process.kill)
    return process

  def _start_worker_of(self, program_pid: int) -> subprocess.Popen[bytes]:
    """Starts a worker with the mark of a program."""
    mark = {orphans._MARK: orphans._identity(program_pid)}
    return self._start(self._worker_path, '60', env=mark)

  def _start_adopted_worker(self, **mark: str) -> psutil.Process:
    """Starts a worker whose parent ends at once."""
    pid = subprocess.check_output(
      ['/bin/sh', '-c', f'{self._worker_path} 60 >/dev/null & echo $!'],
      env=mark,
    )
    worker = psutil.Process(int(pid))
    self.addCleanup(worker.kill)
    return worker

  def test_finds_workers_whose_program_has_ended(self):
    program = self._start('/bin/sleep', '60')
    worker = self._start_worker_of(program.pid)
    own_worker = self._start_worker_of(os.getpid())
    self.assertNotIn(worker.pid, _pids(orphans.find()[0]))
    program.kill()
    program.wait()
    own, others = map(_pids, orphans.find())
    self.assertIn(worker.pid, own)
    self.assertNotIn(own_worker.pid, own)
    self.assertNoCommonElements([worker.pid, own_worker.pid], others)

  def test_tells_apart_programs_with_the_same_process_id(self):
    mark = orphans._identity(os.getpid())
    pid, start_time = mark.split('@')
    earlier = {orphans._MARK: f'{pid}@{int(start_time) - 1}'}
    worker = self._start(self._worker_path, '60', env=earlier)
    self.assertIn(worker.pid, _pids(orphans.find()[0]))

  def test_reaps_own_orphans_only(self):
    program = self._start('/bin/sleep', '60')
    own = self._start_worker_of(program.pid)
    program.kill()  # Stays a zombie: its parent has not waited.
    other = self._start_adopted_worker()
    bystander = self._start(self._worker_path, '60')  # Its parent runs.
    with self.assertLogs(level='WARNING') as logs:
      orphans.reap()
    self.assertEqual(own.wait(timeout=5), -9)
    self.assertTrue(other.is_running())
    self.assertIsNone(bystander.poll())
    (line,) = logs.output
    self.assertRegex(line, rf'Found and ended worker_binary.*\b{own.pid}\b')
    self.assertNotRegex(line, rf'\b({other.pid}|{bystander.pid})\b')
    with self.assertNoLogs(level='WARNING'):
      orphans.reap()

  def test_services_are_no_orphans(self):
    service = self._start_adopted_worker(TFF_METHODS_PARENT='none')
    adopted = self._start_adopted_worker()
    # A program above this one may adopt processes, as init does.
    reapers = (*orphans._REAPERS, adopted.parent().name())
    with mock.patch.object(orphans, '_REAPERS', reapers):
      own, others = map(_pids, orphans.find())
    self.assertNotIn(service.pid, own + others)
    self.assertIn(adopted.pid, others)

  def test_mark_names_this_process(self):
    (mark,) = orphans.parent_mark().values()
    self.assertStartsWith(mark, f'{os.getpid()}@')


def _pids(processes: list[psutil.Process]) -> list[int]:
  return [process.pid for process in processes]


if __name__ == '__main__':
  absltest.main()
