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
"""The wire meter counts what the trace of a process says that it sends."""

from absl.testing import absltest
from absl.testing import parameterized
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import row_models
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import runtime

_SGD = tff.learning.optimizers.build_sgdm(0.1)


def _fed_avg():
  return tff.learning.algorithms.build_weighted_fed_avg(
    linear_model.model_fn, _SGD
  )


def _sketched_update():
  return algorithms.build_sketched_update_fed_avg(
    linear_model.model_fn, _SGD, bits=2, fraction=0.5, min_elements=10
  )


def _dhqc():
  return algorithms.build_dhqc_fed_avg(
    linear_model.model_fn, _SGD, fraction=0.1
  )


def _fed_ss():
  return algorithms.build_fed_ss(
    row_models.row_model(),
    _SGD,
    options=options_lib.FedSsOptions(num_sampled_classes=6),
  )


class WireMeterTest(parameterized.TestCase):
  @parameterized.parameters(_fed_avg, _sketched_update, _dhqc, _fed_ss)
  def test_counts_what_is_traced(self, build):
    process = build()
    clients = (
      row_models.datasets() if build is _fed_ss else linear_model.datasets()
    )
    context = runtime.create_in_process_context('cpu', 2)
    with tff.framework.get_context_stack().install(context):
      state = process.initialize()
      arguments, next_fn = [state, clients], process.next
      if build is _dhqc:
        arguments.append([process.initial_client_state()] * len(clients))
        next_fn = process.next_after(0)
      with context.count_bytes() as meter:
        next_fn(*arguments)
    traced = communication.traced_bytes(next_fn)
    self.assertEqual(meter.uplink.total(), len(clients) * traced.uplink)
    self.assertEqual(meter.downlink.total(), len(clients) * traced.downlink)


if __name__ == '__main__':
  absltest.main()
