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
"""Tests of the library's processes on two remote workers."""

from absl.testing import parameterized
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_federated as tff

from tests.tff_methods import linear_model
from tests.tff_methods import row_models
from tests.tff_methods.runtime import two_workers
from tff_methods import algorithms
from tff_methods import label_hashing
from tff_methods import options as options_lib
from tff_methods import runtime

_SGD = tff.learning.optimizers.build_sgdm(0.1)


def _dense(build, **kwargs):
  """Returns functions that build a dense process and its client data."""
  return (
    lambda: build(linear_model.model_fn, _SGD, **kwargs),
    linear_model.datasets,
  )


def _build_fed_mlh() -> tff.learning.templates.LearningProcess:
  model = label_hashing.HashedLabelModel(
    label_hashing.DenseNetwork(5, (7,)),
    label_hashing.LabelHash.draw(9, num_tables=2, num_buckets=4, seed=0),
    max_labels=2,
  )
  return algorithms.build_fed_mlh(model, _SGD)


def _label_datasets() -> list[tf.data.Dataset]:
  rng = np.random.default_rng(0)
  return [
    tf.data.Dataset.from_tensor_slices(
      (
        rng.normal(size=[size, 5]).astype(np.float32),
        rng.integers(-1, 9, [size, 2], np.int32),
      )
    ).batch(4)
    for size in (6, 10, 7)
  ]


def _of_rows(build, **kwargs):
  """Returns functions that build a process of rows and its client data."""
  return (
    lambda: build(row_models.row_model(), _SGD, **kwargs),
    row_models.datasets,
  )


_PROCESSES = {
  'fed_avg': _dense(tff.learning.algorithms.build_weighted_fed_avg),
  # Four aggregations; the server derives the next round's clipping and zeroing
  # norms from their results.
  'robust_fed_avg': _dense(
    tff.learning.algorithms.build_weighted_fed_avg,
    model_aggregator=tff.learning.robust_aggregator(),
  ),
  'sketched_update': _dense(
    algorithms.build_sketched_update_fed_avg,
    options=options_lib.SketchOptions(bits=2, fraction=0.5, min_elements=10),
  ),
  'client_rotation': _dense(
    algorithms.build_sketched_update_fed_avg,
    options=options_lib.SketchOptions(
      bits=1, shared_rotation=False, min_elements=10
    ),
  ),
  'random_mask': _dense(
    algorithms.build_random_mask_fed_avg,
    options=options_lib.RandomMaskOptions(fraction=0.5, min_elements=10),
  ),
  'low_rank': _dense(
    algorithms.build_low_rank_fed_avg,
    options=options_lib.LowRankOptions(rank=2, bits=4, min_elements=10),
  ),
  'terngrad': _dense(
    algorithms.build_terngrad_fed_avg,
    options=options_lib.TernGradOptions(min_elements=10),
  ),
  'qsgd': _dense(
    algorithms.build_qsgd_fed_avg,
    options=options_lib.QsgdOptions(min_elements=10),
  ),
  'ef_sign': _dense(
    algorithms.build_ef_sign_fed_avg,
    options=options_lib.EfSignOptions(min_elements=10),
  ),
  'dhqc': _dense(
    algorithms.build_dhqc_fed_avg, options=options_lib.DhqcOptions(fraction=0.2)
  ),
  'dgc': _dense(
    algorithms.build_dgc_fed_avg, options=options_lib.DgcOptions(fraction=0.2)
  ),
  'fetch_sgd': _dense(
    algorithms.build_fetch_sgd_fed_avg,
    options=options_lib.CountSketchOptions(fraction=0.2),
  ),
  # The ensemble of FedAvg's networks is a model of the same process.
  'fed_mlh': (_build_fed_mlh, _label_datasets),
  'lsh_select': _of_rows(
    algorithms.build_lsh_select_fed_avg,
    options=options_lib.LshSelectOptions(row_budget=0.5),
  ),
  **{
    f'fed_ss_{variant}': _of_rows(
      algorithms.build_fed_ss,
      options=options_lib.FedSsOptions(
        variant=variant,
        num_sampled_classes=None if variant == 'full_softmax' else 6,
      ),
    )
    for variant in options_lib.FED_SS_VARIANTS
  },
}


class _Rounds:
  """Runs rounds of a process, with or without client states."""

  def __init__(self, process, clients):
    self._process = process
    self._clients = clients
    self._state = process.initialize()
    self._client_states = None
    if not isinstance(process, tff.learning.templates.LearningProcess):
      self._client_states = [process.initial_client_state()] * len(clients)

  def run_one(self) -> bytes:
    """Runs the next round; returns the bytes of the model weights."""
    if self._client_states is None:
      self._state, _ = self._process.next(self._state, self._clients)
    else:
      self._state, _, self._client_states = self._process.next(
        self._state, self._clients, self._client_states
      )
    weights = self._process.get_model_weights(self._state).trainable
    return b''.join(np.asarray(w).tobytes() for w in weights)


class RemoteProcessesExecutionTest(parameterized.TestCase, tf.test.TestCase):
  @parameterized.named_parameters((n, *args) for n, args in _PROCESSES.items())
  @pytest.mark.slow
  def test_weights_equal_those_of_a_single_worker(self, build, datasets):
    # Sums of three clients are made in the same order by one and two workers.
    process, clients = build(), datasets()
    with tff.framework.get_context_stack().install(
      runtime.create_local_context()
    ):
      rounds = _Rounds(process, clients)
      expected = [rounds.run_one() for _ in range(2)]
    context = two_workers.create_context()
    with tff.framework.get_context_stack().install(context):
      rounds = _Rounds(process, clients)
      self.assertEqual(rounds.run_one(), expected[0])
      context.local_workers[0].end()
      self.assertEqual(rounds.run_one(), expected[1])
    self.assertNotEqual(expected[0], expected[1])

  def test_evaluation(self):
    evaluation = tff.learning.algorithms.build_fed_eval(linear_model.model_fn)
    metrics = []
    for context in (
      runtime.create_local_context(),
      two_workers.create_context(),
    ):
      with tff.framework.get_context_stack().install(context):
        output = evaluation.next(
          evaluation.initialize(), linear_model.datasets()
        )
        metrics.append(output.metrics['client_work']['eval'])
    self.assertAllClose(metrics[1], metrics[0], atol=1e-6)


if __name__ == '__main__':
  tf.test.main()
