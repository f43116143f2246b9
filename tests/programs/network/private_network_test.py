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
"""Tests for private_network."""

import os
import pathlib
import socket
import subprocess
import sys
import unittest

from absl.testing import absltest

# `PR_SET_DUMPABLE`: the process belongs to the user, as one that a user starts.
_BECOME_A_USER = """
import ctypes, os
os.setgid(65534)
os.setuid(65534)
ctypes.CDLL(None).prctl(4, 1)
"""
_ENTER = """
import os, socket, sys
from programs.network import private_network
private_network.enter()
"""
_CONNECT_INSIDE = """
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen()
socket.socket().connect(listener.getsockname())
print(os.getuid(), [name for _, name in socket.if_nameindex()])
"""
_REACH_OUTSIDE = """
try:
  socket.socket().connect(('127.0.0.1', int(sys.argv[1])))
except ConnectionRefusedError:
  print('refused')
"""
_LISTEN_INSIDE = """
listener = socket.socket()
listener.bind(('127.0.0.1', int(sys.argv[1])))
listener.listen()
print('listening', flush=True)
sys.stdin.read()
"""


def _command(program: str, *arguments: str) -> list[str]:
  return [sys.executable, '-c', program, *arguments]


def _environment() -> dict[str, str]:
  repository = str(pathlib.Path(__file__).parents[3])
  return {**os.environ, 'PYTHONPATH': repository}


def _run(program: str, *arguments: str) -> str:
  return subprocess.check_output(
    _command(program, *arguments), env=_environment(), text=True
  )


def _can_enter() -> bool:
  result = subprocess.run(
    _command(_ENTER), env=_environment(), capture_output=True, check=False
  )
  return result.returncode == 0


@unittest.skipUnless(_can_enter(), 'This system allows no private network.')
class PrivateNetworkTest(absltest.TestCase):
  def test_has_a_loopback_interface_alone(self):
    self.assertEqual(_run(_ENTER + _CONNECT_INSIDE), f"{os.getuid()} ['lo']\n")

  def test_ports_outside_are_not_reached(self):
    with socket.create_server(('127.0.0.1', 0)) as listener:
      _, port = listener.getsockname()
      socket.create_connection(('127.0.0.1', port)).close()
      self.assertEqual(_run(_ENTER + _REACH_OUTSIDE, str(port)), 'refused\n')

  def test_ports_inside_are_not_reached(self):
    with socket.create_server(('127.0.0.1', 0)) as listener:
      _, port = listener.getsockname()  # Free once this is closed.
    with subprocess.Popen(
      _command(_ENTER + _LISTEN_INSIDE, str(port)),
      env=_environment(),
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
    ) as process:
      self.assertEqual(process.stdout.readline(), 'listening\n')
      with self.assertRaises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', port))
      process.stdin.close()

  @unittest.skipUnless(os.geteuid() == 0, 'Becomes another user.')
  def test_needs_no_privileges(self):
    result = subprocess.run(
      ['unshare', '--user', '--map-root-user', 'true'], check=False
    )
    if result.returncode:
      self.skipTest('This system allows no user namespaces.')
    # Modules are loaded as root, who can read the repository in any case.
    program = _ENTER.replace(
      'private_network.enter()', f'{_BECOME_A_USER}private_network.enter()'
    )
    self.assertEqual(_run(program + _CONNECT_INSIDE), "65534 ['lo']\n")


if __name__ == '__main__':
  absltest.main()
