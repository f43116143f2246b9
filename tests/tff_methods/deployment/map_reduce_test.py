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
"""Tests for map_reduce."""

import dataclasses
import json
import os
import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest
from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import local_updates
from tests.tff_methods import row_models
from tff_methods import aggregators
from tff_methods import algorithms
from tff_methods import deployment
from tff_methods import label_hashing
from tff_methods import options as options_lib
from tff_methods.runtime import in_process

_SGD = tff.learning.optimizers.build_sgdm(0.1, 0.9)


def _fed_avg():
  return tff.learning.algorithms.build_weighted_fed_avg(
    linear_model.model_fn, _SGD
  )


def _sketched_update(**kwargs):
  return algorithms.build_sketched_update_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.SketchOptions(
      bits=2, fraction=0.5, min_elements=10, **kwargs
    ),
    model_distributor=options_lib.DownlinkOptions(bits=8, min_elements=10),
  )


def _low_rank():
  return algorithms.build_low_rank_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.LowRankOptions(rank=2, min_elements=10),
  )


def _random_mask():
  return algorithms.build_random_mask_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.RandomMaskOptions(fraction=0.25, min_elements=10),
  )


def _terngrad():
  return algorithms.build_terngrad_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.TernGradOptions(min_elements=10),
  )


def _fetch_sgd():
  return algorithms.build_fetch_sgd_fed_avg(
    linear_model.model_fn,
    _SGD,
    options=options_lib.CountSketchOptions(fraction=0.5, applied_fraction=0.1),
  )


def _fed_mlh():
  model = label_hashing.HashedLabelModel(
    label_hashing.DenseNetwork(linear_model.NUM_FEATURES, (3,)),
    label_hashing.LabelHash.draw(linear_model.NUM_CLASSES, 2, 3, seed=0),
    max_labels=1,
  )
  return algorithms.build_fed_mlh(model, _SGD)


def _label_clients():
  return [
    dataset.map(lambda x, y: (x, tf.reshape(tf.cast(y, tf.int32), [-1, 1])))
    for dataset in local_updates.clients()
  ]


def _lsh_select():
  return algorithms.build_lsh_select_fed_avg(
    row_models.row_model(),
    _SGD,
    options=options_lib.LshSelectOptions(
      row_budget=0.5, retrieval_mode='broadcast'
    ),
  )


def _dp_sketched():
  return tff.learning.algorithms.build_unweighted_fed_avg(
    linear_model.model_fn,
    _SGD,
    model_aggregator=aggregators.dp_sketched_aggregator(
      noise_multiplier=1.0, clients_per_round=3, noise_seed_for_tests=1
    ),
  )


def _fed_ss(retrieval_mode):
  return algorithms.build_fed_ss(
    row_models.row_model(),
    _SGD,
    options=options_lib.FedSsOptions(
      num_sampled_classes=6, retrieval_mode=retrieval_mode
    ),
  )


def _secure_sketched():
  return tff.learning.algorithms.build_unweighted_fed_avg(
    linear_model.model_fn,
    _SGD,
    model_aggregator=aggregators.secure_sketched_aggregator(
      clip=1.0, clients_per_round=3
    ),
    metrics_aggregator=tff.learning.metrics.secure_sum_then_finalize,
  )


def _dhqc():
  return algorithms.build_dhqc_fed_avg(
    linear_model.model_fn, _SGD, options=options_lib.DhqcOptions(fraction=0.1)
  )


class _Platform:
  """A platform that has the files of a form, and TensorFlow alone.

  Values are flat lists of arrays and client data.
  """

  def __init__(self, directory):
    self._directory = pathlib.Path(directory)
    self._signatures = json.loads(
      (self._directory / 'signatures.json').read_text()
    )

  def initialize(self):
    (state,) = self._run('server/initialize.pb', [], 1)
    return state

  def next(self, state, client_data):
    """Returns the state after a round."""
    (broadcast,) = self._run('server/prepare.pb', state, 1)
    accumulators, secure = [], []
    for data in client_data:
      update, *secure_updates = self._run(
        'client/work.pb', [data, *broadcast], 4
      )
      (accumulator,) = self._run('server/zero.pb', [], 1)
      (accumulator,) = self._run(
        'server/accumulate.pb', [*accumulator, *update], 1
      )
      accumulators.append(accumulator)
      secure.append(sum(secure_updates, []))
    total, *rest = accumulators
    for accumulator in rest:
      (total,) = self._run('server/merge.pb', [*total, *accumulator], 1)
    (report,) = self._run('server/report.pb', total, 1)
    sums = self._secure_sums(secure)
    (state, _) = self._run('server/update.pb', [*state, *report, *sums], 2)
    return state

  def _secure_sums(self, updates):
    sums = [sum(map(np.int64, values)) for values in zip(*updates, strict=True)]
    path = 'server/secure_modular_sum_modulus.pb'
    if path in self._signatures:
      # A modular sum is the last of the three kinds.
      (moduli,) = self._run(path, [], 1)
      for i, modulus in enumerate(moduli, start=len(sums) - len(moduli)):
        sums[i] %= int(modulus)
    return [
      np.asarray(x, value.dtype)
      for x, value in zip(sums, updates[0], strict=True)
    ]

  def _run(self, path, values, num_results):
    signature = self._signatures[path]
    graph = tf.compat.v1.GraphDef.FromString(
      (self._directory / path).read_bytes()
    )
    names = _tensors(signature['parameter'])
    results = (
      [signature['result']]
      if num_results == 1
      else _elements(signature['result'])
    )

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
      outputs = tf.graph_util.import_graph_def(
        graph,
        input_map={
          name: value.variant_tensor()
          for name, value in zip(names, values, strict=True)
          if isinstance(value, _ClientData)
        },
        return_elements=_tensors(signature['result']),
        name='',
      )
      if 'initialize_op' in signature:
        session.run(signature['initialize_op'])
      outputs = session.run(
        outputs,
        {
          name: value
          for name, value in zip(names, values, strict=True)
          if not isinstance(value, _ClientData)
        },
      )
    split = []
    for result in results:
      size = len(_tensors(result))
      split.append(outputs[:size])
      outputs = outputs[size:]
    return split


