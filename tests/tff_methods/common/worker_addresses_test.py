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
"""Tests of the checks of worker addresses."""

from absl.testing import absltest
from absl.testing import parameterized

from tff_methods.common import worker_addresses


class WorkerAddressesTest(parameterized.TestCase):
  def test_takes_distinct_hosts_and_ports(self):
    worker_addresses.check_addresses(['localhost:1', 'localhost:2', 'b:65535'])

  @parameterized.named_parameters(
    ('none', [], 'Expected addresses of workers, found none'),
    ('no_port', ['host'], "host:port of a worker, found 'host'"),
    ('no_host', [':10'], "found ':10'"),
    ('words', ['host:ten'], "found 'host:ten'"),
    ('port_0', ['host:0'], "found 'host:0'"),
    ('high_port', ['host:65536'], "found 'host:65536'"),
    ('twice', ['a:1', 'b:1', 'a:1'], 'distinct workers, found a:1,b:1,a:1'),
  )
  def test_refuses(self, addresses, message):
    with self.assertRaisesRegex(ValueError, message):
      worker_addresses.check_addresses(addresses)


if __name__ == '__main__':
  absltest.main()
