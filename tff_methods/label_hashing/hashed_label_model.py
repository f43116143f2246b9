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
"""Model of many classes that learns the labels of few buckets.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", section 4: one
network, the paper's sub-model, for each hash table.
"""

import collections
from collections.abc import Callable
import dataclasses

import tensorflow as tf
import tensorflow_federated as tff

from tff_methods import options as options_lib
from tff_methods.common import argument_checks
from tff_methods.label_hashing import bucket_labels
from tff_methods.label_hashing import bucket_likelihood
from tff_methods.label_hashing import decoding as decoding_lib
from tff_methods.label_hashing import hash_functions
from tff_methods.label_hashing import networks


@dataclasses.dataclass(frozen=True)
class HashedLabelModel:
  """R networks, each of which scores the B buckets of one hash table.

  Attributes:
    network: Architecture of each network.
    label_hash: Hash functions from p classes to B buckets in R tables.
    max_labels: Width L of the labels, `int32[batch, L]`: classes in any order,
      padded with `PADDING`.
    likelihood: Likelihood of bucket labels, given the logits.
    seed: Seed of the initial weights.

  Raises:
    TypeError: If `network` is not a `Network`, `label_hash` not a `LabelHash`,
      or a number not an int.
    ValueError: If a number is out of range.
  """

  network: networks.Network
  label_hash: hash_functions.LabelHash
  max_labels: int
  likelihood: bucket_likelihood.BucketLikelihood = dataclasses.field(
    default_factory=bucket_likelihood.BernoulliBuckets
  )
  seed: int = 0

  def __post_init__(self) -> None:
    argument_checks.unwrap_scalars(self)
    networks.check_network(self.network)
    if not isinstance(self.label_hash, hash_functions.LabelHash):
      raise TypeError(
        'Expected label_hash to be a LabelHash, found '
        f'{type(self.label_hash).__name__}: see LabelHash.draw.'
      )
    argument_checks.check_int('max_labels', self.max_labels, minimum=1)
    argument_checks.check_int('seed', self.seed, minimum=0)

  def functional_model(
    self, metrics_fns: tuple[Callable, Callable, Callable] | None = None
  ) -> tff.learning.models.FunctionalModel:
    """Returns the model that TFF trains.

    Its predictions are the logits of buckets, `float32[batch, R, B]`. Its loss
    is the mean over examples of the sum over tables of the `likelihood`'s loss,
    so the gradient of each network is that of its own loss. An example without
    labels counts: all its buckets are negative. A label that is not a class
    raises an `InvalidArgumentError` at run time.

    Args:
      metrics_fns: Metrics functions of a
        `tff.learning.models.FunctionalModel`; by default those of `loss` and
        `num_examples`. Others need `top_k`, which for many classes takes longer
        than training.
    """
    weights = self.network.initial_weights(
      self.seed, self.label_hash.num_buckets, self.label_hash.num_tables
    )

    @tf.function
    def predict_on_batch(model_weights, x, training=True):
      del training  # No layer depends on it.
      logits = self.network.logits(model_weights[0], x)
      return _swap_batch_and_tables(logits)

    def loss(output, label, sample_weight=None):
      del sample_weight
      losses = self.likelihood.cross_entropy(
        _swap_batch_and_tables(output),
        bucket_labels.hash_labels(label, self.label_hash),
      )
      return tf.reduce_mean(tf.reduce_sum(losses, axis=0))

    return tff.learning.models.FunctionalModel(
      initial_weights=(weights, ()),
      predict_on_batch_fn=predict_on_batch,
      loss_fn=loss,
      metrics_fns=metrics_fns or loss_metrics_fns(),
      input_spec=(
        self.network.input_spec,
        tf.TensorSpec([None, self.max_labels], tf.int32),
      ),
    )

  def top_k(
    self,
    predictions: tf.Tensor,
    k: int,
    *,
    decoding: str = 'mean',
    chunk_size: int = 512,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns each example's classes with the highest scores.

    Args:
      predictions: Predictions of the model, `float32[batch, R, B]`.
      k: Number of classes to return, at most p.
      decoding: Score of a class, one of `options.DECODINGS`. `'mean'`, as in
        the paper, or `'median'`, of the log-probabilities of its buckets over
        the tables; `'mean_logits'`, of their logits, as in the code of the
        paper's authors; or `'count_sketch'`, the median of their
        `signed_probabilities`, as in the paper's algorithm 1.
      chunk_size: Number of classes that are scored at once: see
        `label_hashing.top_k`.

    Returns:
      Scores, `float32[batch, k]`, descending, and their classes, `int32[batch,
      k]`.

    Raises:
      TypeError: If `k` or `chunk_size` is not an int.
      ValueError: If an argument is out of range or has another shape, or the
        number of buckets is odd with `'count_sketch'`.
    """
    argument_checks.check_choice('decoding', decoding, options_lib.DECODINGS)
    predictions = tf.convert_to_tensor(predictions)
    expected = [None, self.label_hash.num_tables, self.label_hash.num_buckets]
    if not predictions.shape.is_compatible_with(expected):
      raise ValueError(
        f'Expected predictions of shape {expected}, of examples, tables and '
        f'buckets, found {predictions.shape}: give those of this model.'
      )
    scores = _swap_batch_and_tables(predictions)
    if decoding != 'mean_logits':
      scores = self.likelihood.log_probabilities(scores)
    if decoding == 'count_sketch':
      scores = decoding_lib.signed_probabilities(scores)
    reduction = 'median' if decoding in ('median', 'count_sketch') else 'mean'
    return decoding_lib.top_k(
      scores, self.label_hash, k, reduction=reduction, chunk_size=chunk_size
    )


def loss_metrics_fns() -> tuple[Callable, Callable, Callable]:
  """Returns the metrics functions of `loss` and `num_examples`."""

  @tf.function
  def initialize():
    return collections.OrderedDict(
      loss=tf.constant(0.0), num_examples=tf.constant(0, tf.int64)
    )

  @tf.function
  def update(state, labels, batch_output, sample_weight=None):
    del sample_weight
    num_examples = tf.shape(labels)[0]
    return collections.OrderedDict(
      loss=state['loss']
      + batch_output.loss * tf.cast(num_examples, tf.float32),
      num_examples=state['num_examples'] + tf.cast(num_examples, tf.int64),
    )

  @tf.function
  def finalize(state):
    return collections.OrderedDict(
      loss=tf.math.divide_no_nan(
        state['loss'], tf.cast(state['num_examples'], tf.float32)
      ),
      num_examples=state['num_examples'],
    )

  return initialize, update, finalize


def _swap_batch_and_tables(x: tf.Tensor) -> tf.Tensor:
  """Maps `[batch, R, B]`, the order for TFF, to `[R, batch, B]`, or back."""
  return tf.transpose(x, [1, 0, 2])
