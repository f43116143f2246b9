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
"""A model of many classes that learns the labels of few buckets.

Dai et al. (2021), "Federated Multiple Label Hashing (FedMLH)", section 3: one
network, the paper's sub-model, for each hash table.
"""

import collections
from collections.abc import Callable
import dataclasses

import tensorflow as tf
import tensorflow_federated as tff

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
    network: The layers of each of them.
    label_hash: From p classes to B buckets in R tables.
    max_labels: The L of the labels of examples, `int32[batch, L]`: classes in
      any order, padded by `PADDING`.
    likelihood: How logits become log-probabilities and a loss.
    seed: Of the initial weights.
  """

  network: networks.Network
  label_hash: hash_functions.LabelHash
  max_labels: int
  likelihood: bucket_likelihood.BucketLikelihood = dataclasses.field(
    default_factory=bucket_likelihood.BernoulliBuckets
  )
  seed: int = 0

  def __post_init__(self):
    if not isinstance(self.label_hash, hash_functions.LabelHash):
      raise TypeError(
        'Expected label_hash to be a LabelHash, found '
        f'{type(self.label_hash).__name__}: see LabelHash.draw.'
      )
    argument_checks.check_int('max_labels', self.max_labels, 1)
    argument_checks.check_int('seed', self.seed, 0)

  def functional_model(
    self, metrics_fns: tuple[Callable, Callable, Callable] | None = None
  ) -> tff.learning.models.FunctionalModel:
    """Returns the model as TFF trains it.

    Its predictions are the logits of buckets, `float32[batch, R, B]`. Its loss
    is the mean over examples of the sum over tables of `likelihood`'s, so the
    gradient of each network is that of its own loss. An example without labels
    counts, as one of which all buckets are negative. A label that is no class
    is an `InvalidArgumentError` when run.

    Args:
      metrics_fns: As of a `tff.learning.models.FunctionalModel`. By default
        there are `loss` and `num_examples`: others need `top_k`, which for many
        classes takes longer than to train.
    """
    weights = self.network.initial_weights(
      self.seed, self.label_hash.num_buckets, self.label_hash.num_tables
    )

    @tf.function
    def predict_on_batch(model_weights, x, training=True):
      del training  # No layer differs.
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
    """Returns the scores and classes of each example's k best classes.

    Args:
      predictions: Of the model, `float32[batch, R, B]`.
      k: How many, at most p.
      decoding: `'mean'` or `'median'` of the tables.
      chunk_size: As of `label_hashing.top_k`, which see for what is returned
        and raised.
    """
    logits = _swap_batch_and_tables(predictions)
    return decoding_lib.top_k(
      self.likelihood.log_probabilities(logits),
      self.label_hash,
      k,
      decoding=decoding,
      chunk_size=chunk_size,
    )


def loss_metrics_fns() -> tuple[Callable, Callable, Callable]:
  """Returns the `metrics_fns` of a model with `loss` and `num_examples`."""

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
  """`[batch, R, B]`, batch first for TFF, from or to `[R, batch, B]`."""
  return tf.transpose(x, [1, 0, 2])
