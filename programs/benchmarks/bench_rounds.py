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
"""Benchmark of rounds: this project's methods, TFF's, and plain TensorFlow."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn import datasets as sklearn_datasets
import tensorflow as tf
import tensorflow_federated as tff
from tensorflow_model_optimization.python.core.internal import tensor_encoding

from programs.benchmarks import bench_hand_written
from programs.benchmarks import bench_timing
import tasks
from tasks.images import image_models
from tff_methods import algorithms
from tff_methods import options as options_lib
from tff_methods import runtime
from tff_methods import templates

PLAIN = 'in process: TFF mean'
_LEARNING_RATE = 0.1
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


_DIGITS, _CNN = 'digits, 151,306 weights', 'CNN, 843,658 weights'


def time_rounds(
  workload: Workload,
  build_keras_model: Callable[[], tf.keras.Model],
  repeats: int,
) -> dict[str, np.ndarray]:
  """Times rounds of both runtimes, of TFF's own processes, and by hand.

  Args:
    workload: The model, and the data of each client.
    build_keras_model: Function that returns the model of the loop by hand.
    repeats: Number of timed rounds of each candidate; they take turns.

  Returns:
    By candidate, `float64[2]`: the median seconds of wall time, and of CPU time
    in this process and TFF's. `PLAIN` sends `float32` updates.
  """
  model_fn, clients = workload
  in_process = runtime.create_in_process_context('cpu')
  cpp = runtime.create_local_context()
  runs: dict[str, Callable[[], object]] = {}
  for group, context, processes in (
    ('in process', in_process, _few_processes(model_fn)),
    ("TFF's C++ runtime", cpp, _few_processes(model_fn)),
    ("TFF's C++ runtime and loop", cpp, _library_processes(model_fn)),
  ):
    for name, process in processes.items():
      runs[f'{group}: {name}'] = build_round(process, clients, context)
  # Last, since Keras loses track of its models once TFF has built some.
  runs[bench_hand_written.NAME] = bench_hand_written.build_round(
    build_keras_model(), clients, _LEARNING_RATE
  )
  return _medians(runs, repeats)


def time_methods(workload: Workload, repeats: int) -> dict[str, np.ndarray]:
  """Times rounds of methods in process.

  Args:
    workload: The model, and the data of each client.
    repeats: Number of timed rounds of each candidate; they take turns.

  Returns:
    See `time_rounds`.
  """
  model_fn, clients = workload
  context = runtime.create_in_process_context('cpu')
  return _medians(
    {
      f'in process: {name}': build_round(process, clients, context)
      for name, process in _own_processes(model_fn).items()
    },
    repeats,
  )


def build_round(
  process: tff.templates.IterativeProcess,
  clients: Sequence[Any],
  context: tff.framework.SyncContext,
) -> Callable[[], None]:
  """Returns a function that runs the first round in a context.

  Args:
    process: The process.
    clients: Argument of `next` for each client.
    context: The context.
  """
  with tff.framework.get_context_stack().install(context):
    state = process.initialize()

  def run():
    with tff.framework.get_context_stack().install(context):
      process.next(state, clients)

  return run


def measure(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  return _rows(
    _CNN,
    time_rounds(cnn_workload(), lambda: image_models.mnist_cnn(0), repeats),
  )


def measure_methods(repeats: int) -> list[list[str]]:
  """Runs the benchmark and returns its rows in the table of `programs.bench`.

  Args:
    repeats: Number of timed runs of each candidate.
  """
  return [
    *_rows(_DIGITS, time_methods(digits_workload(), repeats)),
    *_rows(_CNN, time_methods(cnn_workload(), repeats)),
  ]


def _medians(
  runs: Mapping[str, Callable[[], object]], repeats: int
) -> dict[str, np.ndarray]:
  clock = bench_timing.wall_and_cpu_clock()
  return bench_timing.medians(runs, repeats, warm_up=2, clock=clock)


def _rows(name: str, seconds: Mapping[str, np.ndarray]) -> list[list[str]]:
  return [
    [
      f'a round of 10 clients: {name}',
      candidate,
      f'{1000 * seconds[candidate][0]:.0f} ms',
      _comparison(seconds, candidate),
    ]
    for candidate in seconds
  ]


def _comparison(seconds: Mapping[str, np.ndarray], candidate: str) -> str:
  wall, cpu = seconds[candidate]
  plain_wall, plain_cpu = seconds[PLAIN]
  parts = [
    f'{wall / plain_wall:.2f} x TFF mean in process',
    f'{cpu / plain_cpu:.2f} x its CPU time',
  ]
  if bench_hand_written.NAME in seconds:
    by_hand, _ = seconds[bench_hand_written.NAME]
    parts.append(f'{wall / by_hand:.2f} x by hand')
  return ', '.join(parts)


def _fed_avg(
  model_fn: templates.Model,
  aggregator: tff.aggregators.WeightedAggregationFactory | None = None,
  loop: str = 'DATASET_ITERATOR',
) -> tff.learning.templates.LearningProcess:
  return tff.learning.algorithms.build_weighted_fed_avg(
    model_fn,
    tff.learning.optimizers.build_sgdm(_LEARNING_RATE),
    model_aggregator=aggregator,
    loop_implementation=tff.learning.LoopImplementation[loop],
  )


def _sketched(
  model_fn: templates.Model, **sketch: Any
) -> tff.learning.templates.LearningProcess:
  return algorithms.build_sketched_update_fed_avg(
    model_fn,
    tff.learning.optimizers.build_sgdm(_LEARNING_RATE),
    options=options_lib.SketchOptions(**sketch),
  )


def _own_processes(
  model_fn: templates.Model,
) -> dict[str, tff.learning.templates.LearningProcess]:
  """Returns the methods without client states, and the TFF mean."""
  optimizer = tff.learning.optimizers.build_sgdm(_LEARNING_RATE)
  masks = {
    f'random mask, {fraction:.4g} of the weights': (
      algorithms.build_random_mask_fed_avg(
        model_fn,
        optimizer,
        options=options_lib.RandomMaskOptions(fraction=fraction),
      )
    )
    for fraction in (0.25, 0.0625)
  }
  return {
    'TFF mean': _fed_avg(model_fn),
    'eden, 2 bits': _sketched(model_fn, bits=2),
    'eden, 2 bits, a rotation of each client': _sketched(
      model_fn, bits=2, shared_rotation=False
    ),
    'uniform, 2 bits': _sketched(model_fn, bits=2, quantizer='uniform'),
    'eden, 2 bits of 12.5 %': _sketched(model_fn, bits=2, fraction=0.125),
    **masks,
    'low rank, 0.0625 of the weights': algorithms.build_low_rank_fed_avg(
      model_fn,
      optimizer,
      options=options_lib.LowRankOptions(fraction=0.0625),
    ),
  }


def _few_processes(
  model_fn: templates.Model,
) -> dict[str, tff.learning.templates.LearningProcess]:
  """Returns the processes that are timed in both runtimes."""
  return {
    'TFF mean': _fed_avg(model_fn),
    'eden, 8 bits': _sketched(model_fn, bits=8),
    'uniform, 8 bits': _sketched(model_fn, bits=8, quantizer='uniform'),
  }


def _library_processes(
  model_fn: templates.Model,
) -> dict[str, tff.learning.templates.LearningProcess]:
  """Returns TFF's own processes, with its default loop over batches."""
  loop = 'DATASET_REDUCE'
  return {
    'TFF mean': _fed_avg(model_fn, loop=loop),
    'tensor_encoding, rotated, 8 bits': _fed_avg(
      model_fn,
      tff.aggregators.MeanFactory(
        tff.aggregators.EncodedSumFactory(_library_encoder)
      ),
      loop,
    ),
    'compression_aggregator': _fed_avg(
      model_fn, tff.learning.compression_aggregator(), loop
    ),
  }


def _library_encoder(spec: tf.TensorSpec) -> tensor_encoding.core.GatherEncoder:
  build = (
    tensor_encoding.encoders.hadamard_quantization(8)
    if spec.shape.num_elements() >= 256
    else tensor_encoding.encoders.identity()
  )
  return tensor_encoding.encoders.as_gather_encoder(build, spec)
