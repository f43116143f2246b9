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

from absl.testing import absltest
from absl.testing import parameterized

from tff_methods import options as options_lib


class SecureSketchOptionsTest(parameterized.TestCase):
  @parameterized.parameters((200, 8), (7, 1), (3, 16))
  def test_modulus_holds_the_largest_sum_and_no_more(self, num_clients, bits):
    options = options_lib.SecureSketchOptions(
      clip=1.0, clients_per_round=num_clients, bits=bits
    )
    largest = sum(int('1' * bits, 2) for _ in range(num_clients))
    self.assertEqual(largest % options.modulus, largest)
    self.assertEqual((largest + 1) % options.modulus, 0)

  @parameterized.parameters(
    ({'clip': 0.0}, ValueError, 'clip above 0'),
    ({'clip': '1'}, TypeError, 'be a number, found str'),
    ({'clients_per_round': 0}, ValueError, 'of at least 1, found 0'),
    ({'noise_multiplier': 0.0}, ValueError, 'noise_multiplier above 0'),
    ({'noise_seed_for_tests': 'x'}, TypeError, 'to be an int, found str'),
    ({'bits': 0}, ValueError, 'bits from 1 to 16'),
    ({'bits': None}, TypeError, 'found None: give the bits of'),
    ({'fraction': 1.5}, ValueError, r'fraction in \(0, 1\]'),
    (
      {'clients_per_round': 2**16, 'bits': 16},
      ValueError,
      'at most 2..31 - 1, found 4294901761: lower bits',
    ),
  )
  def test_bad_arguments_raise(self, kwargs, error, message):
    with self.assertRaisesRegex(error, message):
      options_lib.SecureSketchOptions(
        **({'clip': 1.0, 'clients_per_round': 3} | kwargs)
      )


if __name__ == '__main__':
  absltest.main()
