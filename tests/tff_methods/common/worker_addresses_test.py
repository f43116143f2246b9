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
"""Tests of the addresses of workers."""

import os
import socket
import threading
import time
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized

from tff_methods.common import worker_addresses

_UNKNOWN = socket.gaierror(socket.EAI_NONAME, 'Name or service not known')


class CheckAddressesTest(parameterized.TestCase):
  def test_takes_distinct_hosts_and_ports(self):
    worker_addresses.check_addresses(['localhost:1', 'localhost:2', 'b:65535'])

  @parameterized.parameters(
    '[::1]:1',
    '[2001:db8::192.0.2.1]:10000',
    '[fe80::1%eth0]:1',
    '127.0.0.1:1',
    'One-2.example.org:10000',
    'one.example.org.:10000',
    'xn--bcher-kva.example:1',
    'compose_worker_1:10000',
    f'{"x" * 63}:1',
  )
  def test_takes(self, address):
    worker_addresses.check_addresses([address])

  @parameterized.named_parameters(
    ('empty', ''),
    ('no_port', 'host'),
    ('empty_port', 'host:'),
    ('no_host', ':10'),
    ('words', 'host:ten'),
    ('port_0', 'host:0'),
    ('high_port', 'host:65536'),
    ('very_high_port', 'host:1' + 5000 * '0'),
    ('leading_zero', 'host:010'),
    ('sign', 'host:+10'),
    ('negative', 'host:-1'),
    ('underscore_in_port', 'host:1_0'),
    ('exponent', 'host:1e3'),
    ('full_width_digits', 'localhost:１'),
    ('arabic_digits', 'localhost:٣'),
    ('line_end', 'localhost:1\n'),
    ('url', 'http://x:1'),
    ('url_with_path', 'grpc://x:1/'),
    ('user', 'user@x:1'),
    ('two_ports', 'localhost:1:2'),
    ('open_bracket', '[::1'),
    ('open_bracket_with_port', '[::1:1'),
    ('no_port_after_bracket', '[::1]'),
    ('no_brackets', '::1:1'),
    ('two_brackets', '[[::1]]:1'),
    ('empty_brackets', '[]:1'),
    ('name_in_brackets', '[localhost]:1'),
    ('long_ipv6', '[1:2:3:4:5:6:7:8:9]:1'),
    ('space_in_zone', '[fe80::1%a b]:1'),
    ('space', 'local host:1'),
    ('space_before', ' a:1'),
    ('space_after', 'a:1 '),
    ('other_script', 'bücher.example:1'),
    ('kelvin_sign', '\u212a:1'),
    ('surrogate', 'a\ud800:1'),
    ('nul', 'a\0:1'),
    ('empty_label', 'a..b:1'),
    ('hyphen_first', '-a:1'),
    ('hyphen_last', 'a-:1'),
    ('dot', '.:1'),
    ('short_ipv4', '1.2.3:1'),
    ('number', '10000:1'),
    ('high_ipv4', '256.1.1.1:1'),
    ('long_label', f'{"x" * 64}:1'),
    ('long_name', f'{"x." * 127}:1'),
    ('grpc_scheme', 'unix:1'),
  )
  def test_refuses(self, address):
    with self.assertRaises(ValueError) as raised:
      worker_addresses.check_addresses(['localhost:1', address])
    self.assertEqual(
      str(raised.exception),
      f'Expected host:port of a worker, found {ascii(address)}: give it as '
      'localhost:10000 or [::1]:10000.',
    )

  @parameterized.named_parameters(
    ('none', [], 'Expected addresses of workers, found none'),
    ('twice', ['a:1', 'b:1', 'a:1'], 'distinct workers, found a:1,b:1,a:1'),
    ('case', ['a:1', 'A:1'], 'distinct workers, found a:1,A:1'),
    ('root', ['a:1', 'a.:1'], 'distinct workers, found a:1,a.:1'),
    ('ipv6', ['[::1]:1', '[0::01]:1'], 'distinct workers, found'),
  )
  def test_refuses_together(self, addresses, message):
    with self.assertRaisesRegex(ValueError, message):
      worker_addresses.check_addresses(addresses)

  def test_refuses_one_string(self):
    with self.assertRaisesRegex(TypeError, "sequence .* found 'localhost:1'"):
      worker_addresses.check_addresses('localhost:1')


class WaitForResolutionTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    environment = {'grpc_proxy': '', 'https_proxy': '', 'http_proxy': ''}
    self.enter_context(mock.patch.dict(os.environ, environment))

  def _patch(self, get_address_info) -> mock.Mock:
    return self.enter_context(
      mock.patch.object(socket, 'getaddrinfo', side_effect=get_address_info)
    )

  @parameterized.parameters('localhost:1', '127.0.0.1:1', '[::1]:1')
  def test_takes_addresses_of_this_machine(self, address):
    worker_addresses.wait_for_resolution([address], 10)

  def test_one_that_resolves_is_enough(self):
    def look_up(host, *unused_args, **unused_kwargs):
      if host != 'known':
        raise _UNKNOWN

    self._patch(look_up)
    start = time.monotonic()
    worker_addresses.wait_for_resolution(['gone:1', 'known:1'], 10)
    self.assertLess(time.monotonic() - start, 2)

  def test_waits_for_names_that_resolve_late(self):
    look_up = self._patch([_UNKNOWN, _UNKNOWN, []])
    with mock.patch.object(worker_addresses, '_SECONDS_BETWEEN_LOOKUPS', 0.01):
      worker_addresses.wait_for_resolution(['late:1'], 10)
    self.assertEqual(look_up.call_count, 3)

  def test_refuses_if_none_resolves(self):
    self._patch(_UNKNOWN)
    with self.assertRaises(ValueError) as raised:
      worker_addresses.wait_for_resolution(['typo:1', 'gone:2'], 0.1)
    self.assertEqual(
      str(raised.exception),
      'Expected the host name of a worker to resolve within 0.1 seconds, found '
      'typo:1 (Name or service not known), gone:2 (Name or service not known): '
      'correct the name, or give an IP address.',
    )

  def test_does_not_wait_for_a_silent_dns_server(self):
    released = threading.Event()
    self.addCleanup(released.set)
    self._patch(lambda *unused_args, **unused_kwargs: released.wait(30))
    start = time.monotonic()
    with self.assertRaisesRegex(ValueError, r'a:1 \(no answer from DNS\)'):
      worker_addresses.wait_for_resolution(['a:1'], 0.1)
    self.assertLess(time.monotonic() - start, 5)

  def test_leaves_names_to_a_proxy(self):
    look_up = self._patch(_UNKNOWN)
    with mock.patch.dict(os.environ, {'https_proxy': 'http://proxy:1'}):
      worker_addresses.wait_for_resolution(['inside:1'], 10)
    look_up.assert_not_called()


if __name__ == '__main__':
  absltest.main()