@dataclasses.dataclass(frozen=True)
class _ClientData:
  """A data set that a graph reads; those of eager mode cannot enter one."""

  elements: list
  element_spec: object

  @classmethod
  def of(cls, dataset):
    return cls(list(dataset.as_numpy_iterator()), dataset.element_spec)

  def variant_tensor(self):
    return tf.data.experimental.to_variant(
      tf.data.Dataset.from_generator(
        lambda: self.elements, output_signature=self.element_spec
      )
    )


def _leaves(value):
  """Returns arrays in the order of TFF's types; `tree` would sort names."""
  return tff.structure.flatten(
    tff.structure.from_container(value, recursive=True)
  )


def _elements(signature):
  values = signature.values() if isinstance(signature, dict) else signature
  return list(values)


def _tensors(signature):
  """Returns the names of the tensors of a signature."""
  if signature is None:
    return []
  for key in ('tensor', 'variant_tensor'):
    if isinstance(signature, dict) and isinstance(signature.get(key), str):
      return [signature[key]]
  return [name for x in _elements(signature) for name in _tensors(x)]


@pytest.mark.slow
class MapReduceTest(parameterized.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.enterClassContext(
      tff.framework.get_context_stack().install(
        in_process.InProcessContext(['/device:CPU:0'], 2)
      )
    )

  @parameterized.named_parameters(
    ('fed_avg', _fed_avg, local_updates.clients),
    ('sketched_update', _sketched_update, local_updates.clients),
    (
      'client_rotation',
      lambda: _sketched_update(shared_rotation=False),
      local_updates.clients,
    ),
    ('random_mask', _random_mask, local_updates.clients),
    ('low_rank', _low_rank, local_updates.clients),
    ('terngrad', _terngrad, local_updates.clients),
    ('fetch_sgd', _fetch_sgd, local_updates.clients),
    ('dp_sketched', _dp_sketched, local_updates.clients),
    ('secure_sketched', _secure_sketched, local_updates.clients),
    ('fed_mlh', _fed_mlh, _label_clients),
    ('lsh_select', _lsh_select, row_models.datasets),
    ('fed_ss', lambda: _fed_ss('broadcast'), row_models.datasets),
  )
  def test_tensorflow_alone_runs_the_rounds_of_the_process(
    self, build, clients
  ):
    process, clients = build(), clients()
    client_data = list(map(_ClientData.of, clients))
    directory = os.path.join(
      self.enter_context(tempfile.TemporaryDirectory()), 'form'
    )
    deployment.write_map_reduce_form(process, directory)
    platform = _Platform(directory)
    expected, found = process.initialize(), platform.initialize()
    for _ in range(2):
      expected = process.next(expected, clients).state
      found = platform.next(found, client_data)
    for x, y in zip(found, _leaves(expected), strict=True):
      np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)

  def test_client_states_are_refused(self):
    with self.assertRaisesRegex(ValueError, 'two arguments.*found 3.*states'):
      deployment.build_map_reduce_form(_dhqc())

  def test_federated_select_is_refused(self):
    with self.assertRaisesRegex(
      ValueError, "without `federated_select`, found.*'broadcast'"
    ):
      deployment.build_map_reduce_form(_fed_ss('select'))

  def test_broadcast_of_an_aggregate_is_refused(self):
    process = algorithms.build_terngrad_fed_avg(
      linear_model.model_fn,
      _SGD,
      options=options_lib.TernGradOptions(min_elements=10, share_scale=True),
    )
    with self.assertRaisesRegex(
      ValueError, '^Expected a process that broadcasts before [^\n]*$'
    ):
      deployment.build_map_reduce_form(process)


class WriteMapReduceFormTest(absltest.TestCase):
  def test_directory_with_files_is_refused_and_kept(self):
    directory = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    (directory / 'file').write_text('contents')
    with self.assertRaisesRegex(ValueError, 'empty, found .*other contents'):
      deployment.write_map_reduce_form(mock.Mock(), str(directory))
    self.assertEqual((directory / 'file').read_text(), 'contents')

  def test_nothing_is_left_of_a_form_that_fails(self):
    parent = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
    process = _fed_avg()
    with (
      mock.patch.object(json, 'dump', side_effect=OSError('disk')),
      self.assertRaisesRegex(OSError, 'disk'),
    ):
      deployment.write_map_reduce_form(process, str(parent / 'form'))
    self.assertEmpty(list(parent.iterdir()))


if __name__ == '__main__':
  absltest.main()
