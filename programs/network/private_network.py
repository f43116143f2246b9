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
"""Private network namespace of a process and its children. Linux only.

A port in the namespace can be reached from inside it only: neither from other
machines nor by other processes of this machine. Sockets that were opened before
stay in the network outside.
"""

import ctypes
import fcntl
import os
import socket
import struct

# From Linux's <sched.h>, <linux/sockios.h> and <linux/if.h>.
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1


def enter() -> None:
  """Moves this process into a new network namespace with a loopback interface.

  The process must not have threads. No privilege is needed where the kernel
  allows user namespaces.

  Raises:
    OSError: If the system does not allow it.
  """
  uid, gid = os.geteuid(), os.getegid()
  if uid == 0:
    _unshare(_CLONE_NEWNET)
  else:
    _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    # The user keeps its id, and thus access to its files.
    _write('/proc/self/setgroups', 'deny')
    _write('/proc/self/uid_map', f'{uid} {uid} 1')
    _write('/proc/self/gid_map', f'{gid} {gid} 1')
  _turn_on_loopback()


def _unshare(namespaces: int) -> None:
  libc = ctypes.CDLL(None, use_errno=True)
  if libc.unshare(namespaces):
    error = ctypes.get_errno()
    raise OSError(error, os.strerror(error))


def _turn_on_loopback() -> None:
  with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    request = struct.pack('16sH14x', b'lo', _IFF_UP)  # A `struct ifreq`.
    fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def _write(path: str, text: str) -> None:
  with open(path, 'w') as f:
    f.write(text)
