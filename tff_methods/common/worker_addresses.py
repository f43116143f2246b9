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
"""Addresses of remote workers; no TensorFlow import."""

from collections.abc import Sequence
import ipaddress
import os
import re
import socket
import threading
import time

_MAX_PORT = 65535
_PORT = re.compile(r'[1-9][0-9]{0,4}')
_MAX_HOST_CHARACTERS = 253
# Letters of other scripts are written as `xn--`; DNS has no underscore, but
# names of containers do.
_HOST = re.compile(
  r'([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*'
  r'[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?',
  re.ASCII | re.IGNORECASE,
)
_IPV6_ZONE = re.compile(r'[A-Za-z0-9_.-]*')  # Name or number of an interface.
# gRPC takes these before a colon for the kind of an address, not for a host.
_GRPC_SCHEMES = frozenset(
  ('dns', 'google-c2p', 'ipv4', 'ipv6', 'unix', 'unix-abstract', 'vsock', 'xds')
)
# With these, gRPC leaves the resolution of names to the proxy.
_PROXY_VARIABLES = ('grpc_proxy', 'https_proxy', 'http_proxy')
_SECONDS_BETWEEN_LOOKUPS = 0.5


def check_addresses(addresses: Sequence[str]) -> None:
  """Raises `ValueError` unless these are addresses of distinct workers.

  A host is a name of ASCII letters, digits, hyphens and underscores, an IPv4
  address, or an IPv6 address in brackets. Names are not resolved; see
  `wait_for_resolution`.

  Args:
    addresses: `host:port` of each worker.

  Raises:
    TypeError: If this is one string.
    ValueError: If there is no address, one is not `host:port`, or one occurs
      twice.
  """
  if isinstance(addresses, str):
    raise TypeError(
      f'Expected a sequence of addresses of workers, found {addresses!r}: give '
      'a list.'
    )
  if not addresses:
    raise ValueError('Expected addresses of workers, found none: give one.')
  for address in addresses:
    host, _, port = address.rpartition(':')
    if not (
      _is_host(host) and _PORT.fullmatch(port) and int(port) <= _MAX_PORT
    ):
      # In ASCII: other digits, for example, look the same.
      raise ValueError(
        f'Expected host:port of a worker, found {address!a}: give it as '
        'localhost:10000 or [::1]:10000.'
      )
  if len({_normalized(a) for a in addresses}) < len(addresses):
    raise ValueError(
      f'Expected distinct workers, found {",".join(addresses)}: remove '
      'duplicates.'
    )


def wait_for_resolution(
  addresses: Sequence[str], timeout_seconds: float
) -> None:
  """Waits until the host name of one worker resolves.

  One is enough: the name of a machine may disappear with the machine, and the
  other workers then continue without it. Names are looked up repeatedly, since
  that of a machine that starts may resolve late. With a proxy for gRPC, which
  resolves names itself, this function returns at once.

  Args:
    addresses: `host:port` of each worker; see `check_addresses`.
    timeout_seconds: Time to wait, in seconds.

  Raises:
    ValueError: If no name resolves in time.
  """
  if any(os.environ.get(name) for name in _PROXY_VARIABLES):
    return
  has_ended = threading.Event()
  deadline = time.monotonic() + timeout_seconds
  problems = {address: 'no answer from DNS' for address in addresses}

  def look_up(address: str) -> None:
    host, _, port = address.rpartition(':')
    while not has_ended.is_set():
      try:
        socket.getaddrinfo(host.strip('[]'), port, type=socket.SOCK_STREAM)
        has_ended.set()
      except (OSError, UnicodeError) as e:
        problems[address] = getattr(e, 'strerror', None) or str(e)
        has_ended.wait(_SECONDS_BETWEEN_LOOKUPS)

  # A lookup cannot be stopped, and takes long if no DNS server answers.
  threads = [
    threading.Thread(target=look_up, args=(address,), daemon=True)
    for address in addresses
  ]
  for thread in threads:
    thread.start()
  is_resolved = has_ended.wait(max(0.0, deadline - time.monotonic()))
  has_ended.set()
  if not is_resolved:
    found = ', '.join(
      f'{address} ({problems[address]})' for address in addresses
    )
    raise ValueError(
      f'Expected the host name of a worker to resolve within '
      f'{timeout_seconds:g} seconds, found {found}: correct the name, or give '
      'an IP address.'
    )


def _is_host(host: str) -> bool:
  if host.startswith('[') and host.endswith(']'):
    _, _, zone = host[1:-1].partition('%')
    return bool(
      _IPV6_ZONE.fullmatch(zone)
      and _is_ip_address(host[1:-1], ipaddress.IPv6Address)
    )
  *_, last_label = host.removesuffix('.').split('.')
  if last_label.isdecimal():
    return _is_ip_address(host, ipaddress.IPv4Address)
  return bool(
    len(host) <= _MAX_HOST_CHARACTERS
    and _HOST.fullmatch(host)
    and host.lower() not in _GRPC_SCHEMES
  )


def _is_ip_address(
  text: str, kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]
) -> bool:
  try:
    kind(text)
  except ValueError:
    return False
  return True


def _normalized(address: str) -> tuple[str, str]:
  """Returns host and port, the same for each spelling of the host."""
  host, _, port = address.rpartition(':')
  if host.startswith('['):
    return str(ipaddress.IPv6Address(host[1:-1])), port
  return host.removesuffix('.').lower(), port
