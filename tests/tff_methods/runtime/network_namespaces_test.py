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
"""Tests of workers on several hosts, simulated by network namespaces.

An unplugged cable sends no message, unlike a process that ends on one host.
"""

import os
import pathlib
import subprocess
import sys
import unittest

from absl.testing import absltest
import pytest
import tensorflow_federated as tff

_REPOSITORY = pathlib.Path(__file__).parents[3]
_WORKER = pathlib.Path(tff.__file__).parent / 'data' / 'worker_binary'
_NAMESPACES = [
  'unshare',
  *('--user', '--map-root-user', '--net', '--mount'),
  # The end of the first process ends all others.
  *('--pid', '--fork', '--kill-child', '--mount-proc'),
]

# Two hosts, each on a cable of its own, and the program on a third host.
_NETWORK = f"""
mount -t tmpfs none /run
ip link set lo up
for i in 1 2; do
  ip netns add host$i
  ip link add cable$i type veth peer name eth0 netns host$i
  ip addr add 10.99.$i.1/24 dev cable$i
  ip link set cable$i up
  ip -n host$i addr add 10.99.$i.2/24 dev eth0
  ip -n host$i link set eth0 up
  ip netns exec host$i {_WORKER} --port=10000 2>/dev/null &
done
"$@"
"""

_PROGRAM = """
import logging
import subprocess
import threading
import time

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import runtime


class Lines(logging.Handler):
  lines = []

  def emit(self, record):
    self.lines.append(record.getMessage())


@tff.tensorflow.computation(np.float32)
def sine(x):
  return tf.while_loop(
    lambda i, _: i < 10_000, lambda i, y: (i + 1, tf.sin(y + 1)), [0, x]
  )[1]


@tff.federated_computation(tff.FederatedType(np.float32, tff.CLIENTS))
def mean_of_sines(values):
  return tff.federated_mean(tff.federated_map(sine, values))


def set_cable(host, state):
  subprocess.run(
    ['ip', '-n', f'host{host}', 'link', 'set', 'eth0', state], check=True
  )


logging.getLogger('absl').addHandler(Lines())
runtime.set_remote_context(
  ['10.99.1.2:10000', '10.99.2.2:10000'],
  silence_seconds=2,
  patience_seconds=4,
)
values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
expected = mean_of_sines(values)

start = time.monotonic()
threading.Timer(0.1, set_cable, [2, 'down']).start()
while not Lines.lines:
  assert mean_of_sines(values) == expected
  assert time.monotonic() - start < 20
assert mean_of_sines(values) == expected
print('without host 2:', Lines.lines)

set_cable(2, 'up')
start = time.monotonic()
while 'Worker 10.99.2.2:10000 is back.' not in Lines.lines:
  assert mean_of_sines(values) == expected
  assert time.monotonic() - start < 60
set_cable(1, 'down')
assert mean_of_sines(values) == expected
print('without host 1:', Lines.lines)

set_cable(2, 'down')
start = time.monotonic()
try:
  mean_of_sines(values)
except runtime.NoWorkersError as e:
  assert time.monotonic() - start < 20
  print('without both:', e)
"""


def _are_namespaces_allowed() -> bool:
  try:
    return not subprocess.run(
      [*_NAMESPACES, 'ip', 'link'], capture_output=True, check=False
    ).returncode
  except FileNotFoundError:
    return False


@unittest.skipUnless(
  _are_namespaces_allowed(),
  'Requires `unshare`, `ip`, and permission to use them.',
)
class NetworkNamespacesTest(absltest.TestCase):
  @pytest.mark.slow
  def test_hosts_disconnect_and_return(self):
    paths = [str(_REPOSITORY), *filter(None, sys.path)]
    result = subprocess.run(
      [
        *(*_NAMESPACES, '/bin/sh', '-euc', _NETWORK, 'network'),
        *(sys.executable, '-c', _PROGRAM),
      ],
      capture_output=True,
      text=True,
      env={**os.environ, 'PYTHONPATH': os.pathsep.join(paths)},
      timeout=280,
      check=False,
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertRegex(
      result.stdout, "host 2: .'Continuing without worker 10.99.2.2:10000: "
    )
    self.assertRegex(
      result.stdout, 'host 1: .*is back.*without worker 10.99.1.2'
    )
    self.assertRegex(
      result.stdout, 'both: Expected an answer from a worker within 4 seconds'
    )


if __name__ == '__main__':
  absltest.main()
