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
"""Tests for wire_meter."""

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import row_models
from tff_methods import algorithms
from tff_methods import communication
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods.runtime.in_process import values
from tff_methods.runtime.in_process import wire_meter

_SGD = tff.learning.optimizers.build_sgdm(0.1)


def _fed_avg():
  return tff.learning.algorithms.build_weighted_fed_avg(
    linear_model.model_fn, _SGD
  )


def _sketched_update():
  return algorithms.build_sketched_update_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.SketchOptions(bits=2, fraction=0.5, min_elements=10),
  )


def _dhqc():
  return algorithms.build_dhqc_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.DhqcOptions(fraction=0.1),
  )


def _fed_ss(**kwargs):
  return algorithms.build_fed_ss(
    row_models.row_model(),
    _SGD,
    options=options_lib.FedSsOptions(num_sampled_classes=6),
    **kwargs,
  )


_DOWNLINK = options_lib.DownlinkOptions(bits=3, min_elements=10)


def _quantized_downlink():
  return algorithms.build_sketched_update_fed_avg(
    linear_model.model_fn, _SGD, model_distributor=_DOWNLINK
  )


def _quantized_rows():
  return _fed_ss(model_distributor=_DOWNLINK)


class ValueBytesExecutionTest(parameterized.TestCase):
  @parameterized.named_parameters(
    ('tensor', np.zeros([3, 5], np.float64), 3 * 5 * 8),
    ('bits', np.zeros([7], np.bool_), 7),
    ('strings', np.array(['abc', '', 'é']), 3 + 0 + 2),
  )
  def test_counts_tensors(self, value, num_bytes):
    self.assertEqual(wire_meter.value_bytes(tf.constant(value)), num_bytes)

  def test_counts_structs_and_sequences(self):
    type_spec = tff.to_type([np.int64, [tff.SequenceType(np.str_)]])
    value = values.from_python([1, [['abc', 'de']]], type_spec)
    self.assertEqual(wire_meter.value_bytes(value, type_spec), 8 + 3 + 2)

  def test_adds_by_intrinsic(self):
    meter = wire_meter.WireMeter()
    for intrinsic in ('a', 'b', 'a'):
      meter.add_uplink(intrinsic, tf.constant(1.0))
    meter.add_downlink('a', tf.constant(1.0), times=5)
    self.assertEqual(meter.uplink, {'a': 8, 'b': 4})
    self.assertEqual(meter.downlink, {'a': 20})


class WireMeterExecutionTest(parameterized.TestCase):
  @parameterized.parameters(
    _fed_avg,
    _sketched_update,
    _dhqc,
    _fed_ss,
    _quantized_downlink,
    _quantized_rows,
  )
  def test_counts_the_traced_bytes(self, build):
    process = build()
    clients = (
      row_models.datasets()
      if build in (_fed_ss, _quantized_rows)
      else linear_model.datasets()
    )
    context = runtime.create_in_process_context('cpu', 2)
    with tff.framework.get_context_stack().install(context):
      state = process.initialize()
      arguments, next_fn = [state, clients], process.next
      if build is _dhqc:
        arguments.append([process.initial_client_state()] * len(clients))
        next_fn = process.next_after(0)
      with context.count_bytes() as meter:
        metrics = next_fn(*arguments)[1]
    traced = communication.traced_bytes(next_fn)
    self.assertEqual(meter.uplink.total(), len(clients) * traced.uplink)
    self.assertEqual(meter.downlink.total(), len(clients) * traced.downlink)
    if build in (_quantized_downlink, _quantized_rows):
      # What the encoder counts, and a learning rate or the key of the round.
      encoded = metrics['distributor']['payload_bytes_per_client']
      self.assertBetween(traced.downlink - encoded, 4, 12)


if __name__ == '__main__':
  absltest.main()
