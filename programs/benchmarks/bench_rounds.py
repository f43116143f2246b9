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
"""Benchmark of rounds of this project's methods, beside TFF's."""

import functools
from typing import Any

import numpy as np
from sklearn import datasets as sklearn_datasets
import tensorflow as tf
import tensorflow_federated as tff
from tensorflow_model_optimization.python.core.internal import tensor_encoding

from programs.benchmarks import bench_timing
import tasks
from tasks.images import image_models
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods import templates

PLAIN = 'TFF mean'
_NUM_CLIENTS = 10
_NUM_EXAMPLES = 100

# A model, and the data of each client.
Workload = tuple[templates.Model, list[tf.data.Dataset]]


def digits_workload() -> Workload:
  """Returns the model of the task `digits` and data of ten of its clients."""
  task = tasks.build_task('digits')
  data = task.datasets.train_data.preprocess(task.datasets.train_preprocess_fn)
  return task.model_fn, [
    data.create_tf_dataset_for_client(client_id)
    for client_id in data.client_ids[:_NUM_CLIENTS]
  ]


def cnn_workload() -> Workload:
  """Returns a CNN of 843,658 weights and ten clients of 100 28x28 images.

  The images are scikit-learn's digits, scaled up by three: MNIST would have to
  be downloaded, and the time of a round does not depend on the images.
  """
  digits = sklearn_datasets.load_digits()
  images = np.kron(digits.images / 16, np.ones([1, 3, 3]))
  images = np.pad(images, [(0, 0), (2, 2), (2, 2)])[..., np.newaxis]
  arrays = images.astype(np.float32), digits.target.astype(np.int32)
  clients = [
    tf.data.Dataset.from_tensor_slices(
      tuple(array[start : start + _NUM_EXAMPLES] for array in arrays)
    ).batch(20)
    for start in range(0, _NUM_CLIENTS * _NUM_EXAMPLES, _NUM_EXAMPLES)
  ]

  def model_fn() -> tff.learning.models.VariableModel:
    return tff.learning.models.from_keras_model(
      image_models.mnist_cnn(0),
      loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
      input_spec=clients[0].element_spec,
      metrics=[tf.keras.metrics.SparseCategoricalAccuracy()],
    )

  return model_fn, clients


_WORKLOADS = {
  'digits, 151,306 weights': digits_workload,
  'CNN, 843,658 weights': cnn_workload,
}


def time_rounds(workload: Workload, repeats: int) -> dict[str, np.ndarray]:
  """Times rounds of processes of one model on the same data.

  Args:
    workload: The model, and the data of each client.
    repeats: Number of timed rounds of each process; they take turns.

  Returns:
    By process, `float64[2]`: the median seconds of wall time, and of CPU time
    in this process and the runtime's. `PLAIN` sends `float32` updates.
  """
  runtime.set_local_context()
  model_fn, clients = workload
  candidates = _build_processes(model_fn)
  states = {name: p.initialize() for name, p in candidates.items()}
  return bench_timing.medians(
    {
      name: functools.partial(process.next, states[name], clients)
      for name, process in candidates.items()
    },
    repeats,
    warm_up=2,
    clock=bench_timing.wall_and_cpu_clock(),
  )


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  table = []
  for name, build_workload in _WORKLOADS.items():
    seconds = time_rounds(build_workload(), repeats)
    plain_wall, plain_cpu = seconds[PLAIN]
    for candidate, (wall, cpu) in seconds.items():
      table.append(
        [
          f'a round of 10 clients: {name}',
          candidate,
          f'{1000 * wall:.0f} ms',
          f'{wall / plain_wall:.3f} x TFF mean, '
          f'{cpu / plain_cpu:.3f} x its CPU time',
        ]
      )
  return table


def _build_processes(
  model_fn: templates.Model,
) -> dict[str, tff.learning.templates.LearningProcess]:
  optimizer = tff.learning.optimizers.build_sgdm(0.1)

  def fed_avg(aggregator=None, loop='DATASET_ITERATOR'):
    return tff.learning.algorithms.build_weighted_fed_avg(
      model_fn,
      optimizer,
      model_aggregator=aggregator,
      loop_implementation=tff.learning.LoopImplementation[loop],
    )

  def sketched(**sketch: Any):
    return algorithms.build_sketched_update_fed_avg(
      model_fn, optimizer, options=options_lib.SketchOptions(**sketch)
    )

  return {
    PLAIN: fed_avg(),
    'TFF mean, its default loop': fed_avg(loop='DATASET_REDUCE'),
    'TFF encoded sum, rotated, 2 bits': fed_avg(
      tff.aggregators.MeanFactory(
        tff.aggregators.EncodedSumFactory(_library_encoder)
      )
    ),
    'eden, 2 bits': sketched(bits=2),
    'uniform, 2 bits': sketched(bits=2, quantizer='uniform'),
    'eden, 2 bits of 12.5 %': sketched(bits=2, fraction=0.125),
    'random mask, 25 %': algorithms.build_random_mask_fed_avg(
      model_fn,
      optimizer,
      options=options_lib.RandomMaskOptions(fraction=0.25),
    ),
    'random mask, 6.25 %': algorithms.build_random_mask_fed_avg(
      model_fn,
      optimizer,
      options=options_lib.RandomMaskOptions(fraction=0.0625),
    ),
    'low rank, 6.25 %': algorithms.build_low_rank_fed_avg(
      model_fn,
      optimizer,
      options=options_lib.LowRankOptions(fraction=0.0625),
    ),
  }


def _library_encoder(spec: tf.TensorSpec) -> tensor_encoding.core.GatherEncoder:
  build = (
    tensor_encoding.encoders.hadamard_quantization(2)
    if spec.shape.num_elements() >= 256
    else tensor_encoding.encoders.identity()
  )
  return tensor_encoding.encoders.as_gather_encoder(build, spec)
